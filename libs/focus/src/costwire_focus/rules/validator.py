"""Validates the batches of a report: unusable rows out, findings counted, the rest untouched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus.batch import Batch, Unusable
from costwire_focus.columns import ValueType, columns_of, value_type
from costwire_focus.instants import DateOrder
from costwire_focus.rules.cells import cells_with_nul, read_cells, unset_cells
from costwire_focus.rules.documents import Documents
from costwire_focus.rules.findings import LINES_KEPT, Finding
from costwire_focus.rules.header import broken_by_header
from costwire_focus.rules.pairs import RowPairs
from costwire_focus.rules.quarantine import BadCells, unusable_rows
from costwire_focus.rules.registry import rules_of
from costwire_focus.rules.relations import Relation, relations_of
from costwire_focus.rules.rule import FLAG, WHOLE_ROW, Rule, source_column
from costwire_focus.rules.scope import outside
from costwire_focus.rules.shapes import shape_of
from costwire_focus.rules.tallies import Tallies, Tally
from costwire_focus.rules.texts import judge_texts, open_texts
from costwire_focus.rules.touched import Touched
from costwire_focus.rules.units import UNIT_FORM, unit_verdicts

_NAMES_SHOWN = 10
_HEADER_LINE = 1
_LINE_BITS = 40
"""A place is the number of a file and, in so many bits below it, a line."""


@dataclass(frozen=True)
class Checked:
    """What is left of a batch: its usable charges, and every row of it for the quarantine."""

    charges: pa.Table
    lines: pa.Array
    unusable: list[Unusable]
    """Those that the reader had set aside and those set aside here, in the order of lines."""


@dataclass(frozen=True)
class _Plan:
    """What is evaluated on batches with the same columns."""

    wanted: frozenset[str]
    texts: tuple[str, ...]
    """Columns whose cells are compared as texts."""
    documents: tuple[Documents, ...]
    units: tuple[str, ...]
    open_texts: tuple[str, ...]
    relations: tuple[Relation, ...]
    tallies: Tallies


class Validator:
    """Checks the charges of one report, batch by batch, against one version of FOCUS.

    `names`:    the report's columns; parts may have others, each header is judged once.
    `dates`:    the order of dates such as 9/1/24, which are unreadable without it.
    `currency`: what stands for an absent BillingCurrency, so that its absence is no finding.
    `declared`: the months, such as 2024-09, that the charges must belong to; none: any.
    `file`:     the name that findings about the header show.
    `met`:      the `pairs` of another report whose rows these are held against, too.
    `costs`:    also sum the BilledCost of the charges that break each rule, in `touched`.
    """

    def __init__(
        self,
        names: Sequence[str],
        version: str,
        *,
        dates: DateOrder | None = None,
        currency: str | None = None,
        declared: Sequence[str] = (),
        file: str = "",
        costs: bool = False,
        met: Mapping[str, NDArray[np.void]] | None = None,
    ) -> None:
        self.version = version
        self.touched = Touched(currency) if costs else None
        self._declared = declared
        self._dates = dates
        self._currency = currency
        self._rules = {rule.id: rule for rule in rules_of(version)}
        self._misnamed: dict[str, list[str]] = {}
        self._headers: dict[str, Finding] = {}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._pairs = RowPairs(relations_of(version), met=met)
        self._files: list[str] = []
        self._last_line = 0
        self._units: dict[str, bool] = {}
        self._plan(tuple(names), file)

    @property
    def findings(self) -> Mapping[str, Finding]:
        """What was found so far, by rule id; more batches may follow."""
        found = self._headers | self.of_charges | self.between_charges
        return dict(sorted(found.items()))

    @property
    def of_charges(self) -> dict[str, Finding]:
        """Of these the rules that charges break, each for itself."""
        tallies: dict[str, Tally] = {}
        for plan in self._plans.values():
            for rule_id, tally in plan.tallies.by_rule().items():
                tallies.setdefault(rule_id, Tally()).add(tally.count, tally.places)
        return {
            rule_id: self._finding(self._rules[rule_id], tally.count, tally.places)
            for rule_id, tally in tallies.items()
        }

    @property
    def between_charges(self) -> dict[str, Finding]:
        """Of these the relations that do not hold."""
        return {
            rule.id: self._finding(rule, conflicts.keys, conflicts.places)
            for rule, conflicts in self._pairs.conflicts(LINES_KEPT)
            if conflicts.keys
        }

    @property
    def pairs(self) -> dict[str, NDArray[np.void]] | None:
        """What relations were asked so far (`RowPairs.met`)."""
        return self._pairs.met()

    def _finding(self, rule: Rule, count: int, places: Sequence[int]) -> Finding:
        return Finding.of(rule, count, [self._line(place) for place in places])

    def _line(self, place: int) -> tuple[str, int]:
        return self._files[place >> _LINE_BITS], place & ((1 << _LINE_BITS) - 1)

    def check(self, batch: Batch) -> Checked:
        """Set unusable rows aside, count what the others break, and pass those on unchanged."""
        charges = batch.charges
        plan = self._plan(tuple(charges.column_names), batch.file)
        texts = _text_frame(charges, plan.texts)
        cells = read_cells(charges, texts, plan.wanted, self._dates)
        for documents in plan.documents:
            cells.derived |= documents.verdicts(charges.column(documents.column.id))
        for name in plan.units:
            cells.derived |= unit_verdicts(name, texts[name], self._units)
        cells.derived |= judge_texts(charges, plan.open_texts)
        cells.derived |= unset_cells(charges, plan.wanted)
        bad = BadCells(
            outside=outside(cells.derived, self._declared),
            unreadable=cells.unreadable,
            nul=dict(cells_with_nul(charges)),
        )
        checked, kept = _set_aside(batch, bad, self._declared)
        derived = cells.derived
        if kept is not None:
            mask = pl.Series(kept)
            texts = texts.filter(mask)
            derived = {name: found.filter(mask) for name, found in derived.items()}
        if checked.charges.num_rows:
            self._count(plan, texts, derived, checked, batch.file)
        return checked

    def _count(
        self,
        plan: _Plan,
        texts: pl.DataFrame,
        derived: Mapping[str, pl.Series],
        checked: Checked,
        file: str,
    ) -> None:
        lines = pl.Series(checked.lines)
        if not self._files or self._files[-1] != file or lines[0] < self._last_line:
            self._files.append(file)
        self._last_line = lines[-1]
        places = lines + ((len(self._files) - 1) << _LINE_BITS)
        broken = plan.tallies.add(texts, derived, places)
        if self.touched is not None:
            self.touched.add(checked.charges, broken)
        self._pairs.add(plan.relations, texts, places)

    def _plan(self, names: tuple[str, ...], file: str) -> _Plan:
        if names not in self._plans:
            self._judge_header(names, file)
            self._plans[names] = _make_plan(
                names, self.version, self._currency, each=self.touched is not None
            )
        return self._plans[names]

    def _judge_header(self, names: tuple[str, ...], file: str) -> None:
        broken = broken_by_header(names, self.version, currency_known=self._currency is not None)
        for rule_id, column, remark in broken:
            remarks = self._misnamed.setdefault(rule_id, [])
            if remark in remarks:
                continue
            remarks.append(remark)
            first = [(file, _HEADER_LINE)]
            finding = self._headers.setdefault(rule_id, Finding.of(self._rules[rule_id], 0, first))
            finding.count += 1
            if finding.count == 1:
                finding.column = column
            more = len(remarks) - _NAMES_SHOWN
            finding.message = "; ".join(remarks[:_NAMES_SHOWN])
            if more > 0:
                finding.message += f"; and {more} more"


def _make_plan(names: tuple[str, ...], version: str, currency: str | None, *, each: bool) -> _Plan:
    present = set(names)
    rules = tuple(
        rule
        for rule in rules_of(version)
        if rule.broken is not None
        and rule.needs <= present
        and not (currency is not None and rule.needs == {"BillingCurrency"})
    )
    wanted = frozenset().union(*(rule.reads for rule in rules))
    known = columns_of(version)
    relations = tuple(one for one in relations_of(version) if one.needs <= present)
    units = tuple(name for name in names if name + FLAG + UNIT_FORM in wanted)
    compared = {*wanted, *units, *(name for one in relations for name in one.asks)}
    documents = (ValueType.TAGS, ValueType.JSON)
    return _Plan(
        wanted=wanted,
        texts=tuple(
            name for name in names if name in compared or value_type(name) is ValueType.AMOUNT
        ),
        documents=tuple(
            Documents(known[name], shape_of(name, version), wanted)
            for name in names
            if name in known and known[name].value_type in documents
        ),
        units=units,
        open_texts=tuple(open_texts(names)),
        relations=relations,
        tallies=Tallies(
            rules,
            sorted({source_column(name) for name in wanted} - present - {WHOLE_ROW}),
            each=each,
        ),
    )


def _text_frame(charges: pa.Table, names: Sequence[str]) -> pl.DataFrame:
    frame = pl.from_arrow(charges.select(names))
    assert isinstance(frame, pl.DataFrame)  # a table becomes a frame  # noqa: S101
    return frame


def _set_aside(
    batch: Batch, bad: BadCells, declared: Sequence[str]
) -> tuple[Checked, np.ndarray | None]:
    if not (bad.outside or bad.unreadable or bad.nul):
        return Checked(batch.charges, batch.lines, batch.unusable), None
    kept = np.ones(batch.charges.num_rows, np.bool_)
    rows = []
    for index, row in unusable_rows(batch, bad, declared):
        kept[index] = False
        rows.append(row)
    unusable = sorted([*batch.unusable, *rows], key=lambda row: row.line)
    mask = pa.array(kept)
    return Checked(batch.charges.filter(mask), batch.lines.filter(mask), unusable), kept
