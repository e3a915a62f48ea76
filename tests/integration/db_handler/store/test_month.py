"""A month in thirty deliveries, on each engine: every day's bill, and what changed between any two.

What is expected is worked out from the written files with `csv` and `decimal` alone.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.factories import NOW, a_report
from tests.support.reports import COSTS, EXACT, amount, read_rows

from costwire_db_handler.answers.changes import ChangesAnswer, ChangesQuestion, changes
from costwire_db_handler.answers.costs import CostsAnswer, CostsQuestion, costs
from costwire_db_handler.ledger import State
from costwire_focus.estates import CHANGE_KINDS, Estate, daily_files
from costwire_focus.readers import open_report

Shop = Any
Group = tuple[str | None, ...]
Sums = dict[Group, tuple[int, tuple[Decimal, ...]]]
BY = "ServiceName,Tags.env,month"
DAYS = 30


@dataclass(frozen=True)
class Day:
    """A delivery: what was written, what the generator says of it, and where it went."""

    path: Path
    truth: Mapping[str, Any]
    commit: int
    delivery: str
    at: str

    def sums(self) -> Sums:
        """Charges and the four sums of each group, by an independent reading of the file."""
        found: Sums = {}
        for row in read_rows(self.path):
            env = json.loads(row["Tags"] or "{}").get("env")
            group = (row["ServiceName"], env, (row["BillingPeriodStart"] or "")[:7])
            number, sums = found.get(group, (0, (Decimal(0),) * len(COSTS)))
            added = (EXACT.add(a, amount(row[name])) for a, name in zip(sums, COSTS, strict=True))
            found[group] = number + 1, tuple(added)
        return found


@dataclass(frozen=True)
class Month:
    """A table with thirty deliveries."""

    shop: Shop
    table: str
    days: list[Day]

    def costs(self, as_of: object) -> CostsAnswer:
        """The bill by service, environment and month, as of a moment."""
        told = {"by": BY, "as_of": str(as_of), "metric": ",".join(COSTS), "limit": "1000"}
        question = CostsQuestion.read([("table", self.table), *told.items()])
        with self.shop.store.versions(self.table) as versions:
            return costs(versions, question, self.shop.now)

    def changes(self, begin: Day, end: Day, by: str = BY) -> ChangesAnswer:
        """What changed between two days."""
        told = {"from": str(begin.commit), "to": str(end.commit), "limit": "1000"}
        told |= {"by": by, "metric": ",".join(COSTS)}
        question = ChangesQuestion.read([("table", self.table), *told.items()])
        with self.shop.store.versions(self.table) as versions:
            return changes(versions, question, self.shop.now)


@pytest.fixture(scope="module")
def month(
    lasting_shop: Callable[[], tuple[Shop, str]], tmp_path_factory: pytest.TempPathFactory
) -> Month:
    """A cloud's month of 800 charges, written and delivered day by day."""
    shop, table = lasting_shop()
    shop.now = NOW
    folder = tmp_path_factory.mktemp("month")
    estate = Estate(seed=11, rows=800, clouds=("aws",), focus_version="1.2")
    *files, truth = _written(folder, estate)
    told = json.loads(truth.read_text("utf-8"))["reports"]
    days = [_deliver(shop, table, path, one) for path, one in zip(files, told, strict=True)]
    assert len(days) == DAYS
    return Month(shop, table, days)


def _written(folder: Path, estate: Estate) -> Iterator[Path]:
    for file in daily_files(estate, DAYS):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(file.chunks))
        if file.written is not None:
            os.utime(path, (file.written.timestamp(),) * 2)
        yield path


def _deliver(shop: Shop, table: str, path: Path, truth: Mapping[str, Any]) -> Day:
    """Read a file as the exporter does, and deliver it the next day."""
    shop.now += timedelta(days=1)
    with path.open("rb") as stream:
        opened = open_report(stream, path.name)
        rows = [row for batch in opened.batches() for row in batch.charges.to_pylist()]
    day = truth["delivery"]["day"]
    report = a_report(rows, columns=opened.names, table=table).generated(days=day)
    entry = shop.deliver(report)
    assert entry.state is State.COMMITTED, entry.reason
    return Day(path, truth, entry.commit, entry.id, shop.now.date().isoformat())


def _sums(answer: CostsAnswer) -> Sums:
    return {
        row.group: (row.charges, tuple(row.sums[name] or Decimal(0) for name in COSTS))
        for row in answer.rows
    }


def test_the_bill_as_of_each_day_is_what_that_days_file_adds_up_to(month: Month) -> None:
    for day in month.days:
        answer = month.costs(day.commit)
        assert answer.next_offset is None
        assert _sums(answer) == day.sums()
        (total,) = answer.totals
        assert total.charges == day.truth["rows"]
        told = day.truth["sums"][total.currency]
        assert total.sums == {name: Decimal(told[name]) for name in COSTS}


def test_a_delivery_and_the_day_it_came_mean_the_same_state(month: Month) -> None:
    for day in month.days[::5]:
        by_commit, by_id, by_time = (
            month.costs(asked) for asked in (day.commit, day.delivery, day.at)
        )
        assert by_commit.moment == by_id.moment == by_time.moment
        assert by_commit.rows == by_id.rows == by_time.rows


def test_changes_between_any_two_days_add_up_to_the_last_digit(month: Month) -> None:
    dice = random.Random(30)  # noqa: S311 -- no secret
    for _ in range(12):
        begin, end = dice.sample(month.days, 2)
        answer = month.changes(begin, end)
        before, after = begin.sums(), end.sums()
        nothing = (0, (Decimal(0),) * len(COSTS))
        for row in answer.rows:
            added = sum(part.added - part.removed for part in row.parts.values())
            earlier, later = before.get(row.group, nothing), after.get(row.group, nothing)
            assert added == later[0] - earlier[0]
            assert tuple(row.before.values()) == earlier[1]
            assert tuple(row.after.values()) == later[1]
            assert tuple(map(row.difference, COSTS)) == _difference(earlier[1], later[1])
        silent = {*before, *after} - {row.group for row in answer.rows}
        assert all(before.get(group) == after.get(group) for group in silent)
        (balance,) = answer.balances
        assert tuple(balance.before.values()) == _total(before)
        assert tuple(balance.after.values()) == _total(after)


def _difference(before: tuple[Decimal, ...], after: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    return tuple(EXACT.subtract(a, b) for b, a in zip(before, after, strict=True))


def _total(sums: Sums) -> tuple[Decimal, ...]:
    totals = [Decimal(0)] * len(COSTS)
    for _, amounts in sums.values():
        totals = [EXACT.add(total, each) for total, each in zip(totals, amounts, strict=True)]
    return tuple(totals)


def test_changes_from_day_to_day_are_told_with_the_reasons_that_were_planted(
    month: Month,
) -> None:
    seen: set[str] = set()
    for before, after in zip(month.days, month.days[1:], strict=False):
        told = after.truth["delivery"]
        planted = {kind: told[kind] for kind in CHANGE_KINDS if told[kind]}
        (balance,) = month.changes(before, after, by="").balances
        found = {str(kind): part for kind, part in balance.parts.items()}
        assert {kind: max(part.added, part.removed) for kind, part in found.items()} == planted
        for kind, part in found.items():
            expected = told["differences"][kind]
            assert part.differences == {name: Decimal(expected[name]) for name in COSTS}
        assert set(found["redimensioned"].columns) <= {"Tags", "ResourceName"}
        assert {"BilledCost", "EffectiveCost"} <= set(found["corrected"].columns)
        seen |= set(found)
    assert seen == set(CHANGE_KINDS)
