"""What a user of the command line sees: texts, exit statuses, and what is left behind."""

from __future__ import annotations

import csv
import io
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
from tests.support.commands import Run, costwire, costwire_here, handler_of
from tests.support.in_process import Pipeline, pipeline
from tests.support.needs import focus_sample
from tests.support.processes import ServiceProcess
from tests.support.reports import LONG_AGO, charges, numbered, read_rows, write_report
from tests.support.store import ON_CRATEDB, Store

AWS_BILL = (
    "identity/LineItemId,bill/BillType,lineItem/UsageStartDate,lineItem/UnblendedCost\n"
    "abc,Anniversary,2024-09-01T00:00:00Z,0.5\n"
)
UNUSABLE = charges({"BilledCost": "1,5"}, {"ChargePeriodStart": "9/1/24"})
WRONG_USE = 2


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Thirty charges of September."""
    return write_report(tmp_path / "bill.csv", numbered(30))


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Somebody uses this port; perhaps somebody else did before."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind(("127.0.0.1", port))
            listener.listen()
        yield


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "bil.csv", "--once"], "there is no such file or folder; did you mean bill.csv?"),
        (["run", "aws.csv", "--once"], "looks like an AWS Cost and Usage Report"),
        (["validate", "empty.csv"], "read empty.csv: it has no header line"),
        (["run", "folder", "--once"], "the folder holds no report"),
        (["validate", "bil.csv"], "there is no such file or folder"),
        (["validate", "aws.csv"], "looks like an AWS Cost and Usage Report"),
        (["sql", "SELECT * FROM nothing_here"], "Relation 'nothing_here' unknown"),
        (["sql", "SELEC 1"], "run statement: "),
        (["deliveries", "accept", "987654"], "no delivery has the number 987654"),
        (["deliveries", "show", "first"], "is no commit number"),
        (["user", "remove", "nobody-here"], "no user has this name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_told_in_a_readable_line(
    store: Store, tmp_path: Path, arguments: list[str], said: str
) -> None:
    write_report(tmp_path / "bill.csv", numbered(1))
    (tmp_path / "aws.csv").write_text(AWS_BILL)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder").mkdir()
    done = costwire_here(*arguments, "--data", store.data)
    assert done.status == 1
    assert done.err.startswith("costwire: ")
    assert said in done.err
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 2
    assert done.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "a.csv", "b.csv", "--source", "one-name"],
        ["run", "a.csv", "--table", "No Such Name"],
        ["run", "a.csv", "--period", "2024-13"],
        ["run", "a.csv", "--data", "d", "--store", "http://127.0.0.1:1"],
        ["sql"],
        ["sql", "SELECT 1", "--format", "xml"],
        ["sample", "--rows", "0", "--out", "d"],
        ["user", "add", "ann", "--role", "owner"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_told_with_status_2(arguments: list[str], tmp_path: Path) -> None:
    done = costwire_here(*arguments)
    assert done.status == WRONG_USE
    assert done.err.splitlines()[-1].startswith("costwire")
    assert "Traceback" not in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["sql", "SELECT 1"], ["ledger"]], ids=["sql", "ledger"])
def test_store_that_was_never_made_is_told_and_not_made(command: list[str], tmp_path: Path) -> None:
    done = costwire_here(*command, "--data", "nowhere")
    assert done.status == 1
    assert "there is no store yet; make one with costwire run" in done.err
    assert not list(tmp_path.iterdir())


def test_port_of_the_handler_that_is_taken_is_told_with_the_way_out(
    report: Path, tmp_path: Path, usual_ports: Callable[[], AbstractContextManager[None]]
) -> None:
    with usual_ports(), listening(8088):
        done = costwire("run", report, "--data", tmp_path / "data")
    assert done.status == 1
    assert "port 8088 is taken on this machine" in done.err
    assert "--once" in done.err
    assert len(done.err.splitlines()) == 1


def test_port_of_the_exporter_that_is_taken_is_told_with_the_way_out(
    report: Path, store: Store, usual_ports: Callable[[], AbstractContextManager[None]]
) -> None:
    with usual_ports(), listening(2112):
        done = costwire("run", report, "--table", "port_taken", "--data", store.data)
    assert done.status == 1
    assert "start exporter: port 2112 is taken" in done.err
    assert "port_taken" not in store.tables()


@pytest.mark.skipif(ON_CRATEDB, reason="of the embedded store; CrateDB's is in test_replicas")
def test_second_handler_on_a_data_folder_is_refused(store: Store, tmp_path: Path) -> None:
    second = ServiceProcess("db-handler", tmp_path, data_dir=store.data)
    with second.start():
        assert second.wait() == 1
    words = [line for line in second.log.read_text().splitlines() if not line.startswith("{")]
    assert len(words) == 1
    assert "another process has it open" in words[0]


def test_quarantined_rows_give_status_3_and_can_be_looked_at(
    run: Run, store: Store, tmp_path: Path
) -> None:
    path = write_report(tmp_path / "bill.csv", [*numbered(30), *UNUSABLE])
    done = run(path, table="with_quarantine")
    assert done.status == 3, done.err
    assert "32 read = 30 stored + 2 quarantined" in done.out
    assert "BilledCost 465.465 (+ 1.5 quarantined)" in done.out
    (entry,) = store.ledger("with_quarantine")
    commit = entry["commit"]
    assert f"costwire deliveries show {commit} --data {store.data}" in done.out

    shown = costwire_here("deliveries", "show", commit, "--data", store.data)
    assert shown.status == 0
    assert "'1,5' has a decimal comma" in shown.out
    assert "--dates mdy" in shown.out
    assert "32" in shown.out
    assert "33" in shown.out


def test_hint_that_the_quarantine_gives_helps(
    direct: Pipeline, store: Store, tmp_path: Path
) -> None:
    rows = charges({"ChargePeriodStart": "9/1/24", "ChargePeriodEnd": "9/2/24"})
    path = write_report(tmp_path / "bill.csv", rows)
    assert direct.deliver(path, "dates", dates="mdy").exit_status == 0
    ((start,),) = store.sql("SELECT date_format('%Y-%m-%d', ChargePeriodStart) FROM dates")
    assert start == "2024-09-01"


def test_dry_run_tells_what_would_be_and_leaves_nothing(
    run: Run, store: Store, report: Path
) -> None:
    done = run(report, "--dry-run", table="only_tried")
    assert done.status == 0, done.err
    assert "would be committed" in done.out
    assert "30 added, 0 removed, 0 corrected, 0 unchanged" in done.out
    assert store.ledger("only_tried") == []
    assert "only_tried" not in store.tables()


def test_source_that_did_not_change_is_not_read_again(tmp_path: Path, report: Path) -> None:
    def run_once() -> tuple[int, int]:
        """The exit status, and how often a report was read until now."""
        done = costwire("run", report, "--once", "--data", tmp_path / "data")
        log = (tmp_path / "data" / "logs" / "exporter.log").read_text()
        return done.status, log.count('"delivery published"')

    def stored() -> str:
        asked = costwire("sql", "SELECT count(*) FROM charges", "--data", tmp_path / "data")
        return asked.out.split()[-1]

    with handler_of(tmp_path / "data"):
        assert [run_once(), run_once()] == [(0, 1), (0, 1)]
        write_report(report, numbered(31))
        assert (run_once(), stored()) == ((0, 2), "31")
        write_report(report, numbered(29))
        assert (run_once(), stored()) == ((0, 3), "29")
        report.write_text(AWS_BILL)
        assert (run_once(), stored()) == ((1, 3), "29")


def test_return_to_a_report_that_was_rendered_before_is_delivered(tmp_path: Path) -> None:
    def run_once(name: str) -> str:
        options = ("--once", "--source", "aws", "--data", tmp_path / "data")
        assert costwire("run", tmp_path / name, *options).status == 0
        asked = costwire("sql", "SELECT count(*) FROM charges", "--data", tmp_path / "data")
        return asked.out.split()[-1]

    for number, rows in enumerate((30, 29)):
        write_report(tmp_path / f"v{number}.csv", numbered(rows), at=LONG_AGO + number)
    with handler_of(tmp_path / "data"):
        assert [run_once(name) for name in ("v0.csv", "v1.csv", "v0.csv")] == ["30", "29", "30"]


def test_held_delivery_can_be_rejected(direct: Pipeline, store: Store, tmp_path: Path) -> None:
    path = write_report(tmp_path / "bill.csv", numbered(30))
    direct.deliver(path, "rejected")
    write_report(path, numbered(9), at=1_800_000_000.0)
    assert direct.deliver(path, "rejected").exit_status == 4
    commit = store.ledger("rejected")[-1]["commit"]
    done = costwire_here("deliveries", "reject", commit, "--data", store.data)
    assert done.status == 0, done.err
    assert "rejected" in done.out
    again = costwire_here("deliveries", "reject", commit, "--data", store.data)
    assert again.status == 1
    assert store.shown("rejected")[0] == 30


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one delivery, over which nothing runs."""
    folder = tmp_path_factory.mktemp("alone")
    with pipeline(folder) as joined:
        joined.deliver(write_report(folder / "bill.csv", numbered(30)))
        return joined.store.data


def test_sql_and_ledger_answer_when_nothing_runs(alone: Path) -> None:
    answer = costwire("sql", "SELECT count(*), sum(BilledCost) FROM charges", "--data", alone)
    assert answer.status == 0, answer.err
    assert answer.out.split()[-2:] == ["30", "465.465"]
    ledger = costwire("ledger", "--data", alone, "--format", "json")
    (entry,) = ledger.json()["deliveries"]
    assert (entry["state"], entry["rows"]["stored"], entry["balanced"]) == ("committed", 30, True)


def test_sql_and_ledger_answer_while_services_run(
    store: Store, direct: Pipeline, report: Path
) -> None:
    direct.deliver(report, "running")
    answer = costwire("sql", "SELECT count(*) FROM running", "--data", store.data)
    assert answer.out.split()[-1] == "30"
    ledger = costwire("ledger", "--data", store.data, "--table", "running")
    assert ledger.status == 0
    assert "465.465 USD" in ledger.out
    assert len(ledger.out.splitlines()) == 3


def test_answers_come_as_table_csv_and_json(store: Store, direct: Pipeline, tmp_path: Path) -> None:
    direct.deliver(write_report(tmp_path / "bill.csv", numbered(30, RegionId="")), "forms")
    question = (
        "SELECT ServiceName, sum(BilledCost) AS cost, max(ChargePeriodStart) AS latest, "
        "max(RegionId) AS nothing FROM forms GROUP BY 1"
    )
    forms = {
        form: costwire_here("sql", question, "--data", store.data, "--format", form)
        for form in ("table", "csv", "json")
    }
    row = ["Storage", "465.465", "2024-09-01T00:00:00Z"]
    assert forms["json"].json() == {
        "cols": ["servicename", "cost", "latest", "nothing"],
        "rows": [[*row, None]],
        "rowcount": 1,
    }
    assert list(csv.reader(io.StringIO(forms["csv"].out)))[1] == [*row, ""]
    assert forms["table"].out.splitlines()[-1].split() == [*row, "NULL"]


def test_validate_tells_clean_from_findings_and_writes_nothing(tmp_path: Path) -> None:
    assert costwire_here("sample", "--rows", 40, "--seed", 5, "--out", "made").status == 0
    made = sorted(path.name for path in (tmp_path / "made").iterdir())
    clean = costwire_here("validate", "made/azure/2024-09.csv")
    assert clean.status == 0, clean.out
    assert "clean" in clean.out
    dirty = costwire_here("validate", focus_sample(), "--format", "json")
    assert dirty.status == 3
    findings = dirty.json()["findings"]
    assert findings["BillingPeriodEnd-C-002-M"]["count"] == 1_000
    assert findings["BillingPeriodEnd-C-002-M"]["lines"][0]["line"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == made


def test_sample_day_by_day_writes_a_folder_a_day_each_newer_than_the_last(tmp_path: Path) -> None:
    made = costwire_here("sample", "--rows", 400, "--days", 3, "--out", tmp_path / "made")
    assert made.status == 0, made.err
    aws = [tmp_path / "made" / f"day-{day:02d}" / "aws" / "2024-09.csv" for day in (1, 2, 3)]
    times = [path.stat().st_mtime for path in aws]
    assert times == sorted(set(times))
    told = json.loads((tmp_path / "made" / "truth.json").read_text())
    rows = {report["file"]: report["rows"] for report in told["reports"]}
    assert len(read_rows(aws[2])) == rows["day-03/aws/2024-09.csv"] > rows["day-01/aws/2024-09.csv"]
    alone = costwire_here("sample", "--whole", "--out", tmp_path / "none")
    assert (alone.status, (tmp_path / "none").exists()) == (2, False)
    assert "--days" in alone.err


def test_sample_is_the_same_from_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert (
            costwire_here("sample", "--rows", 60, "--seed", 9, "--out", tmp_path / name).status == 0
        )
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) >= 6
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_users_sign_in_with_their_own_rights(store: Store, direct: Pipeline, report: Path) -> None:
    direct.deliver(report, "of_users")
    word = "correct horse battery"
    added = costwire_here("user", "add", "ann", "--data", store.data, given=f"{word}\n")
    assert added.status == 0, added.err
    assert "added ann as reader" in added.out
    assert word not in added.out + added.err
    listed = costwire_here("user", "list", "--data", store.data, "--format", "json").json()["users"]
    assert {"name": "ann", "role": "reader"} in listed

    address = store.url.replace("http://", f"http://ann:{word.replace(' ', '%20')}@")
    asked = costwire_here("sql", "SELECT count(*) FROM of_users", "--store", address)
    assert asked.out.split()[-1] == "30"
    written = costwire_here("sql", "CREATE TABLE of_ann (a INTEGER)", "--store", address)
    assert written.status == 1
    assert word not in asked.err + written.err

    assert costwire_here("user", "remove", "ann", "--data", store.data).status == 0
    refused = costwire_here("sql", "SELECT 1", "--store", address)
    assert refused.status == 1
    assert "user" in refused.err
