"""A sheet of repaired rows: checked by the rules, and held against the rows in quarantine; pure."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from costwire_db_handler.charges.prepare import HASHES, Prepared, Preparer
from costwire_db_handler.erasing import ERASED_REASON
from costwire_db_handler.errors import BadSheet, RowsBroken
from costwire_db_handler.ledger import Entry
from costwire_db_handler.quarantined import Money, Repaired, Row, cells_of
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.errors import FocusError
from costwire_focus.manifest import Manifest
from costwire_focus.repairs import Broken, Sheet, cut, read_sheet
from costwire_focus.sheets import MOST_ROWS

_TOLD = 100
"""Broken rows that a problem lists."""
_OF_MONEY = (*COST_COLUMNS, "BillingCurrency")


@dataclass(frozen=True)
class ReplayRequest:
    """A sheet of repaired rows, and what is wanted of it."""

    sheet: bytes
    partial: bool = False
    """Rows that are still broken stay in the quarantine, instead of keeping the others there."""
    into_closed: bool = False
    """Charges of closed billing periods may come."""


@dataclass(frozen=True)
class Replayed:
    """What a replay did, or would do."""

    entry: Entry
    """Of the replay; where nothing was to be done, and where it was only tried, the present one."""
    rows: int = 0
    """That left the quarantine."""
    corrected: int = 0
    """Of an earlier replay, stored with other cells."""
    unchanged: int = 0
    """That were repaired so before."""
    broken: Sequence[Broken] = ()


@dataclass(frozen=True)
class CheckedSheet:
    """A sheet whose rows keep the rules, typed and hashed."""

    sheet: Sheet
    charges: pa.Table
    """Its rows as the exporter would have published them."""
    prepared: Prepared


def check_sheet(request: ReplayRequest, manifest: Manifest, preparer: Preparer) -> CheckedSheet:
    """Read a sheet by the rules of FOCUS and of the tables; raises `BadSheet`."""
    # It loads polars, and few handlers ever see a sheet.
    from costwire_focus.conform import conform

    columns = [column.name for column in manifest.columns]
    currency, dates = manifest.currency, manifest.dates
    declared = manifest.scope.declared or []
    try:
        sheet = read_sheet(
            io.BytesIO(request.sheet),
            columns,
            manifest.focus_version,
            declared,
            currency=currency,
            dates=dates,
            most_rows=MOST_ROWS,
        )
    except FocusError as wrong:
        raise BadSheet(str(wrong)) from wrong
    doubtful = {broken.row for broken in sheet.broken}
    sheet = sheet.only([at for at, row in enumerate(sheet.rows) if row not in doubtful])
    charges = conform(sheet.charges, columns, currency, dates)
    prepared = preparer.prepare(charges, 0)
    if not prepared.quarantine:
        return CheckedSheet(sheet, charges, prepared)
    refused = {row["line"]: row for row in prepared.quarantine}
    fine = [at for at in range(len(sheet.rows)) if at not in refused]
    told = [of_sheet(sheet, at, row) for at, row in refused.items()]
    charges = charges.take(pa.array(fine, pa.int64()))
    return CheckedSheet(sheet.only(fine, told), charges, preparer.prepare(charges, 0))


def of_sheet(sheet: Sheet, at: int, row: Row) -> Broken:
    return Broken(sheet.rows[at], sheet.lines[at], row["column"], row["rule"], row["reason"])


@dataclass(frozen=True)
class Plan:
    """What becomes of the rows of a sheet."""

    places: Sequence[int]
    """In the sheet, of the rows that are stored."""
    repaired: Sequence[Repaired]
    """The same rows."""
    dropped: Sequence[Repaired]
    """What earlier replays made of some of them."""
    unchanged: int
    broken: Sequence[Broken]


@dataclass(frozen=True)
class Quarantined:
    """What a replay has to know of a quarantined row: none of its texts, which may be long."""

    rule: str
    column: str | None
    was: Money
    is_cut: bool
    is_erased: bool
    is_as_it_was_cut: bool
    """Whether it could not be cut into cells, and the sheet has them as they were cut for it."""


def look(checked: CheckedSheet, rows: Iterable[Row]) -> dict[str, Quarantined]:
    """Hold quarantined rows against those of the same numbers in a sheet, one after the other."""
    sheet = checked.sheet
    places = {number: at for at, number in enumerate(sheet.rows)}
    columns = sheet.charges.column_names
    found = {}
    for row in rows:
        known = cells_of(row, columns)
        given = sheet.charges.slice(places[row["row"]], 1).to_pylist()[0] if known is None else {}
        found[row["row"]] = Quarantined(
            row["rule"],
            row["column"],
            Money.of(known or {}),
            is_cut=known is not None,
            is_erased=is_erased(row),
            is_as_it_was_cut=known is None and _is_as_cut(row, given, columns),
        )
    return found


def _is_as_cut(row: Row, given: Mapping[str, str | None], columns: Sequence[str]) -> bool:
    cells = {name: cell for name, cell in given.items() if cell is not None}
    return cells == cut(base64.b64decode(row["raw"]), columns)


def plan(
    checked: CheckedSheet, rows: Mapping[str, Quarantined], before: Mapping[str, Repaired]
) -> Plan:
    """Say what becomes of each row of a sheet.

    `rows`: those in quarantine of its numbers; `before`: what earlier replays made of them.
    """
    sheet = checked.sheet
    contents = _contents(checked.prepared.charges)
    money = [name for name in _OF_MONEY if name in checked.charges.column_names]
    cells = checked.charges.select(money).to_pylist()
    places, repaired, dropped, broken = [], [], [], [*sheet.broken]
    unchanged = 0
    for at, number in enumerate(sheet.rows):
        row, earlier = rows.get(number), before.get(number)
        why = _unfit(number, row, earlier)
        if row is None or why is not None:
            broken.append(Broken(number, sheet.lines[at], None, None, why or ""))
        elif earlier is not None and earlier.content == contents[at]:
            unchanged += 1
        else:
            places.append(at)
            was, now = earlier.was if earlier else row.was, Money.of(cells[at])
            rule, column, is_cut = row.rule, row.column, row.is_cut
            repaired.append(Repaired(number, contents[at], was, now, rule, column, is_cut))
            dropped += [earlier] if earlier else []
    return Plan(places, repaired, dropped, unchanged, sorted(broken, key=lambda each: each.line))


def is_erased(row: Row) -> bool:
    """Whether an erasure took what was read of a row."""
    return not row["raw"] and row["reason"] == ERASED_REASON


def _unfit(number: str, row: Quarantined | None, earlier: Repaired | None) -> str | None:
    """Why a row of the sheet cannot be replayed; None where it can."""
    if row is None:
        return f"the delivery has no quarantined row {number}"
    if row.is_erased:
        return "the row was erased, and is not to come back"
    if earlier is None and row.is_as_it_was_cut:
        return (
            "it could not be cut into cells, and these are as it was cut in the sheet; set "
            "them right, each in its column"
        )
    return None


def _contents(charges: pa.Table) -> list[str]:
    """The identity of each charge, in hexadecimal."""
    stored = charges.column(HASHES[0]).combine_chunks().storage
    return [int.from_bytes(each, "little").to_bytes(16).hex() for each in stored.to_pylist()]


def broken_rows(broken: Sequence[Broken]) -> RowsBroken:
    """The problem that lists rows of a sheet that cannot be stored."""
    first = broken[0]
    number = len(broken)
    return RowsBroken(
        f"replay: {number} row{'s' if number > 1 else ''} of the sheet cannot be stored, "
        f"first line {first.line}: {first.reason}; set them right or take them out "
        "(?partial=true leaves them in the quarantine); nothing was changed",
        line=first.line,
        column=first.column,
        rows=told_rows(broken),
        count=number,
    )


def told_rows(broken: Sequence[Broken]) -> list[dict[str, object]]:
    """The first of them, as answers tell them."""
    return [
        {
            "row": each.row,
            "line": each.line,
            "column": each.column,
            "rule": each.rule,
            "reason": each.reason,
        }
        for each in broken[:_TOLD]
    ]
