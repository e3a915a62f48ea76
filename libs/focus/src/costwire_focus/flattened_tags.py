"""Tags as the original exporter flattens them (`env: prod;org: acme`) back to JSON; pure.

The original removes braces and quotes and turns `=` into `:` and `,` into `;`, so what a value held
of those is gone. A piece without a colon belongs to the value before it; of equal keys the first
one counts.
"""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa

_FLATTENED = "Tags"
_JSON_START = "{"
_NO_TAGS = "{}"
_SPECIAL = ["\\", '"', *map(chr, range(32))]
_ESCAPED = [json.dumps(character)[1:-1] for character in _SPECIAL]


def with_json_tags(charges: pa.Table) -> pa.Table:
    """The charges, with the text of every `...Tags...` column as JSON where it was flattened."""
    for index, name in enumerate(charges.column_names):
        if _FLATTENED in name:
            charges = charges.set_column(index, name, json_tags(charges.column(name)))
    return charges


def json_tags(cells: pa.ChunkedArray) -> pa.Array:
    """A column of flattened tags as JSON texts; null and what is JSON already stay as they are."""
    texts = pl.DataFrame({"text": pl.Series(pl.from_arrow(cells), dtype=pl.String)})
    flattened = texts.unique().filter(~pl.col("text").str.starts_with(_JSON_START))
    documents = flattened.join(_documents(flattened), on="text", how="left").with_columns(
        pl.col("document").fill_null(_NO_TAGS)
    )
    joined = texts.join(documents, on="text", how="left", maintain_order="left")
    whole = joined.select(pl.coalesce("document", "text"))
    return whole.to_series().to_arrow().cast(pa.string())


def _documents(flattened: pl.DataFrame) -> pl.DataFrame:
    """A JSON document for each flattened text that holds a pair at all."""
    members = _pairs(flattened).select(
        "text", pl.format("{}: {}", _quoted("key"), _quoted("value")).alias("member")
    )
    joined = members.group_by("text", maintain_order=True).agg(pl.col("member").str.join(", "))
    return joined.select(
        "text", pl.concat_str(pl.lit("{"), "member", pl.lit("}")).alias("document")
    )


def _pairs(flattened: pl.DataFrame) -> pl.DataFrame:
    """Text, key and value of every pair."""
    pieces = (
        flattened.with_columns(piece=pl.col("text").str.split(";"))
        .explode("piece")
        .with_columns(pair=pl.col("piece").str.contains(":", literal=True))
        .with_columns(pair=pl.col("pair").cast(pl.Int64).cum_sum().over("text"))
        .filter(pl.col("pair") > 0)
    )
    whole = pieces.group_by("text", "pair", maintain_order=True).agg(pl.col("piece").str.join(";"))
    return (
        whole.with_columns(parts=pl.col("piece").str.splitn(":", 2))
        .unnest("parts")
        .select(
            "text",
            key=pl.col("field_0").str.strip_chars(),
            value=pl.col("field_1").str.strip_chars(),
        )
        .unique(["text", "key"], keep="first", maintain_order=True)
    )


def _quoted(column: str) -> pl.Expr:
    return pl.format('"{}"', pl.col(column).str.replace_many(_SPECIAL, _ESCAPED))
