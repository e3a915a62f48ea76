"""Replaying repaired rows: a sheet is held against a delivery's quarantine, and settled beside it.

A replay is a further state of the same delivery, with an entry of its own: what readers see of its
scope stays, the repaired charges come beside it. The rules are the same on every engine.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from costwire_db_handler.books import Books, Counted
from costwire_db_handler.charges.hashes import told_hashes
from costwire_db_handler.charges.refused import refused_rows
from costwire_db_handler.charges.staging import StagedParts, part_path, write_part
from costwire_db_handler.charges.verify import default_period
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import CannotReplay, RowsBroken, StoreBusy
from costwire_db_handler.ledger import (
    SHOWN,
    Act,
    Clock,
    Entry,
    Erased,
    Mended,
    Refused,
    Repair,
    RepairSum,
    State,
    Times,
)
from costwire_db_handler.quarantined import (
    Money,
    Row,
    Totals,
    cells_of,
    is_of_handler,
    plus,
    total,
)
from costwire_db_handler.repair_sheet import (
    CheckedSheet,
    Plan,
    Replayed,
    ReplayRequest,
    broken_rows,
    is_erased,
    look,
    of_sheet,
    plan,
)
from costwire_db_handler.settle import Settlement
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.canonical import canonical_text
from costwire_focus.repairs import Broken

_ZERO = Decimal(0)


class Replay(Settlement):
    """One sheet of repaired rows being settled."""

    def __init__(
        self,
        books: Books,
        asked: Delivery,
        thresholds: Thresholds,
        checked: CheckedSheet,
        request: ReplayRequest,
    ) -> None:
        """`asked`: the delivery that was named, in any of its states. Raises `CannotReplay`."""
        super().__init__(books, present_state(books, asked), thresholds)
        self._present = self._delivery
        self._checked = checked
        self._request = request
        self._act = Act.REPLAYED
        self.plan = self._planned()

    def told(self, entry: Entry | None = None) -> Replayed:
        """The answer; `entry`: that of the replay, once it is settled."""
        plan = self.plan
        return Replayed(
            entry or self._present.entry,
            rows=len(plan.repaired) - len(plan.dropped),
            corrected=len(plan.dropped),
            unchanged=plan.unchanged,
            broken=plan.broken,
        )

    @property
    def changes_nothing(self) -> bool:
        """Whether every row was repaired so before, or stays where it is."""
        return not self.plan.repaired

    def require_sound(self) -> None:
        """Raise `RowsBroken` where a row is, unless a part of them was asked for."""
        if self.plan.broken and not self._request.partial:
            raise broken_rows(self.plan.broken)

    def _planned(self) -> Plan:
        present, checked = self._present, self._checked
        commits = [repair.commit for repair in present.entry.repairs]
        books, commit, numbers = self._books, present.brought_by, checked.sheet.rows
        before = books.repaired(commit, commits, numbers)
        return plan(checked, look(checked, books.quarantined_rows(commit, numbers)), before)

    def settle(self, folder: Path, by: str | None, now: datetime) -> Delivery:
        """Store what the plan says as a new state of the delivery.

        `folder`: for the part; `now` tells which billing periods are closed.
        """
        self._by = by
        present, manifest, books = self._present, self._manifest, self._books
        self._delivery = _next(present, books.next_number(), now)
        parts = self._staged(folder)
        fit = self._charges.load_staged(parts, default_period(manifest))
        self._require_fit([*refused_rows(parts, fit)])
        periods = sorted({*present.periods, *self._charges.named_periods()})
        self._require_free_periods(periods)
        dropped = [each.content for each in self.plan.dropped]
        difference = self._charges.add_beside(periods, told_hashes(dropped))
        before = self._charges.visible(periods)
        shapes = books.shapes(manifest.table, manifest.source)
        changes = self._closed(parts, difference, shapes, now)
        if changes and not self._request.into_closed:
            months = ", ".join(sorted({change.month for change in changes}))
            raise CannotReplay(
                f"replay into {present.commit}: the billing period {months} is closed; say "
                "?closed=accept (costwire quarantine replay --into-closed) if it is to change"
            )
        if difference.rows != before[0] + len(self.plan.repaired) - len(dropped):
            raise CannotReplay(
                f"replay into {present.commit}: a charge that was repaired before is not there "
                "any more, so it cannot be corrected; repair the report and deliver it anew"
            )
        number = self._charges.next_state(self._delivery.commit)
        self._charges.apply(number)
        books.keep_repairs(present.brought_by, self._delivery.commit, self.plan.repaired)
        books.set_shapes(manifest.table, manifest.source, periods, self._delivery.commit)
        self._reckon()
        counted = self._charges.visible(periods)
        self._require_expected(before, counted)
        return self._told(
            replace(self._delivery, periods=periods, applied=number),
            State.COMMITTED,
            counted,
            added=difference.added,
            removed=difference.removed,
            corrected=difference.corrected,
            unchanged=difference.unchanged,
        )

    def conclude(self, settled: Delivery, clock: Clock) -> Delivery:
        """Write the replay into the ledger: the last step before readers see it."""
        return super().conclude(self._with_repair(settled, clock()), clock)

    def _recorded(self, settled: Delivery) -> Delivery:
        *earlier, mine = settled.entry.repairs
        mine = mine.model_copy(update={"at": settled.entry.decisions[-1].at})
        settled = settled.settled(repairs=[*earlier, mine])
        self._books.enter(settled)
        return settled

    def _with_repair(self, settled: Delivery, at: datetime) -> Delivery:
        told = self.told()
        was, now = self._replaced(), total(each.now for each in self.plan.repaired)
        sums = {
            currency: {
                name: RepairSum(
                    was=canonical_text(was.get(currency, {}).get(name, _ZERO)),
                    now=canonical_text(now.get(currency, {}).get(name, _ZERO)),
                )
                for name in COST_COLUMNS
                if name in was.get(currency, {}) or name in now.get(currency, {})
            }
            for currency in sorted({*was, *now})
        }
        repair = Repair(
            commit=settled.commit,
            by=self._by,
            at=at,
            rows=told.rows,
            corrected=told.corrected,
            sums=sums,
        )
        return settled.settled(repairs=[*settled.entry.repairs, repair])

    def _replaced(self) -> Totals:
        """What the same rows were counted with: in the quarantine, or as repaired before."""
        again = {each.row for each in self.plan.dropped}
        fresh = total(each.was for each in self.plan.repaired if each.row not in again)
        return plus(fresh, total(each.now for each in self.plan.dropped))

    def _reckon(self) -> None:
        """What leaves the quarantine, and what the repairs make of the amounts."""
        entry, told = self._present.entry, self.told()
        refused, mended = Refused.told_by(entry, self._manifest), Mended.told_by(entry)
        again = {each.row for each in self.plan.dropped}
        left = total(each.was for each in self.plan.repaired if each.row not in again)
        now = total(each.now for each in self.plan.repaired)
        self._refused = Refused(refused.rows - told.rows, plus(refused.sums, left, sign=-1))
        self._mended = Mended(
            mended.rows + told.rows, plus(plus(mended.sums, now), self._replaced(), sign=-1)
        )
        self._erased = Erased.told_by(entry)

    def _staged(self, folder: Path) -> StagedParts:
        prepared = self._checked.prepared
        charges = prepared.charges.take(pa.array(self.plan.places, pa.int64()))
        write_part(part_path(folder, 0), replace(prepared, charges=charges), uuid.uuid4().hex)
        return StagedParts(folder)

    def _require_fit(self, refused: Sequence[Row]) -> None:
        if refused:
            sheet = self._checked.sheet
            raise broken_rows([of_sheet(sheet, row["line"] - 1, row) for row in refused])

    def refused_by_store(self, reasons: Mapping[int, str]) -> RowsBroken:
        """The problem of rows that the database does not take; `reasons`: by place in the sheet."""
        sheet = self._checked.sheet
        return broken_rows(
            [
                Broken(sheet.rows[at], sheet.lines[at], None, None, f"the database refuses: {why}")
                for at, why in sorted(reasons.items())
            ]
        )

    def _require_free_periods(self, periods: Sequence[str]) -> None:
        """No other delivery shaped what the repaired rows name beside the delivery's own."""
        manifest, present = self._manifest, self._present
        shapes = self._books.shapes(manifest.table, manifest.source)
        for period in sorted({*periods} - {*present.periods}):
            if period in shapes:
                raise CannotReplay(
                    f"replay into {present.commit}: repaired rows name the billing period "
                    f"{period}, whose state is delivery {shapes[period].commit}; "
                    "they belong into its report"
                )

    def _require_expected(self, before: Counted, after: Counted) -> None:
        """What stands there is what stood there and what came, to the last digit."""
        sums = CostSums()
        sums.merge(before[1])
        now = total(each.now for each in self.plan.repaired)
        sums.merge(CostSums.of(plus(now, total(each.now for each in self.plan.dropped), sign=-1)))
        rows = before[0] + len(self.plan.repaired) - len(self.plan.dropped)
        if (after[0], _amounts(after[1])) != (rows, _amounts(sums)):
            raise StoreBusy(
                f"replay: the store holds {after[0]} charges where {rows} were to be, or other "
                "sums; nothing of it is shown, try again"
            )


def present_state(books: Books, asked: Delivery) -> Delivery:
    """The state of a delivery that readers see now; raises `CannotReplay` where they see none."""
    entry, manifest = asked.entry, asked.manifest
    if entry.state not in SHOWN:
        raise CannotReplay(f"replay into {entry.commit}: {_INSTEAD.get(entry.state, _NO_DELIVERY)}")
    if manifest.mode == "append":
        raise CannotReplay(
            f"replay into {entry.commit}: it was appended, so nothing says what belongs to it; "
            "deliver the repaired rows as a report of their own (--mode append)"
        )
    last = books.get(books.same_content(manifest, SHOWN)[-1])
    shapes = books.shapes(manifest.table, manifest.source)
    newer = {other.commit for period, other in shapes.items() if period in last.periods}
    if not last.periods:  # all of its rows are in quarantine
        newer = {other.commit for other in shapes.values()}
        newer = {commit for commit in newer if _state(books.get(commit)) > _state(last)}
    if last.brought_by != asked.brought_by:
        newer.add(last.commit)
    else:
        newer.discard(last.commit)
    if newer:
        raise CannotReplay(
            f"replay into {entry.commit}: it is no longer what readers see of its scope, since "
            f"delivery {', '.join(map(str, sorted(newer)))} came; replay into that one, or repair "
            "the report and deliver it anew"
        )
    return last


def _state(delivery: Delivery) -> int:
    return delivery.applied or 0


_NO_DELIVERY = "it is no delivery; nothing was quarantined of it"
_INSTEAD = {
    State.OPEN: "it is still open; commit it first",
    State.HELD: "it is held; accept it first (costwire deliveries accept), then replay",
    State.SUPERSEDED: "it was superseded, and nobody sees it; replay into the newer delivery, or "
    "accept this one first",
    State.REJECTED: "it was rejected; accept it first, or deliver the repaired report",
    State.ABORTED: "it was aborted and nothing of it is stored; deliver the report anew",
}


def _next(present: Delivery, commit: int, now: datetime) -> Delivery:
    """The delivery's next state, of which nothing is counted yet."""
    entry = present.entry
    changes = {
        "commit": commit,
        "state": State.OPEN,
        "reason": None,
        "decisions": [],
        "closed_periods": [],
        "replays": present.commit,
        "times": Times(read=entry.times.read, opened=now),
    }
    return Delivery(present.manifest, entry.model_copy(update=changes), twin=present.brought_by)


def require_known_money(books: Books, asked: Delivery) -> None:
    """The money of the exporter's rows is what it counted, or none of it can be told.

    To be asked before the turn, for it reads all rows of the quarantine: of a delivery that readers
    see they change no more, but by an erasure. Raises `CannotReplay`.
    """
    present = present_state(books, asked)
    manifest = present.manifest
    columns = [column.name for column in manifest.columns]
    erased = False

    def known() -> Iterator[Money]:
        nonlocal erased
        for row in books.quarantined_rows(present.brought_by):
            erased = erased or is_erased(row)
            cells = None if is_of_handler(row) else cells_of(row, columns)
            if cells is not None:
                yield Money.of(cells)

    told = CostSums.of(total(known()))
    counted = CostSums.of(
        {
            currency: {name: Decimal(line.quarantined) for name, line in lines.items() if line}
            for currency, lines in manifest.sums.items()
        }
    )
    # What was erased took its money with it.
    if not erased and _amounts(counted) != _amounts(told):
        raise CannotReplay(
            f"replay into {present.commit}: its rows were quarantined by an earlier version, which "
            "did not keep their cells; deliver the report anew, then replay into that delivery"
        )


def _amounts(sums: CostSums) -> dict[tuple[str, str], str]:
    """The sums that are not 0: a column that is absent is one without amounts."""
    return {
        (currency, name): text
        for currency, lines in sums.to_json().items()
        for name, text in lines.items()
        if text not in (None, "0")
    }
