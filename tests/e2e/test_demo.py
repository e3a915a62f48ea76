"""`costwire demo`: the whole pipeline on made-up reports, told to whoever tries it first."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from tests.support.commands import costwire

TITLES = (
    "Cost by service and month",
    "Biggest movers from the month before the last to the last one",
    "Cost that no tag assigns to a team",
)


def test_demo_shows_ledger_and_three_queries_and_ends_by_itself(tmp_path: Path) -> None:
    done = costwire("demo", "--data", tmp_path / "data", environment={"CHECK": "1"}, seconds=200)
    out, err = done.out, done.err
    assert done.status == 0, err
    assert "16 sample reports of 50,000 charges" in out
    assert out.count("yes: rows and sums agree exactly") == 4
    ledger = out.partition("The ledger\n")[2].split("\n\n")[0].splitlines()[2:]
    assert [line.split()[-1] for line in ledger] == ["yes"] * 4
    for title in TITLES:
        answer = out.partition(title)[2].split("\n\n")[0].splitlines()
        assert len(answer) >= 5, title
    told = out.partition("what they cost in 2024-10")[2].splitlines()
    clusters = [line for line in told if line.startswith("cluster  ")]
    assert len(clusters) == 3
    assert all(re.search(r"  BilledCost=.*\b[1-9][0-9]*\.[0-9]+ USD", line) for line in clusters)
    for currency in ("EUR", "USD"):
        (line,) = (one for one in told if one.startswith(f"bill  {currency}  period=2024-10  "))
        bill = {
            name: Decimal(amount) for name, amount in re.findall(r"(\w+)=([0-9.]+)(?= |$)", line)
        }
        assert bill.pop("total") == sum(bill.values())
    assert "Traceback" not in err
