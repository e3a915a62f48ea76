"""The same money in few series: exact sums of the costs by some of the columns (`/metrics?by=`)."""

import difflib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from costwire_exporter.blocks import whole_lines
from costwire_exporter.errors import TooManySeries, UnknownColumn
from costwire_exporter.shelf import Delivery
from costwire_focus import amounts
from costwire_focus.amounts import COST_COLUMNS, NO_CURRENCY
from costwire_focus.canonical import canonical_text
from costwire_focus.exposition.parse import Parser
from costwire_focus.repeats import plain
from costwire_runtime.problems import Unavailable

CURRENCY = "BillingCurrency"
FAMILIES = {
    "BilledCost": ("focus_billed_cost", "Sum of BilledCost."),
    "EffectiveCost": ("focus_effective_cost", "Sum of EffectiveCost."),
    "ListCost": ("focus_list_cost", "Sum of ListCost."),
    "ContractedCost": ("focus_contracted_cost", "Sum of ContractedCost."),
}
_REMEMBERED = 16
_WAIT_SECONDS = 110.0
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_SUM = pc.ScalarAggregateOptions(skip_nulls=True, min_count=1)


def columns_by(text: str, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that `?by=` names, by name or label, each once, with BillingCurrency.

    Raises: `UnknownColumn`.
    """
    names = {column["label"]: column["name"] for column in manifest["columns"]}
    names |= {column["name"]: column["name"] for column in manifest["columns"]}
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for name in wanted:
        if name not in names and name != CURRENCY:
            raise UnknownColumn(_unknown(name, list(names)), column=name)
    return tuple(sorted({names.get(name, name) for name in (*wanted, CURRENCY)}))


def _unknown(name: str, known: Sequence[str]) -> str:
    folded = {column.casefold(): column for column in known}
    near = [folded[fold] for fold in difflib.get_close_matches(name.casefold(), folded, 3)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(sorted(known))}"
    return f"group by {name}: the report has no such column; {hint}"


class Aggregates:
    """Answers to `?by=`, worked out once for each delivery and choice of columns."""

    def __init__(self, series_limit: int) -> None:
        self._limit = series_limit
        self._guard = threading.Lock()
        self._working = threading.Lock()
        self._answers: OrderedDict[tuple[str, tuple[str, ...]], bytes | TooManySeries]
        self._answers = OrderedDict()

    def answer(self, delivery: Delivery, columns: tuple[str, ...]) -> bytes:
        """Prometheus text; one answer is worked out at a time.

        Raises: `TooManySeries`, and `Unavailable` when others are being worked out for too long.
        """
        key = delivery.folder.name, columns
        answer = self._remembered(key)
        if answer is None:
            if not self._working.acquire(timeout=_WAIT_SECONDS):
                raise Unavailable("group the charges: others are being grouped; ask again later")
            try:
                answer = self._remembered(key) or self._work_out(delivery, columns)
                self._remember(key, answer)
            finally:
                self._working.release()
        if isinstance(answer, TooManySeries):
            raise TooManySeries(answer.detail, **answer.extensions)
        return answer

    def follow(self, delivery: Delivery) -> None:
        """Work out for a new delivery what was asked of the one before it."""
        with self._guard:
            asked = {columns for _, columns in self._answers}
            self._answers.clear()
        known = {column["name"] for column in delivery.manifest["columns"]} | {CURRENCY}
        for columns in asked:
            if known.issuperset(columns):
                try:
                    self.answer(delivery, columns)
                except TooManySeries:
                    continue

    def _work_out(self, delivery: Delivery, columns: tuple[str, ...]) -> bytes | TooManySeries:
        try:
            return aggregate(delivery, columns, self._limit)
        except TooManySeries as refusal:
            return refusal

    def _remembered(self, key: tuple[str, tuple[str, ...]]) -> bytes | TooManySeries | None:
        with self._guard:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def _remember(self, key: tuple[str, tuple[str, ...]], answer: bytes | TooManySeries) -> None:
        with self._guard:
            self._answers[key] = answer
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)


def aggregate(delivery: Delivery, columns: tuple[str, ...], limit: int) -> bytes:
    """Sum the costs of a delivery by these columns, exactly, over its stored exposition."""
    labels = {column["name"]: column["label"] for column in delivery.manifest["columns"]}
    costs = [name for name in COST_COLUMNS if name in labels]
    sums = _Sums(columns, costs, limit)
    parser = Parser(list(labels.values()))
    by_label = {label: name for name, label in labels.items()}
    for block in whole_lines(delivery.text.read("identity")):
        sums.add(parser.charges(block, by_label, only={*columns, CURRENCY, *costs}))
    return _text(sums.result(), columns, costs, labels)


class _Sums:
    """Running exact sums per group; refuses as soon as there are too many groups."""

    def __init__(self, columns: Sequence[str], costs: Sequence[str], limit: int) -> None:
        self._columns = list(columns)
        self._costs = list(costs)
        self._limit = limit
        self._rows = 0
        self._table: pa.Table | None = None

    def add(self, charges: pa.Table) -> None:
        self._rows += charges.num_rows
        grouped = self._grouped(self._projected(charges))
        if self._table is not None:
            grouped = self._grouped(pa.concat_tables([self._table, grouped]))
        self._table = grouped
        if grouped.num_rows * max(1, len(self._costs)) > self._limit:
            self._refuse(grouped)

    def result(self) -> pa.Table:
        if self._table is None:
            return pa.table({name: pa.array([], pa.string()) for name in self._columns})
        return self._table.sort_by([(name, "ascending") for name in self._columns])

    def _projected(self, charges: pa.Table) -> pa.Table:
        present = frozenset(charges.column_names)
        nothing = pa.nulls(charges.num_rows, pa.string())
        keys = {
            name: plain(charges.column(name)) if name in present else nothing
            for name in self._columns
        }
        keys[CURRENCY] = pc.fill_null(keys[CURRENCY], NO_CURRENCY)
        return pa.table(keys | {name: amounts.values(charges.column(name)) for name in self._costs})

    def _grouped(self, table: pa.Table) -> pa.Table:
        grouped = table.group_by(self._columns).aggregate(
            [(name, "sum", _SUM) for name in self._costs]
        )
        return grouped.select(
            [*self._columns, *(f"{name}_sum" for name in self._costs)]
        ).rename_columns([*self._columns, *self._costs])

    def _refuse(self, grouped: pa.Table) -> None:
        series = grouped.num_rows * len(self._costs)
        widest, values = max(
            ((name, len(pc.unique(grouped.column(name)))) for name in self._columns),
            key=lambda column: column[1],
        )
        raise TooManySeries(
            f"group by {', '.join(self._columns)}: {series} series after {self._rows} charges, "
            f"where {self._limit} is the limit; {widest} alone has {values} values so far: leave "
            "it out, or raise EXPORTER_SERIES_LIMIT",
            series=series,
            limit=self._limit,
            widestColumn=widest,
        )


def _text(
    table: pa.Table, columns: Sequence[str], costs: Sequence[str], labels: Mapping[str, str]
) -> bytes:
    rows = table.select(list(columns)).to_pylist()
    series = [_labels(row, labels) for row in rows]
    lines = []
    for cost in costs:
        family, description = FAMILIES[cost]
        lines.append(f"# HELP {family} {description}\n# TYPE {family} gauge\n")
        values = table.column(cost).to_pylist() if rows else []
        lines += [
            f"{family}{{{text}}} {canonical_text(value)}\n"
            for text, value in zip(series, values, strict=True)
            if value is not None
        ]
    return "".join(lines).encode()


def _labels(row: Mapping[str, str | None], labels: Mapping[str, str]) -> str:
    return ",".join(
        f'{labels.get(name, name)}="{value.translate(_ESCAPES)}"'
        for name, value in row.items()
        if value is not None
    )
