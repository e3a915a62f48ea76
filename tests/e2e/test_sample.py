"""The FOCUS project's own sample through `costwire run`: exact, repeatable, and safe to replace."""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.commands import Finished, Run, costwire, costwire_here
from tests.support.in_process import Pipeline
from tests.support.needs import focus_sample
from tests.support.reports import LONG_AGO, read_rows, stored_sums, sums, write_text
from tests.support.store import Entry, Store

FIGURES = "count(*), sum(BilledCost), sum(EffectiveCost), sum(ListCost), sum(ContractedCost)"
TOLD = ["20.52022672899", "14.97651418586", "20.39090575119", "14.97626039326"]
TAG_PAIRS = 2_237
OCTOBER = "2024-10-01 00:00:00"
"""One charge belongs to this billing period; all others to September's."""

Cells = list[list[str]]


class Month:
    """A copy of the sample that changes from delivery to delivery, in a table of its own."""

    def __init__(self, table: str, path: Path, run: Run, store: Store) -> None:
        self.table = table
        self.path = path
        self._run = run
        self._store = store

    def lines(self) -> Cells:
        """Header and rows, cells as written."""
        return list(csv.reader(io.StringIO(focus_sample().read_text(), newline="")))

    def write(self, lines: Cells, *, at: float) -> None:
        """The next state of the report."""
        text = io.StringIO()
        csv.writer(text).writerows(lines)
        write_text(self.path, text.getvalue(), at=at)

    def run(self, *options: str, path: Path | None = None) -> Finished:
        """Deliver it as a user does."""
        return self._run(path or self.path, *options, table=self.table)

    def newest(self) -> Entry:
        """The ledger's last entry."""
        return self._store.ledger(self.table)[-1]

    def shown(self) -> tuple[int, dict[str, Decimal]]:
        """What readers see."""
        return self._store.shown(self.table)

    def expected(self) -> tuple[int, dict[str, Decimal]]:
        """What the file holds."""
        rows = read_rows(self.path)
        return len(rows), sums(rows)["USD"]


@pytest.fixture
def month(
    request: pytest.FixtureRequest, tmp_path: Path, run: Run, store: Store, direct: Pipeline
) -> Month:
    """The sample, delivered once."""
    table = request.node.name.removeprefix("test_")[:60]
    month = Month(table, tmp_path / "sample.csv", run, store)
    month.write(month.lines(), at=LONG_AGO)
    assert direct.deliver(month.path, table).exit_status == 0
    return month


@pytest.fixture(scope="module")
def first(store: Store) -> Finished:
    """What the delivery of the sample into an empty table said."""
    told = ("--table", "first_sample", "--data", store.data)
    return costwire("run", focus_sample(), "--once", *told)


def changes(entry: Entry) -> tuple[int, int, int, int]:
    """Added, removed, corrected, unchanged."""
    rows = entry["rows"]
    return rows["added"], rows["removed"], rows["corrected"], rows["unchanged"]


def test_sample_arrives_to_the_last_digit(first: Finished, store: Store) -> None:
    assert first.status == 0, first.err
    assert "1,000 read = 1,000 stored + 0 quarantined" in first.out
    assert all(figure in first.out for figure in TOLD)
    question = f"SELECT {FIGURES}, count(ContractedCost) FROM first_sample"  # noqa: S608
    asked = costwire("sql", question, "--data", store.data, "--format", "json")
    assert asked.status == 0, asked.err
    assert asked.json()["rows"] == [[1000, *TOLD, 993]]
    (entry,) = store.ledger("first_sample")
    assert (entry["state"], entry["balanced"], entry["focusVersion"]) == ("committed", True, "1.0")
    assert [line["stored"] for line in entry["sums"]["USD"].values()] == TOLD
    assert stored_sums(entry) == sums(read_rows(focus_sample()))


@pytest.mark.usefixtures("first")
def test_every_tag_pair_arrives_unchanged(store: Store) -> None:
    cells = [row["Tags"] for row in read_rows(focus_sample())]
    written = sorted(cell for cell in cells if cell is not None)
    texts = store.sql("SELECT TagsJson FROM first_sample WHERE TagsJson IS NOT NULL")
    assert sorted(text for (text,) in texts) == written
    pairs = sorted(pair for cell in written for pair in json.loads(cell).items())
    maps = store.sql("SELECT tags FROM first_sample WHERE tags IS NOT NULL")
    assert sorted(pair for (tags,) in maps for pair in tags.items()) == pairs
    assert len(pairs) == TAG_PAIRS


@pytest.mark.usefixtures("first")
def test_column_that_focus_does_not_know_arrives_as_it_is(store: Store) -> None:
    told = sorted(row["Id"] or "" for row in read_rows(focus_sample()))
    assert sorted(text for (text,) in store.sql("SELECT Id FROM first_sample")) == told


def test_same_report_again_writes_nothing(month: Month) -> None:
    again = month.run()
    assert again.status == 0, again.err
    assert "0 added, 0 removed, 0 corrected, 1,000 unchanged" in again.out
    assert (month.newest()["state"], changes(month.newest())) == ("unchanged", (0, 0, 0, 1000))


def test_changed_report_changes_exactly_that_and_the_first_again_takes_it_back(
    month: Month, direct: Pipeline
) -> None:
    before = month.shown()
    header, *rows = month.lines()
    billed = header.index("BilledCost")
    changed = [row.copy() for row in rows]
    once = [at for at, row in enumerate(rows) if rows.count(row) == 1]
    for at in once[10:12]:
        changed[at][billed] = str(Decimal(changed[at][billed]) + Decimal("0.00000000001"))
    lines = [header, *changed, changed[once[20]]]
    gone = [changed[at] for at in once[30:33]]
    month.write([line for line in lines if line not in gone], at=LONG_AGO + 60)
    assert month.run().status == 0
    assert changes(month.newest()) == (3, 5, 2, 995)
    assert month.newest()["balanced"]
    assert month.shown() == month.expected()
    assert month.expected()[0] == 998

    month.write(month.lines(), at=LONG_AGO + 120)
    assert direct.deliver(month.path, month.table).exit_status == 0
    assert changes(month.newest()) == (5, 3, 2, 995)
    assert month.shown() == before


def test_order_spelling_and_an_empty_column_change_nothing(month: Month, direct: Pipeline) -> None:
    header, *rows = month.lines()
    billed, effective = header.index("BilledCost"), header.index("EffectiveCost")
    respelled = []
    for number, row in enumerate(rows):
        row[billed] += "0"
        row[effective] = f"{Decimal(row[effective]):E}" if number % 2 else row[effective]
        respelled.append([*row, ""])
    month.write([[*header, "x_Empty"], *respelled[::-1]], at=LONG_AGO + 60)
    assert direct.deliver(month.path, month.table).exit_status == 0
    assert changes(month.newest()) == (0, 0, 0, 1000)
    assert month.newest()["balanced"]


def test_report_cut_to_a_third_is_held_until_it_is_accepted(month: Month, store: Store) -> None:
    before = month.shown()
    month.write(month.lines()[:334], at=LONG_AGO + 60)
    held = month.run()
    commit = month.newest()["commit"]
    assert held.status == 4, held.err
    assert "held" in held.out
    assert f"costwire deliveries accept {commit}" in held.out
    assert month.newest()["state"] == "held"
    assert month.newest()["rows"]["stored"] == 333
    assert stored_sums(month.newest())["USD"] == month.expected()[1]
    assert month.shown() == before

    accepted = costwire_here("deliveries", "accept", commit, "--data", store.data)
    assert accepted.status == 0, accepted.err
    assert month.newest()["state"] == "committed"
    assert month.newest()["balanced"]
    october = [row for row in read_rows(focus_sample()) if row["BillingPeriodStart"] == OCTOBER]
    kept = [*read_rows(month.path), *october]
    assert month.shown() == (334, sums(kept)["USD"])


def test_older_state_that_arrives_late_is_recorded_and_not_shown(month: Month) -> None:
    before = month.shown()
    month.write(month.lines()[:-1], at=LONG_AGO - 3_600)
    late = month.run()
    assert late.status == 0, late.err
    assert "superseded" in late.out
    assert (month.newest()["state"], month.newest()["rows"]["stored"]) == ("superseded", 999)
    assert month.shown() == before


def test_same_report_under_another_name_is_held(month: Month, tmp_path: Path) -> None:
    before = month.shown()
    copied = Path(shutil.copy(month.path, tmp_path / "copy-of-sample.csv"))
    held = month.run("--source", "other-name", path=copied)
    assert held.status == 4, held.err
    entry = month.newest()
    assert (entry["state"], entry["source"]) == ("held", "other-name")
    assert str(month.path) in entry["reason"]
    assert month.shown() == before
