"""Judges the JSON documents in cells (Tags and the like), each distinct text once."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from costwire_focus.columns import Column
from costwire_focus.rules.rule import FLAG
from costwire_focus.rules.values import JSON_FORM, KEY_TYPES, KEYS
from costwire_focus.versions import CUSTOM_PREFIX

FLAT_FORMAT: Final = "Key-Value Format"

_STRING: Final = r'"(?:[^"\\\x00-\x1F]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"'
_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_SCALAR: Final = rf"(?:{_STRING}|{_NUMBER}|true|false|null)"
_BLANK: Final = r"[ \t\r\n]*"
_PAIR: Final = rf"{_STRING}{_BLANK}:{_BLANK}{_SCALAR}"
_FLAT: Final = rf"\{{{_BLANK}(?:{_PAIR}{_BLANK}(?:,{_BLANK}{_PAIR}{_BLANK})*)?\}}"
_FLAT_OBJECT: Final = rf"^{_BLANK}{_FLAT}{_BLANK}$"
_ELEMENTS: Final = (
    rf'^\{{"Elements":{_BLANK}\[{_BLANK}(?:{_FLAT}{_BLANK}(?:,{_BLANK}{_FLAT}{_BLANK})*)?\]\}}$'
)


def judge(column: Column, texts: pl.Series) -> dict[str, pl.Series]:
    """The verdicts on a column of JSON texts, by their names in the evaluation frame.

    A flat object is a regular language, and so is the one list of flat objects that FOCUS nests:
    nearly every text is judged by expressions, the few others are parsed one by one.
    """
    distinct = texts.drop_nulls().unique()
    if column.format == FLAT_FORMAT:
        verdicts = _judge_flat(distinct, column.properties)
    else:
        verdicts = _judge_nested(distinct)
    return {
        column.id + FLAG + verdict: _spread(verdicts[verdict], verdicts["text"], texts)
        for verdict in (JSON_FORM, KEYS, KEY_TYPES)
    }


def _spread(broken: pl.Series, distinct: pl.Series, texts: pl.Series) -> pl.Series:
    if not broken.any():
        return pl.Series(np.zeros(len(texts), np.bool_))
    return texts.is_in(distinct.filter(broken).implode())


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
    )
    return frame.join(judged, on="of", how="left").select(
        "text",
        pl.col("repeated").fill_null(True).alias(JSON_FORM),
        pl.col(KEYS).fill_null(False),
        pl.col(KEY_TYPES).fill_null(False),
    )


def _judge_nested(distinct: pl.Series) -> pl.DataFrame:
    frame = distinct.alias("text").to_frame().with_row_index("of")
    usual = frame.filter(pl.col("text").str.contains(_ELEMENTS))
    elements = usual.select("of", text=pl.col("text").str.extract_all(_FLAT)).explode("text")
    judged = _judge_flat(elements["text"].drop_nulls().unique(), {})
    found = (
        elements.drop_nulls()
        .join(judged, on="text")
        .group_by("of")
        .agg(broken=pl.col(JSON_FORM).any() | (pl.col("text").n_unique() != pl.len()))
    )
    rest = frame.join(usual, on="of", how="anti")
    rest = rest.select("of", broken=pl.col("text").map_elements(_is_broken, pl.Boolean))
    broken = pl.concat([found, rest])
    return frame.join(broken, on="of", how="left").select(
        "text",
        pl.col("broken").fill_null(False).alias(JSON_FORM),
        pl.lit(False).alias(KEYS),
        pl.lit(False).alias(KEY_TYPES),
    )


def _is_broken(text: str) -> bool:
    """No JSON object, or one with a key twice, or an array with nulls, repeats or mixed types."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        _check_arrays(document)
    except (ValueError, RecursionError):
        return True
    return not isinstance(document, dict)


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
