"""Validates the batches of a report: unusable rows out, findings counted, the rest untouched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from costwire_focus.batch import Batch, Unusable
from costwire_focus.columns import Column, ValueType, columns_of
from costwire_focus.instants import DateOrder
from costwire_focus.rules.cells import cells_with_nul, focus_columns, read_cells
from costwire_focus.rules.documents import judge
from costwire_focus.rules.findings import LINES_KEPT, Finding, Findings
from costwire_focus.rules.header import broken_by_header
from costwire_focus.rules.pairs import Pairs
from costwire_focus.rules.quarantine import BadCells, unusable_rows
from costwire_focus.rules.registry import rules_of
from costwire_focus.rules.relations import Relation, relations_of
from costwire_focus.rules.rule import FLAG, WHOLE_ROW, Rule, source_column
from costwire_focus.rules.scope import outside
from costwire_focus.rules.shapes import Shape, shape_of
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

    rules: tuple[Rule, ...]
    wanted: frozenset[str]
    absent: tuple[str, ...]
    documents: tuple[tuple[Column, Shape | None], ...]
    units: tuple[str, ...]
    texts: tuple[str, ...]
    relations: tuple[Pairs, ...]


class Validator:
    """Checks the charges of one report, batch by batch, against one version of FOCUS.

    `names`:    the report's columns; parts may have others, each header is judged once.
    `dates`:    the order of dates such as 9/1/24, which are unreadable without it.
    `currency`: what stands for an absent BillingCurrency, so that its absence is no finding.
    `declared`: the months, such as 2024-09, that the charges must belong to; none: any.
    `file`:     the name that findings about the header show.
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
    ) -> None:
        self.version = version
        self.touched = Touched(currency) if costs else None
        self._declared = declared
        self._dates = dates
        self._currency = currency
        self._rules = {rule.id: rule for rule in rules_of(version)}
        self._findings = Findings()
        self._misnamed: dict[str, list[str]] = {}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._pairs = {relation: Pairs(relation) for relation in relations_of(version)}
        self._files: list[str] = []
        self._units: dict[str, bool] = {}
        self._plan(tuple(names), file)

    @property
    def findings(self) -> Mapping[str, Finding]:
        """What was found so far, by rule id; more batches may follow."""
        found = dict(self._findings.by_rule())
        for relation, pairs in self._pairs.items():
            conflicts = pairs.conflicts(LINES_KEPT)
            if conflicts.keys:
                rule = relation.rule
                lines = [self._line(place) for place in conflicts.places]
                found[rule.id] = Finding(
                    rule.id, rule.grade, rule.sentence, rule.column, conflicts.keys, lines
                )
        return dict(sorted(found.items()))

    def _line(self, place: int) -> tuple[str, int]:
        return self._files[place >> _LINE_BITS], place & ((1 << _LINE_BITS) - 1)

    def check(self, batch: Batch) -> Checked:
        """Set unusable rows aside, count what the others break, and pass those on unchanged."""
        charges = batch.charges
        plan = self._plan(tuple(charges.column_names), batch.file)
        frame = _text_frame(charges)
        cells = read_cells(charges, frame, plan.wanted, self._dates)
        for column, shape in plan.documents:
            cells.derived |= judge(column, frame[column.id], shape)
        for name in plan.units:
            cells.derived |= unit_verdicts(name, frame[name], self._units)
        cells.derived |= judge_texts(charges, plan.texts)
        frame = frame.with_columns(
            **cells.derived, **{name: pl.lit(None, pl.String) for name in plan.absent}
        )
        bad = BadCells(
            outside=outside(cells.derived, self._declared),
            unreadable=cells.unreadable,
            nul=dict(cells_with_nul(charges)),
        )
        checked, kept = _set_aside(batch, bad, self._declared)
        if kept is not None:
            frame = frame.filter(pl.Series(kept))
        if frame.height:
            broken = self._evaluate(plan, frame, checked.lines, batch.file)
            if self.touched is not None:
                self.touched.add(checked.charges, broken)
            self._compare_rows(plan, frame, checked.lines, batch.file)
        return checked

    def _plan(self, names: tuple[str, ...], file: str) -> _Plan:
        if names not in self._plans:
            self._judge_header(names, file)
            self._plans[names] = _make_plan(names, self.version, self._currency, self._pairs)
        return self._plans[names]

    def _judge_header(self, names: tuple[str, ...], file: str) -> None:
        broken = broken_by_header(names, self.version, currency_known=self._currency is not None)
        for rule_id, column, remark in broken:
            remarks = self._misnamed.setdefault(rule_id, [])
            if remark in remarks:
                continue
            remarks.append(remark)
            finding = self._findings.add(self._rules[rule_id], 1, [])
            if not finding.lines:
                finding.lines.append((file, _HEADER_LINE))
                finding.column = column
            more = len(remarks) - _NAMES_SHOWN
            finding.message = "; ".join(remarks[:_NAMES_SHOWN])
            if more > 0:
                finding.message += f"; and {more} more"

    def _evaluate(
        self, plan: _Plan, frame: pl.DataFrame, lines: pa.Array, file: str
    ) -> dict[str, pl.Series]:
        """Count the findings of a batch; gives the broken rules, and which charges break each."""
        conditions = {rule.id: rule.broken for rule in plan.rules if rule.broken is not None}
        masks = frame.lazy().select(**conditions).collect()
        counts = masks.sum().row(0, named=True)
        broken = {}
        for rule in plan.rules:
            if count := counts[rule.id]:
                broken[rule.id] = mask = masks[rule.id]
                first = mask.arg_true().head(self._findings.wants_lines(rule))
                self._findings.add(rule, count, ((file, lines[i].as_py()) for i in first))
        return broken

    def _compare_rows(self, plan: _Plan, frame: pl.DataFrame, lines: pa.Array, file: str) -> None:
        if not self._files or self._files[-1] != file:
            self._files.append(file)
        places = pl.Series(lines) + ((len(self._files) - 1) << _LINE_BITS)
        for pairs in plan.relations:
            pairs.add(frame, places)


def _make_plan(
    names: tuple[str, ...],
    version: str,
    currency: str | None,
    pairs: Mapping[Relation, Pairs],
) -> _Plan:
    present = set(names)
    rules = tuple(
        rule
        for rule in rules_of(version)
        if rule.broken is not None
        and rule.needs <= present
        and not (currency is not None and rule.reads == {"BillingCurrency"})
    )
    wanted = frozenset().union(*(rule.reads for rule in rules))
    known = columns_of(version)
    documents = (ValueType.TAGS, ValueType.JSON)
    return _Plan(
        rules=rules,
        wanted=wanted,
        absent=tuple(sorted({source_column(name) for name in wanted} - present - {WHOLE_ROW})),
        documents=tuple(
            (known[name], shape_of(name, version))
            for name in names
            if name in known and known[name].value_type in documents
        ),
        units=tuple(name for name in names if name + FLAG + UNIT_FORM in wanted),
        texts=tuple(open_texts(names)),
        relations=tuple(one for relation, one in pairs.items() if relation.needs <= present),
    )


def _text_frame(charges: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(charges.select(focus_columns(charges.column_names)))
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
