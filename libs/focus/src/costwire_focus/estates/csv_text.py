"""Tables of text as CSV bytes, in the spelling of a provider and with planted breakage."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import IO, Final, Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.columns import ValueType, value_type
from costwire_focus.estates.dialects import FOCUS, Dialect

_STYLES: Final[dict[str, Literal["necessary", "never", "non_numeric"]]] = {
    "needed": "necessary",
    "text": "never",  # text is quoted before
    "all": "non_numeric",
}
_BLOCK_ROWS = 20_000
_MARK = "\ue000"
_MARKS: Final = {"undecodable": b"\xff\xfe", "nul": b"\x00"}


def write_csv(charges: pa.Table, sink: IO[bytes], dialect: Dialect = FOCUS) -> None:
    """Write charges with a header to an open binary file."""
    for chunk in csv_chunks(charges, dialect):
        sink.write(chunk)


def csv_chunks(
    charges: pa.Table, dialect: Dialect = FOCUS, broken: Mapping[int, str] | None = None
) -> Iterator[bytes]:
    """The bytes of a CSV file, block by block; `broken` rows get the breakage of that name."""
    plain = _plain_chunks(charges, dialect, broken or {})
    return _gzipped(plain) if dialect.gzip else plain


def _plain_chunks(
    charges: pa.Table, dialect: Dialect, broken: Mapping[int, str]
) -> Iterator[bytes]:
    header = pa.table({name: pa.array([], pa.string()) for name in charges.column_names})
    mark = b"\xef\xbb\xbf" if dialect.byte_order_mark else b""
    yield mark + _render(pl.DataFrame(pl.from_arrow(header)), dialect, header=True)
    start = 0
    for row in [*sorted(broken), charges.num_rows]:
        for block in range(start, row, _BLOCK_ROWS):
            yield _text(charges.slice(block, min(_BLOCK_ROWS, row - block)), dialect)
        if row < charges.num_rows:
            yield _break(charges.slice(row, 1), dialect, broken[row])
        start = row + 1


def _text(charges: pa.Table, dialect: Dialect) -> bytes:
    if dialect.exponents:
        for place, name in enumerate(charges.column_names):
            if value_type(name) is ValueType.AMOUNT:
                charges = charges.set_column(
                    place, name, _doubles(charges.column(name).combine_chunks())
                )
    frame = pl.DataFrame(pl.from_arrow(charges))
    return _render(frame.with_columns(_respelled(frame.columns, dialect)), dialect, header=False)


def _break(charge: pa.Table, dialect: Dialect, breakage: str) -> bytes:
    if breakage == "field-missing":
        return _text(charge.drop_columns(charge.column_names[-1]), dialect)
    if breakage == "field-extra":
        ending = dialect.newline.encode()
        return _text(charge, dialect).removesuffix(ending) + b",surplus" + ending
    if breakage == "field-cut-off":
        return _text(charge.select(charge.column_names[:5]), dialect)
    if breakage == "field-bare-return":
        return b"a\rb" + _text(charge, dialect)
    column = charge.column_names.index("ChargeDescription")
    text = f"{charge.column(column)[0].as_py()} {_MARK}"
    marked = charge.set_column(column, "ChargeDescription", pa.array([text]))
    return _text(marked, dialect).replace(_MARK.encode(), _MARKS[breakage])


def _render(frame: pl.DataFrame, dialect: Dialect, *, header: bool) -> bytes:
    text = BytesIO()
    frame.write_csv(
        text,
        include_header=header,
        line_terminator=dialect.newline,
        null_value=dialect.null,
        quote_style="always" if header and dialect.quoting == "text" else _STYLES[dialect.quoting],
    )
    return text.getvalue()


def _respelled(names: list[str], dialect: Dialect) -> list[pl.Expr]:
    """What has to be changed in which column before it is written."""
    changes: list[pl.Expr] = []
    for name in names:
        kind = value_type(name)
        if kind is ValueType.AMOUNT:
            continue
        cell = _time(name, dialect) if kind is ValueType.INSTANT else pl.col(name)
        if dialect.quoting == "text":
            doubled = cell.str.replace_all('"', '""', literal=True)
            cell = pl.format('"{}"', doubled).alias(name)
        changes.append(cell)
    return changes


def _time(name: str, dialect: Dialect) -> pl.Expr:
    cell = pl.col(name)
    if dialect.times == "focus":
        return cell
    if dialect.times == "milliseconds":
        return cell.str.replace("Z", ".000Z", literal=True)
    if dialect.times == "minutes":
        return cell.str.replace(":00Z", "Z", literal=True)
    return cell.str.replace("T", " ", literal=True).str.replace("Z", "", literal=True)


def _doubles(cells: pa.Array) -> pa.Array:
    """Small amounts with an exponent, e.g. `6.123E-7`; the value stays."""
    small = pc.fill_null(
        pc.or_(pc.starts_with(cells, "0.000"), pc.starts_with(cells, "-0.000")), False
    )
    texts = pl.Series(values=pl.from_arrow(cells.filter(small)))
    digits = texts.str.strip_prefix("-").str.strip_prefix("0.")
    exponents = digits.str.len_bytes() - digits.str.strip_chars_start("0").str.len_bytes() + 1
    parts = pl.DataFrame(
        {"minus": texts.str.starts_with("-"), "digits": digits.str.strip_chars_start("0")}
    ).with_columns(exponents.cast(pl.String).alias("exponent"))
    rest = pl.col("digits").str.slice(1)
    spelled = parts.select(
        pl.concat_str(
            pl.when("minus").then(pl.lit("-")).otherwise(pl.lit("")),
            pl.col("digits").str.slice(0, 1),
            pl.lit("."),
            pl.when(rest == "").then(pl.lit("0")).otherwise(rest),
            pl.lit("E-"),
            "exponent",
        ).alias("text")
    )
    return pc.replace_with_mask(cells, small, spelled["text"].to_arrow().cast(pa.string()))


def _gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()
