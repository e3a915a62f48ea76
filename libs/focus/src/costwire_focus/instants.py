"""Instants: the date and time cells of a report, read as UTC to the millisecond."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

DateOrder = Literal["mdy", "dmy"]

FOCUS_FORM = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_USUAL = FOCUS_FORM.replace("^[0-9]{4}", "^[1-9][0-9]{3}")
SLASHED = r"^[0-9]{1,2}/[0-9]{1,2}/([0-9]{4}|[0-9]{2})( |$)"
"""Dates whose order only the sender knows; read when the order is told, else unreadable."""

_ISO = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(?::([0-5][0-9])(?:\.([0-9]+))?)?)?"
    r" ?(Z|z|UTC|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?$"
)
_SLASHED_PARTS = (
    r"^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})"
    r"(?: ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?$"
)


@dataclass(frozen=True)
class Instants:
    """A column of instants (`timestamp[ms]`, UTC) and what there was to say of its cells.

    Null: where the cell is null or unreadable. A mask is None when it would be false throughout.
    """

    values: pa.Array
    unreadable: pa.Array | None
    not_focus: pa.Array | None
    """Readable, but not in the form `YYYY-MM-DDTHH:mm:ssZ` (a missing zone was taken as UTC)."""
    finer: pa.Array | None
    """Digits finer than a millisecond, not all zero, were cut."""


def parse(cells: pa.Array | pa.ChunkedArray, dates: DateOrder | None = None) -> Instants:
    """Read a column of date/time text; the offset is applied, a missing one means UTC.

    Shape:  `2024-09-01T00:00:00Z` and its ISO 8601 relatives: a blank for `T`, no seconds,
            fractions, offsets, no zone, a date alone; with `dates` also `9/1/24`, `9/1/2024 13:05`.
    Limits: hour 24, second 60 and what is not within the years 1 to 9999 in UTC is unreadable.
    Source: FOCUS, attribute DateTimeFormat; what providers really send.
    """
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    encoded = pc.dictionary_encode(cells)
    usual = _read_focus_form(encoded.dictionary)
    if usual is not None:
        return Instants(pc.take(usual, encoded.indices), None, None, None)
    frame = _read_distinct(pl.Series("text", encoded.dictionary, dtype=pl.String), dates)

    def spread(column: str) -> pa.Array:
        return pc.take(frame[column].to_arrow(), encoded.indices)

    def mask(column: str) -> pa.Array | None:
        return spread(column).fill_null(False) if frame[column].any() else None

    return Instants(
        values=pc.cast(spread("value"), pa.timestamp("ms")),
        unreadable=mask("unreadable"),
        not_focus=mask("not_focus"),
        finer=mask("finer"),
    )


def _read_focus_form(texts: pa.Array) -> pa.Array | None:
    """The instants when every text has FOCUS's form and is one; else a closer look is due."""
    if not pc.all(pc.match_substring_regex(texts, _USUAL), min_count=0).as_py():
        return None
    try:
        zoned = pc.cast(texts, pa.timestamp("ms", "UTC"))
    except pa.ArrowInvalid:
        return None
    return pc.cast(zoned, pa.timestamp("ms"))


def _read_distinct(text: pl.Series, dates: DateOrder | None) -> pl.DataFrame:
    iso = text
    if dates is not None:
        iso = pl.select(pl.coalesce(_slashed_to_iso(text, dates), pl.lit(text))).to_series()
    groups = iso.str.extract_groups(_ISO).struct.rename_fields(
        ["date", "time", "second", "fraction", "zone"]
    )
    frame = pl.DataFrame({"text": text}).with_columns(groups.struct.unnest().get_columns())
    whole = pl.concat_str(
        "date",
        pl.lit(" "),
        pl.col("time").fill_null("00:00"),
        pl.lit(":"),
        pl.col("second").fill_null("00"),
    ).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms", strict=False)
    millisecond = pl.col("fraction").fill_null("0").str.pad_end(3, "0").str.slice(0, 3)
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    hours = pl.col("zone").str.extract(r"^[+-]([0-9]{2})").cast(pl.Int64).fill_null(0)
    minutes = pl.col("zone").str.extract(r"^[+-][0-9]{2}:?([0-9]{2})$").cast(pl.Int64).fill_null(0)
    offset = pl.duration(minutes=sign * (hours * 60 + minutes), time_unit="ms")
    value = whole + pl.duration(milliseconds=millisecond.cast(pl.Int64), time_unit="ms") - offset
    return frame.with_columns(
        pl.when(value.dt.year().is_between(MINYEAR, MAXYEAR)).then(value).alias("value"),
        pl.col("fraction").str.slice(3).str.contains("[1-9]").fill_null(False).alias("finer"),
    ).select(
        "value",
        (pl.col("value").is_null() & pl.col("text").is_not_null()).alias("unreadable"),
        (pl.col("value").is_not_null() & ~pl.col("text").str.contains(FOCUS_FORM)).alias(
            "not_focus"
        ),
        (pl.col("value").is_not_null() & pl.col("finer")).alias("finer"),
    )


def _slashed_to_iso(text: pl.Series, dates: DateOrder) -> pl.Expr:
    parts = text.str.extract_groups(_SLASHED_PARTS).struct.rename_fields(
        ["first", "second", "year", "hour", "minute", "seconds"]
    )
    month, day = ("first", "second") if dates == "mdy" else ("second", "first")

    def two(name: str) -> pl.Expr:
        return pl.lit(parts.struct.field(name).str.zfill(2))

    year = pl.lit(parts.struct.field("year"))
    century = pl.when(year.str.len_chars() == 2).then(pl.lit("20") + year).otherwise(year)
    clock = pl.concat_str(
        two("hour").fill_null("00"),
        pl.lit(":"),
        two("minute").fill_null("00"),
        pl.lit(":"),
        two("seconds").fill_null("00"),
    )
    date = pl.concat_str(century, pl.lit("-"), two(month), pl.lit("-"), two(day))
    return pl.concat_str(date, pl.lit(" "), clock)
