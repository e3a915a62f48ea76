"""Costs, what changed, and rates on the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from costwire_cli.handler_api import Connection

WRONG_USE = 2
HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,"
    "BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ServiceName,ResourceId,Tags"
)
PERIOD = "2024-09-01T00:00:00Z,2024-10-01T00:00:00Z,2024-09-02T00:00:00Z,2024-09-03T00:00:00Z"
RATES = "month,from,to,rate,source\n2024-09,EUR,USD,1.1,our bank\n"


def charge(cost: str, currency: str, service: str, resource: str) -> str:
    return f'{cost},1,1,1,{currency},{PERIOD},{service},{resource},"{{""team"":""web""}}"'


@pytest.fixture(scope="module")
def store(costwire: Any, handler: Connection, data: Path, tmp_path_factory: Any) -> Path:
    """A folder with the table `bills`, in which one charge was corrected and one is new."""
    report = tmp_path_factory.mktemp("report") / "bill.csv"
    kept = [
        charge("1234.56789", "USD", "Compute", "vm-1"),
        charge("-4.5", "USD", "Credits", "vm-1"),
        charge("10", "EUR", "Compute", "vm-2"),
    ]
    changes = (
        [charge("3.25", "USD", "Storage", "disk-1")],
        [charge("3.50", "USD", "Storage", "disk-1"), charge("2", "USD", "Storage", "disk-2")],
    )
    for number, changed in enumerate(changes):
        report.write_text("\n".join([HEADER, *kept, *changed, ""]))
        os.utime(report, (1_727_800_000 + number * 3600,) * 2)
        told = costwire("run", str(report), "--once", "--table", "bills", "--data", str(data))
        assert told.returncode in (0, 3), told.stderr
    return data


@pytest.fixture(scope="module")
def ask(costwire: Any, store: Path) -> Any:
    def run(command: str, *options: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        table = () if command == "rates" else ("--table", "bills")
        told: subprocess.CompletedProcess[str] = costwire(
            command, *options, *table, "--data", str(store), stdin=stdin
        )
        return told

    return run


def test_costs_are_a_table_for_each_currency(ask: Any) -> None:
    told = ask("costs", "--by", "ServiceName,Tags.team", "--from", "2024-09")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].startswith("bills as of delivery 2 (")
    assert lines[1] == "from=2024-09"
    assert lines[3:] == [
        "EUR",
        "ServiceName  Tags.team  charges  BilledCost",
        "-----------  ---------  -------  ----------",
        "Compute      web              1       10.00",
        "-----------  ---------  -------  ----------",
        "total                         1       10.00",
        "",
        "USD",
        "ServiceName  Tags.team  charges  BilledCost",
        "-----------  ---------  -------  ----------",
        "Compute      web              1   ~1,234.57",
        "Storage      web              2        5.50",
        "Credits      web              1       -4.50",
        "-----------  ---------  -------  ----------",
        "total                         4   ~1,235.57",
        "total BilledCost: 1,235.56789 USD",
        "",
        "~ is rounded; totals below a table, --format csv and json are exact",
    ]


def test_costs_as_of_a_delivery_are_what_readers_saw_then(ask: Any) -> None:
    told = ask("costs", "--as-of", "1", "--currency", "USD", "--format", "csv")
    assert told.stdout == "currency,charges,BilledCost\nUSD,3,1233.31789\n"
    assert ask("costs", "--as-of", "-7d").stdout.splitlines()[-1] == "no charges"
    today = ask("costs", "--as-of", "today", "--format", "json").stdout
    assert json.loads(today)["asOf"]["commit"] == 2


def test_costs_in_csv_and_json_are_exact_and_whole(ask: Any) -> None:
    options = ("--by", "ServiceName", "--metric", "BilledCost,ListCost")
    rows = list(csv.reader(io.StringIO(ask("costs", *options, "--format", "csv").stdout)))
    assert rows[0] == ["ServiceName", "currency", "charges", "BilledCost", "ListCost"]
    assert rows[1:] == [
        ["Compute", "EUR", "1", "10", "1"],
        ["Compute", "USD", "1", "1234.56789", "1"],
        ["Storage", "USD", "2", "5.5", "2"],
        ["Credits", "USD", "1", "-4.5", "1"],
    ]
    told = json.loads(ask("costs", *options, "--format", "json").stdout)
    assert [list(row["sums"].values()) for row in told["rows"]] == [row[3:] for row in rows[1:]]
    assert told["complete"] is True
    cut = json.loads(ask("costs", *options, "--format", "json", "--limit", "2").stdout)
    assert (cut["rows"], cut["complete"]) == (told["rows"][:2], False)


def test_groups_beyond_the_limit_are_told_together(ask: Any) -> None:
    lines = ask("costs", "--by", "ServiceName", "--limit", "1").stdout.splitlines()
    assert "all others         3        1.00" in lines
    assert "Shown: the largest (1 group); --limit N shows more." in lines


def test_diff_tells_why_and_adds_up(ask: Any) -> None:
    told = ask("diff", "1", "2", "--by", "ServiceName")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[4:] == [
        "BilledCost in EUR",
        "  nothing changed: 10",
        "",
        "BilledCost in USD",
        "ServiceName      before      after  difference",
        "------------  ---------  ---------  ----------",
        "Storage            3.25       5.50       +2.25",
        "  new: 1 charge                          +2.00",
        "  corrected: 1 charge (BilledCost)       +0.25",
        "------------  ---------  ---------  ----------",
        "total         ~1,233.32  ~1,235.57       +2.25",
        "  new: 1 charge                          +2.00",
        "  corrected: 1 charge (BilledCost)       +0.25",
        "adds up: 1,233.31789 before + 2 new + 0.25 corrected = 1,235.56789 after",
        "",
        "~ is rounded; the sums below a table, --format csv and json are exact",
    ]


def test_diff_in_csv_has_a_line_for_each_reason(ask: Any) -> None:
    told = ask("diff", "1", "--by", "ResourceId", "--format", "csv").stdout
    assert sorted(csv.reader(io.StringIO(told)))[1:] == [
        ["disk-1", "USD", "corrected", "1", "1", "0.25", '{"BilledCost": 1}'],
        ["disk-2", "USD", "new", "1", "0", "2", ""],
    ]


def test_diff_in_json_is_the_document_of_the_handler(ask: Any) -> None:
    told = json.loads(ask("diff", "-7d", "--format", "json").stdout)
    assert (told["from"]["state"], told["to"]["commit"]) == (0, 2)
    assert told["totals"]["USD"]["BilledCost"]["difference"] == "1235.56789"
    assert told["complete"] is True


def test_rates_are_set_listed_and_used(ask: Any, tmp_path: Path) -> None:
    assert "no rates yet" in ask("rates", "list").stdout
    path = tmp_path / "rates.csv"
    path.write_text(RATES)
    assert ask("rates", "set", str(path)).stdout == "1 rate read, 1 changed\n"
    assert ask("rates", "set", "-", stdin=RATES).stdout == "1 rate read, 0 changed\n"

    told = ask("costs", "--in", "USD")

    assert "total BilledCost of all currencies: 1,246.56789 USD" in told.stdout
    assert "our bank" in told.stdout
    sheet = ask("rates", "list", "--format", "csv").stdout
    assert sheet.startswith("month,from,to,rate,source,frozen\n2024-09,EUR,USD,1.1,our bank,20")
    assert ask("rates", "set", "-", stdin=sheet).stdout == "1 rate read, 0 changed\n"
    refused = ask("rates", "set", "-", stdin=RATES.replace("1.1", "1.2"))
    assert refused.returncode == 1
    assert "is frozen since" in refused.stderr
    lacking = ask("costs", "--in", "CHF")
    assert lacking.returncode == 1
    assert "costwire rates set FILE" in lacking.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("costs", "--by", "Servicename,Regon"), "bills has no column 'Regon'"),
        (("costs", "--as-of", "99"), "bills has no delivery with the number 99"),
        (("costs", "--filter", "ServiceName ="), "line 1, column"),
        (("diff", "2999-01-01"), "this time has not come"),
        (("rates", "set", "no-such.csv"), "read no-such.csv: No such file or directory"),
    ],
)
def test_what_cannot_be_answered_says_why(ask: Any, command: tuple[str, ...], said: str) -> None:
    told = ask(*command)
    assert (told.returncode, told.stdout) == (1, "")
    assert said in told.stderr


def test_wrong_use_ends_with_2(costwire: Any) -> None:
    for line in ("costs --limit none", "diff", "rates set"):
        assert costwire(*line.split()).returncode == WRONG_USE


def on_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal of 80 characters."""
    main, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "costwire_cli", *arguments],
        stdout=end,
        stdin=end,
        env={
            **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
            **{"COLUMNS": "80", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"},
            **environment,
        },
    ) as process:
        os.close(end)
        out = b""
        try:
            while found := os.read(main, 65536):
                out += found
        except OSError:  # how Linux tells that the other end is closed
            pass
        finally:
            os.close(main)
    assert process.returncode == 0
    return out.decode()


def test_terminal_has_bars_and_colours_unless_it_shall_not(store: Path) -> None:
    line = ("costs", "--by", "ServiceName", "--table", "bills", "--data", str(store))
    assert "\x1b[36m████" in on_terminal(*line)
    plain = on_terminal(*line, NO_COLOR="1")
    assert "\x1b[" not in plain
    assert "█" not in plain


def test_yesterday_is_a_day_in_utc(ask: Any) -> None:
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    if datetime.now(UTC).hour == 23 and datetime.now(UTC).minute > 57:
        pytest.skip("the day may end while this test runs")
    forms = [ask("diff", begin, "--format", "json").stdout for begin in ("yesterday", day)]
    assert forms[0] == forms[1]
