"""`costwire demo`: the whole pipeline on made-up reports, told to whoever tries it first."""

from __future__ import annotations

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
    rows = [
        line.split() for line in out.partition("what they cost in 2024-10")[2].splitlines() if line
    ]
    costs: dict[str, dict[str, Decimal]] = {"EUR": {}, "USD": {}}
    for *name, currency, amount in (row for row in rows if len(row) > 2):
        if currency in costs:
            costs[currency][" ".join(name)] = Decimal(amount)
    for amounts in costs.values():
        bill = amounts.pop("bill")
        assert sum(amounts.values()) == bill
    clusters = [name for name in costs["USD"] if not name.startswith("(")]
    assert len(clusters) == 3
    assert all(costs["USD"][name] > 0 for name in clusters)
    assert "Traceback" not in err
