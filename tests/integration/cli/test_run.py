"""Deliveries by the command line: three real services, each a process of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costwire_cli.handler_api import Connection


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, a_report: Any) -> Path:
    path: Path = tmp_path_factory.mktemp("reports") / "september.csv"
    path.write_text(a_report("0.1", "0.20", "3E-1", "12345678.000000000000000001"))
    return path


@pytest.fixture(scope="module")
def first(costwire: Any, handler: Connection, data: Path, report: Path) -> Any:
    """The first delivery of the module."""
    return costwire("run", str(report), "--once", "--data", str(data))


def test_first_delivery_is_summed_up_and_exact(first: Any) -> None:
    assert first.returncode == 0, first.stderr
    assert "4 read = 4 stored + 0 quarantined" in first.stdout
    assert "BilledCost 12345678.600000000000000001" in first.stdout
    assert "4 added, 0 removed" in first.stdout


def test_same_report_again_is_unchanged(
    first: Any, costwire: Any, data: Path, report: Path
) -> None:
    again = costwire("run", str(report), "--once", "--data", str(data))
    assert again.returncode == 0
    assert "0 added, 0 removed, 0 corrected, 4 unchanged" in again.stdout


def test_statement_gives_exact_amounts_in_every_format(
    first: Any, costwire: Any, data: Path
) -> None:
    statement = "SELECT sum(BilledCost) AS total, min(ChargePeriodStart) AS start FROM charges"
    told = {
        form: costwire("sql", statement, "--data", str(data), "--format", form).stdout
        for form in ("json", "csv", "table")
    }
    total, start = "12345678.600000000000000001", "2024-09-02T00:00:00Z"
    assert json.loads(told["json"]) == {
        "cols": ["total", "start"],
        "rows": [[total, start]],
        "rowcount": 1,
    }
    assert told["csv"] == f"total,start\n{total},{start}\n"
    assert told["table"].splitlines()[2].split() == [total, start]


def test_ledger_is_stable_json(first: Any, costwire: Any, data: Path) -> None:
    entries = json.loads(costwire("ledger", "--data", str(data), "--format", "json").stdout)
    entry = entries["deliveries"][0]
    assert entry["state"] == "committed"
    assert entry["rows"]["stored"] == 4
    assert entry["sums"]["USD"]["BilledCost"]["stored"] == "12345678.600000000000000001"
    assert entry["balanced"] is True


def test_dry_run_tells_and_changes_nothing(
    first: Any, costwire: Any, data: Path, tmp_path: Path, a_report: Any
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(a_report("5"))
    told = costwire("run", str(other), "--dry-run", "--data", str(data))
    assert told.returncode == 0
    assert "would be committed" in told.stdout
    count = "SELECT count(*) FROM charges"
    counted = costwire("sql", count, "--data", str(data), "--format", "csv")
    assert counted.stdout.splitlines()[1] == "4"


def test_unreadable_row_is_quarantined_and_shown(
    costwire: Any, handler: Connection, data: Path, tmp_path: Path, a_report: Any
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(a_report("1.5", "12,5x", "2"))
    ended = costwire("run", str(broken), "--once", "--table", "broken", "--data", str(data))
    assert ended.returncode == 3
    assert "3 read = 2 stored + 1 quarantined" in ended.stdout
    ledger = costwire("ledger", "--table", "broken", "--data", str(data), "--format", "json")
    commit = str(json.loads(ledger.stdout)["deliveries"][-1]["commit"])
    shown = costwire("deliveries", "show", commit, "--data", str(data))
    assert "broken.csv" in shown.stdout
    assert "12,5x" in shown.stdout


def test_cut_report_is_held_until_accepted(
    costwire: Any, handler: Connection, data: Path, tmp_path: Path, a_report: Any
) -> None:
    path = tmp_path / "cut.csv"
    costs = [f"{number}.5" for number in range(90)]
    options = ("--once", "--table", "cut", "--data", str(data))
    path.write_text(a_report(*costs))
    assert costwire("run", str(path), *options).returncode == 0
    path.write_text(a_report(*costs[:30]))
    held = costwire("run", str(path), *options)
    assert held.returncode == 4
    assert "costwire deliveries accept" in held.stdout
    count = ("sql", "SELECT count(*) FROM cut", "--data", str(data), "--format", "csv")
    assert costwire(*count).stdout.splitlines()[1] == "90"
    commit = held.stdout.partition("deliveries accept ")[2].split()[0]
    assert costwire("deliveries", "accept", commit, "--data", str(data)).returncode == 0
    assert costwire(*count).stdout.splitlines()[1] == "30"


def test_several_sources_go_on_after_one_that_fails(
    costwire: Any, handler: Connection, data: Path, tmp_path: Path, a_report: Any
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(a_report("1"))
    bad.write_text("a,b\n1,2\n")
    options = ("--once", "--table", "several", "--data", str(data))
    ended = costwire("run", str(bad), str(good), *options)
    assert ended.returncode == 1
    assert "no BilledCost column" in ended.stdout
    assert "1 read = 1 stored" in ended.stdout


def test_handler_named_by_address_is_used(
    costwire: Any, handler: Connection, report: Path, tmp_path: Path
) -> None:
    user, password = handler.sign_in or ("", "")
    url = handler.url.replace("://", f"://{user}:{password}@")
    ended = costwire("run", str(report), "--once", "--table", "remote", "--store", url)
    assert ended.returncode == 0, ended.stderr
    assert password not in ended.stdout + ended.stderr
    asked = costwire("sql", "SELECT count(*) FROM remote", "--store", url, "--format", "csv")
    assert asked.stdout.splitlines()[1] == "4"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "missing.csv", "--once"), "there is no such file or folder"),
        (("run", "{other}", "--once"), "this is no FOCUS cost report"),
        (("sql", "SELECT 1", "--store", "http://127.0.0.1:9"), "connection refused"),
        (("ledger", "--store", "{wrong}"), "user"),
    ],
    ids=["wrong path", "not FOCUS", "no handler", "wrong password"],
)
def test_common_errors_are_a_readable_line(
    costwire: Any,
    handler: Connection,
    data: Path,
    report: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    wrong = handler.url.replace("://", "://costwire:wrong@")
    filled = [part.format(other=other, report=report, wrong=wrong) for part in arguments]
    if "--store" not in filled:
        filled += ["--data", str(data)]
    ended = costwire(*filled)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 2
    assert "Traceback" not in ended.stderr


def test_source_name_goes_with_one_source(costwire: Any, report: Path) -> None:
    assert costwire("run", str(report), str(report), "--source", "x").returncode == 2


def test_rights_of_users_are_told_and_changed(
    costwire: Any, handler: Connection, data: Path
) -> None:
    here, where = ("--data", str(data)), "Tags['team'] = 'a'"
    limits = ("--read", "charges", "--where", where)
    added = costwire("user", "add", "tess", *limits, *here, stdin="long enough\n")
    assert added.stdout == f"added tess as reader: reads charges; sees charges where {where}\n"
    assert where in costwire("user", "list", *here).stdout
    told = json.loads(costwire("user", "list", "--format", "json", *here).stdout)["users"]
    limited = {"name": "tess", "role": "reader", "read": ["charges"], "write": None, "where": where}
    assert limited in told
    changed = costwire("user", "change", "tess", "--role", "reader", *here)
    assert changed.stdout == "tess is reader now, without other limits\n"
    wrong = costwire("user", "change", "tess", "--role", "writer", "--where", where, *here)
    assert wrong.returncode == 1
    assert "a condition on rows is for readers" in wrong.stderr


def test_audit_log_is_listed_and_verified(costwire: Any, handler: Connection, data: Path) -> None:
    here = ("--data", str(data))
    assert costwire("user", "add", "amy", *here, stdin="long enough\n").returncode == 0
    listed = costwire("audit", "list", *here)
    assert "user changed" in listed.stdout
    assert "amy" in listed.stdout
    entries = json.loads(costwire("audit", "list", "--format", "json", *here).stdout)["entries"]
    verified = costwire("audit", "verify", *here)
    assert verified.returncode == 0, verified.stderr
    assert f"{len(entries)} entries, from 1, are whole" in verified.stdout
    head = verified.stdout.split()[-1]
    assert costwire("audit", "verify", "--head", head, *here).returncode == 0
    other = costwire("audit", "verify", "--head", f"1:{'0' * 64}", *here)
    assert other.returncode == 1
    assert "broken at entry 1: it is another than the one that was noted" in other.stderr


def test_users_come_and_go(costwire: Any, handler: Connection, data: Path) -> None:
    here = ("--data", str(data))
    added = costwire("user", "add", "ann", "--role", "reader", *here, stdin="long enough\n")
    assert added.returncode == 0, added.stderr
    listed = costwire("user", "list", "--format", "json", *here)
    assert {"name": "ann", "role": "reader"} in json.loads(listed.stdout)["users"]
    assert "ann" in costwire("user", "list", *here).stdout
    assert costwire("user", "remove", "ann", *here).returncode == 0
    assert costwire("user", "remove", "ann", *here).returncode == 1
    assert costwire("user", "add", "bob", *here, stdin="\n").returncode == 2
