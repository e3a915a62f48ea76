"""Judges the JSON documents in cells (Tags and the like), each distinct text once."""

import json
import sys
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from costwire_focus.columns import Column
from costwire_focus.rules.buffers import never
from costwire_focus.rules.rule import FLAG
from costwire_focus.rules.shapes import NULL, NUMBER, STRING, Shape, flat_elements, wrong_elements
from costwire_focus.rules.values import (
    DEPTH,
    JSON_FORM,
    KEY_CASE,
    KEY_TYPES,
    KEYS,
    SHAPE,
)
from costwire_focus.versions import CUSTOM_PREFIX

FLAT_FORMAT: Final = "Key-Value Format"

VERDICTS: Final = (JSON_FORM, KEYS, KEY_TYPES, KEY_CASE, DEPTH, SHAPE)
"""What is told of a JSON text; some never come about in a column."""

MOST_BYTES: Final = 4 << 20
"""Of texts that are remembered for one column."""

MOST_LEVELS: Final = 3

_ENTRY_BYTES: Final = 100
"""About what an entry of a dictionary takes beside its text."""

_STRING: Final = r'"(?:[^"\\\x00-\x1F]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"'
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_SCALAR: Final = rf"(?:{_STRING}|{_NUMBER}|true|false|null)"
_BLANK: Final = r"[ \t\r\n]*"
_PAIR: Final = rf"{_STRING}{_BLANK}:{_BLANK}{_SCALAR}"
_FLAT: Final = rf"\{{{_BLANK}(?:{_PAIR}{_BLANK}(?:,{_BLANK}{_PAIR}{_BLANK})*)?\}}"
_PASCAL: Final = rf"^(?:{CUSTOM_PREFIX})?[A-Z][A-Za-z0-9]*$"
_FLAT_OBJECT: Final = rf"^{_BLANK}{_FLAT}{_BLANK}$"
_ELEMENTS: Final = (
    rf'^\{{"Elements":{_BLANK}\[{_BLANK}(?:{_FLAT}{_BLANK}(?:,{_BLANK}{_FLAT}{_BLANK})*)?\]\}}$'
)


class Documents:
    """Judges a column of JSON texts, batch by batch; what was met before is not judged again.

    `shape`:  what FOCUS says about the list that a cell of the column holds, if it does.
    `wanted`: the names of verdicts that are asked for, in the evaluation frame; None: all.
    `most`:   how many bytes of memory the texts may take; beyond, all but the last are forgotten.
    """

    def __init__(
        self,
        column: Column,
        shape: Shape | None = None,
        wanted: Collection[str] | None = None,
        *,
        most: int = MOST_BYTES,
    ) -> None:
        flags = {column.id + FLAG + verdict: verdict for verdict in VERDICTS}
        self._bits = {
            verdict: (flag, 1 << position)
            for position, (flag, verdict) in enumerate(flags.items())
            if wanted is None or flag in wanted
        }
        self.column = column
        self._shape = shape
        self._most = most
        self._known: dict[str, int] = {}
        self._bytes = 0

    def verdicts(self, texts: pa.ChunkedArray) -> dict[str, pl.Series]:
        """What is told of each cell, by the names in the evaluation frame; of null: nothing."""
        encoded = texts.combine_chunks().dictionary_encode()
        marks = self._marks(encoded.dictionary.to_pylist())
        if not marks.any():
            return dict.fromkeys((flag for flag, _ in self._bits.values()), never(len(texts)))
        marked = np.append(marks, np.uint8(0))[encoded.indices.fill_null(len(marks))]
        return {
            flag: pl.Series(marked & bit != 0) if (marks & bit).any() else never(len(texts))
            for flag, bit in self._bits.values()
        }

    def _marks(self, distinct: list[str]) -> NDArray[np.uint8]:
        """The verdicts on each text, as bits."""
        new = [text for text in distinct if text not in self._known]
        if new and self._bytes + _size(new) > self._most:
            self._known, self._bytes, new = {}, 0, distinct
        if new:
            self._bytes += _size(new)
            judged = judge(self.column, pl.Series(new, dtype=pl.String), self._shape)
            bits = judged.select(
                pl.sum_horizontal(
                    pl.col(verdict).cast(pl.UInt8) * bit for verdict, (_, bit) in self._bits.items()
                )
            )
            marks = bits.to_series().to_list()
            self._known.update(zip(judged["text"].to_list(), marks, strict=True))
        return np.fromiter(map(self._known.__getitem__, distinct), np.uint8, len(distinct))


def _size(texts: list[str]) -> int:
    return sum(map(sys.getsizeof, texts)) + _ENTRY_BYTES * len(texts)


def judge(column: Column, distinct: pl.Series, shape: Shape | None = None) -> pl.DataFrame:
    """The verdicts on JSON texts, each of which stands there once: `text` and `VERDICTS`.

    A flat object is a regular language, and so is the one list of flat objects that FOCUS nests:
    nearly every text is judged by expressions, the few others are parsed one by one.
    """
    if column.format == FLAT_FORMAT:
        return _judge_flat(distinct, column.properties)
    return _judge_nested(distinct, shape)


def _judge_flat(distinct: pl.Series, properties: Mapping[str, str]) -> pl.DataFrame:
    frame = distinct.alias("text").to_frame().with_row_index("of")
    whole = frame.filter(pl.col("text").str.contains(_FLAT_OBJECT))
    pairs = whole.select("of", pair=pl.col("text").str.extract_all(_PAIR)).explode("pair")
    pairs = pairs.drop_nulls().select(
        "of",
        key=pl.col("pair").str.extract(f"^({_STRING})").str.slice(1).str.head(-1),
        quoted=pl.col("pair").str.ends_with('"'),
        number=pl.col("pair").str.contains(rf":{_BLANK}{_NUMBER}$"),
    )
    numeric = [key for key, kind in properties.items() if kind == "Numeric"]
    defined = pl.col("key").is_in(list(properties))
    right = pl.when(pl.col("key").is_in(numeric)).then("number").otherwise("quoted")
    found = pairs.group_by("of").agg(
        repeated=pl.col("key").n_unique() != pl.len(),
        escaped=pl.col("key").str.contains("\\", literal=True).any(),
        foreign=(~defined & ~pl.col("key").str.starts_with(CUSTOM_PREFIX)).any(),
        mistyped=(defined & ~right).any(),
        miscased=(~pl.col("key").str.contains(_PASCAL)).any(),
    )
    whole = whole.join(found, on="of", how="left")
    repeated = whole["repeated"].fill_null(False)
    if (escaped := whole["escaped"].fill_null(False)).any():
        parsed = whole["text"].filter(escaped).map_elements(_is_broken, pl.Boolean)
        repeated = repeated.scatter(escaped.arg_true(), parsed)
    judged = whole.select(
        "of",
        repeated.alias("repeated"),
        pl.col("foreign").fill_null(False).alias(KEYS),
        pl.col("mistyped").fill_null(False).alias(KEY_TYPES),
        pl.col("miscased").fill_null(False).alias(KEY_CASE),
    )
    return frame.join(judged, on="of", how="left").select(
        "text",
        pl.col("repeated").fill_null(True).alias(JSON_FORM),
        *(pl.col(verdict).fill_null(False) for verdict in (KEYS, KEY_TYPES, KEY_CASE)),
        pl.lit(False).alias(DEPTH),
        pl.lit(False).alias(SHAPE),
    )


def _judge_nested(distinct: pl.Series, shape: Shape | None) -> pl.DataFrame:
    frame = distinct.alias("text").to_frame().with_row_index("of")
    usual = frame.filter(pl.col("text").str.contains(_ELEMENTS))
    elements = usual.select("of", text=pl.col("text").str.extract_all(_FLAT)).explode("text")
    elements = elements.drop_nulls()
    judged = _judge_flat(elements["text"].unique(), {})
    found = (
        elements.join(judged, on="text")
        .group_by("of")
        .agg(broken=pl.col(JSON_FORM).any() | (pl.col("text").n_unique() != pl.len()))
    )
    broken = dict(found.filter("broken").select("of", pl.lit(True)).iter_rows())
    deep, unlisted, parsed = [], [], []
    for of, text in frame.join(usual, on="of", how="anti").iter_rows():
        document = _parse(text)
        if document is None:
            broken[of] = True
            continue
        if _levels(document) > MOST_LEVELS:
            deep.append(of)
        if shape is not None:
            flat = flat_elements(document, shape)
            unlisted += [of] if flat is None else []
            parsed += [(of, element) for element in flat or ()]
    misshapen = set(unlisted)
    if shape is not None:
        rest = pl.DataFrame(parsed, schema=elements.schema, orient="row")
        empty = usual.join(elements, on="of", how="anti")
        misshapen |= {*empty["of"], *_misshapen(pl.concat([elements, rest]), shape)}
    misshapen -= broken.keys()
    marks = {JSON_FORM: broken, DEPTH: deep, SHAPE: misshapen}
    return frame.select(
        "text",
        *(pl.col("of").is_in(list(marks.get(verdict, ()))).alias(verdict) for verdict in VERDICTS),
    )


def _misshapen(elements: pl.DataFrame, shape: Shape) -> pl.Series:
    """The texts (`of`) that hold a wrong element."""
    elements = elements.with_row_index("at")
    pairs = elements.select("at", pair=pl.col("text").str.extract_all(_PAIR)).explode("pair")
    value = pl.col("pair").str.extract(rf"^{_STRING}{_BLANK}:{_BLANK}({_SCALAR})$")
    first = value.str.slice(0, 1)
    kind = (
        pl.when(first == '"').then(pl.lit(STRING))
        .when(first == "n").then(pl.lit(NULL))
        .when(first.is_in(["t", "f"])).then(pl.lit("boolean"))
        .otherwise(pl.lit(NUMBER))
    )  # fmt: skip
    pairs = pairs.drop_nulls().select(
        "at",
        key=pl.col("pair").str.extract(f"^({_STRING})").str.slice(1).str.head(-1),
        kind=kind,
        value=value,
    )
    wrong = elements.join(wrong_elements(pairs, shape), on="at", how="left")
    return wrong.filter(pl.col("wrong").fill_null(True))["of"].unique()


def _is_broken(text: str) -> bool:
    return _parse(text) is None


def _parse(text: str) -> dict[str, Any] | None:
    """The JSON object; None for anything else, a key twice, an array with nulls, repeats, a mix."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        _check_arrays(document)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _levels(value: object) -> int:
    """How deep objects stand in each other; the arrays between them are no levels."""
    if isinstance(value, dict):
        return 1 + max(map(_levels, value.values()), default=0)
    if isinstance(value, list):
        return max(map(_levels, value), default=0)
    return 0


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _check_arrays(value: object) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _check_arrays(inner)
    elif isinstance(value, list):
        kinds = {_kind(element) for element in value}
        texts = {json.dumps(element, sort_keys=True) for element in value}
        if "null" in kinds or len(kinds) > 1 or len(texts) != len(value):
            raise ValueError("an array holds nulls, repeats or mixed types")
        for inner in value:
            _check_arrays(inner)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
