"""Tags in SQL: the JSON text of a cell as a map of texts, and as the text it is compared by."""

from __future__ import annotations

import json
import re
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

MAP = pa.map_(pa.string(), pa.string())

_KNOWN = pa.schema([("text", pa.string()), ("map", MAP), ("canonical", pa.string())])
_MOST_BYTES = 8 << 20
"""What a reader remembers, and what one part adds to it."""

_STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
_PAIR = rf"\s*{_STRING}\s*:\s*{_STRING}\s*"
_PLAIN = rf"\s*\{{(?:{_PAIR}(?:,{_PAIR})*|\s*)\}}\s*"
"""An object whose values are all texts: nearly every tags cell. The others go one by one."""

_RECORD_KEYS = {"key", "value"}

_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")

_READ = """
SELECT map, '{' || array_to_string(
    list_transform(
        list_sort(map_entries(map)), lambda e: to_json(e.key) || ':' || to_json(e.value)),
    ',') || '}' AS canonical
FROM (
    SELECT number, CASE WHEN regexp_full_match(text, $plain)
        THEN TRY(from_json(text, '"MAP(VARCHAR,VARCHAR)"')) END AS map
    FROM distinct_tags
)
ORDER BY number
"""


class TagReader:
    """Reads columns of JSON texts; not to be used by two threads at once.

    It remembers what it has read: the same tags come again in every part.
    """

    def __init__(self, sql: duckdb.DuckDBPyConnection) -> None:
        self._sql = sql
        self._known = _KNOWN.empty_table().combine_chunks()

    def read(self, cells: pa.DictionaryArray) -> tuple[pa.DictionaryArray, pa.DictionaryArray]:
        """A column as maps, and as canonical texts, each where its text stands.

        Map:       values as texts; a number keeps its spelling, `true` is "true", null stays null,
                   and what is nested is its JSON text. A list of records with key and value is
                   read as the object that it means. Null where the cell is no JSON object.
        Canonical: equal for cells that differ only in the order of keys and in blanks; the text
                   itself where the cell is no JSON object.
        """
        texts = cells.dictionary
        new = texts.filter(pc.is_null(pc.index_in(texts, value_set=self._known["text"])))
        if len(new):
            if self._known.nbytes > _MOST_BYTES:
                self._known, new = self._known.slice(0, 0), texts
            self._known = pa.concat_tables([self._known, self._read(new)]).combine_chunks()
        rows = pc.index_in(texts, value_set=self._known["text"])
        maps, canonical = (
            pa.DictionaryArray.from_arrays(
                cells.indices, self._known[name].take(rows).combine_chunks()
            )
            for name in ("map", "canonical")
        )
        return maps, canonical

    def _read(self, texts: pa.Array) -> pa.Table:
        self._sql.register(
            "distinct_tags",
            pa.table({"number": pa.array(range(len(texts)), pa.int64()), "text": texts}),
        )
        found = self._sql.sql(_READ, params={"plain": _PLAIN}).to_arrow_table()
        self._sql.unregister("distinct_tags")
        maps, canonical = _with_odd_ones(
            texts, found["map"].combine_chunks(), found["canonical"].combine_chunks()
        )
        return pa.table([texts, maps.cast(MAP), canonical], schema=_KNOWN)


def _with_odd_ones(
    texts: pa.Array, maps: pa.Array, canonical: pa.Array
) -> tuple[pa.Array, pa.Array]:
    odd = pc.indices_nonzero(pc.is_null(maps)).to_pylist()
    if not odd:
        return maps, canonical
    read = {index: _read_odd(texts[index].as_py()) for index in odd}
    odd_maps = pa.array([read[index][0] for index in odd], MAP)
    odd_texts = pa.array([read[index][1] for index in odd], pa.string())
    position = pc.index_in(pa.array(range(len(texts))), value_set=pa.array(odd))
    order = pc.if_else(
        pc.is_valid(position),
        pc.add(position.cast(pa.int64()), len(texts)),
        pa.array(range(len(texts)), pa.int64()),
    )
    merged = pa.concat_arrays([maps.cast(MAP), odd_maps])
    return pc.take(merged, order), pc.take(pa.concat_arrays([canonical, odd_texts]), order)


class _Number(str):
    """The spelling of a JSON number."""

    __slots__ = ()


def _read_odd(text: str) -> tuple[list[tuple[str, str | None]] | None, str]:
    """A cell as pairs, and its canonical text: the text itself where a key stands twice."""
    repeats: list[bool] = []

    def as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        repeats.append(len(found) < len(pairs))
        return found

    for candidate in (text, "{" + text + "}"):  # some Azure exports leave out the braces
        repeats.clear()
        try:
            value = json.loads(
                candidate, parse_float=_Number, parse_int=_Number, object_pairs_hook=as_dict
            )
            if isinstance(value, list):
                value = _of_records(value)
            if not isinstance(value, dict):
                continue
            pairs = [(key, _text(item)) for key, item in value.items()]
            canonical = _canonical(value)
            canonical.encode()  # half a surrogate pair has no text
        except (ValueError, RecursionError):
            continue
        return pairs, text if any(repeats) else canonical
    return None, text


def _of_records(records: list[Any]) -> dict[str, Any] | None:
    """Tags as a list of records with a key and a value each, as Google writes them; else None."""
    for record in records:
        if not (isinstance(record, dict) and record.keys() == _RECORD_KEYS):
            return None
        if not isinstance(record["key"], str):
            return None
    tags = {record["key"]: record["value"] for record in records}
    return tags if len(tags) == len(records) else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    return _canonical(value)


def _canonical(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inner = (f"{_quoted(key)}:{_canonical(item)}" for key, item in sorted(value.items()))
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    """JSON, its escapes spelled as the engine does."""
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPE.sub(lambda found: found[0][:2] + found[0][2:].upper(), text)
