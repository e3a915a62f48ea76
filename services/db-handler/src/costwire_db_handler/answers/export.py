"""`/export`: a table as of any moment as a FOCUS report; delivered anew it changes nothing.

Every cell is told as the report had it, amounts in their canonical spelling and times as FOCUS
writes them. Columns that are empty throughout are left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from costwire_db_handler.answers import grouping
from costwire_db_handler.answers.moments import Moment
from costwire_db_handler.answers.questions import Parameters, Scope
from costwire_db_handler.answers.speech import Fragment, Relation, TableColumn, joined
from costwire_db_handler.answers.versions import Versions, months
from costwire_db_handler.errors import BadQuestion, Unbalanced
from costwire_focus.canonical import canonical_text
from costwire_focus.columns import ValueType
from costwire_focus.typed import DIGITS

PARAMETERS = ("table", "from", "to", "filter", "currency", "as_of", "format", "source")
_ROW_GROUP_BYTES = 16 << 20
"""Before they are encoded: several exports may be written at once."""


class Form(StrEnum):
    """What kind of file."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True)
class ExportQuestion:
    """What is asked."""

    scope: Scope
    as_of: str
    form: Form
    source: str
    """Only what this source delivered; empty: all."""

    @classmethod
    def read(cls, given: Sequence[tuple[str, str]]) -> ExportQuestion:
        """Read a query string; raises `BadQuestion`."""
        told = Parameters(given, PARAMETERS)
        form = told.text("format") or Form.CSV.value
        if form not in list(Form):
            raise BadQuestion(f"format {form!r}: it is one of {', '.join(Form)}")
        return cls(told.scope(), told.text("as_of"), Form(form), told.text("source"))


@dataclass(frozen=True)
class Export:
    """The charges of an export, ready to be written."""

    moment: Moment
    columns: Sequence[TableColumn]
    charges: int
    relation: Relation
    where: Fragment


def prepared(versions: Versions, question: ExportQuestion, now: datetime) -> Export:
    """Which columns have cells in that state, and how many charges there are.

    Raises: `BadQuestion`, `HistoryGone`, `UnknownDelivery`.
    """
    speech, scope = versions.speech, question.scope
    moment = versions.history.moment(question.as_of, now)
    known = months(versions, moment.state) if grouping.needs_months(scope, []) else {}
    where = grouping.condition(speech, scope, known)
    if question.source:
        number = versions.source_number(question.source)
        where = joined([where, Fragment(f'"_source" = {number:d}')], " AND ")
    relation = speech.visible(moment.state)
    columns = list(speech.columns.values())
    counted = "".join(f", count({column.json_sql or column.sql})" for column in columns)
    (row,) = versions.rows(
        Fragment(
            f"SELECT count(*){counted} FROM {relation.wanted_by(counted, where.text)} "
            f"WHERE {where.text}",
            where.arguments,
        )
    )
    charges, *cells = (int(str(number)) for number in row)
    present = [column for column, number in zip(columns, cells, strict=True) if number]
    return Export(moment, present if charges else columns, charges, relation, where)


def written(versions: Versions, export: Export, form: Form) -> Iterator[bytes]:
    """The bytes of the file, piece by piece.

    Raises: `Unbalanced` when other charges came than were counted.
    """
    batches = versions.charges(export.columns, export.relation, export.where)
    counted = _counted(batches, export.charges)
    write = _csv if form is Form.CSV else _parquet
    return write(counted, export.columns)


def _counted(batches: Iterable[pa.RecordBatch], charges: int) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        yield batch
    if rows != charges:
        raise Unbalanced(f"export: {rows} charges came, {charges} were counted; ask again")


def _csv(batches: Iterable[pa.RecordBatch], columns: Sequence[TableColumn]) -> Iterator[bytes]:
    schema = pa.schema([(column.name, pa.string()) for column in columns])
    sink = io.BytesIO()
    # Quotes where they are needed; null is an empty cell.
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    with pyarrow.csv.CSVWriter(sink, schema, write_options=options) as writer:
        yield _taken(sink)
        for batch in batches:
            cells = [
                _instant_texts(cell)
                if column.kind is ValueType.INSTANT
                else _amount_texts(cell)
                if column.kind is ValueType.AMOUNT
                else cell
                for column, cell in zip(columns, batch.columns, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(cells, schema=schema))
            yield _taken(sink)


def _parquet(batches: Iterable[pa.RecordBatch], columns: Sequence[TableColumn]) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    schema = pa.schema([(column.name, _parquet_type(column)) for column in columns])
    sink = _Written()
    writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd")
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        cells = [
            pc.cast(_amount_texts(cell), field.type)
            if pa.types.is_decimal(field.type)
            else pc.cast(cell, field.type)
            for field, cell in zip(schema, batch.columns, strict=True)
        ]
        waiting.append(pa.RecordBatch.from_arrays(cells, schema=schema))
        if sum(each.nbytes for each in waiting) >= _ROW_GROUP_BYTES:
            writer.write_table(pa.Table.from_batches(waiting))
            waiting.clear()
            yield sink.taken()
    if waiting:
        writer.write_table(pa.Table.from_batches(waiting))
    writer.close()
    yield sink.taken()


def _parquet_type(column: TableColumn) -> pa.DataType:
    if column.kind is ValueType.AMOUNT:
        return pa.decimal128(DIGITS, column.scale or 0)
    return pa.timestamp("ms", "UTC") if column.kind is ValueType.INSTANT else pa.string()


def _amount_texts(cells: pa.Array) -> pa.Array:
    """Amounts in their canonical spelling, from the engines': with zeros, or an exponent."""
    encoded = cells.dictionary_encode()
    spelled = [canonical_text(Decimal(text)) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(spelled, pa.string()), encoded.indices)


def _instant_texts(cells: pa.Array) -> pa.Array:
    """Times as FOCUS writes them, with milliseconds where there are any."""
    encoded = cells.cast(pa.timestamp("ms")).dictionary_encode()
    values = encoded.dictionary
    seconds = pc.cast(values, pa.timestamp("s"), safe=False)
    whole = pc.equal(pc.cast(seconds, pa.timestamp("ms")), values)
    form = "%Y-%m-%dT%H:%M:%SZ"
    texts = pc.if_else(whole, pc.strftime(seconds, form), pc.strftime(values, form))
    return pc.take(texts, encoded.indices)


def _taken(sink: io.BytesIO) -> bytes:
    written_so_far = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written_so_far


class _Written(io.RawIOBase):
    """Takes what is written, and counts it: a parquet file ends with the places of its parts."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        """What was written since this was last asked."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
