"""The two hashes of a charge: of its content, and of its dimensions (all cells but amounts).

Cell:   128 bits, the MD5 of `<length of name>:<name>=<canonical value>`; taken once for each value
        that a column of a part holds, however often it does. Canonical are a text's bytes, the
        milliseconds of an instant as text, an amount's 16 bytes in the least scale, and the scale.
Charge: the sum of its cells' hashes modulo 2^128. A null cell adds nothing, so neither the order of
        columns nor one that is empty makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.typed import DIGITS, SCALES

HASH = pa.opaque(pa.binary(16), "uhugeint", "DuckDB")
"""How the engine takes and gives its unsigned integers of 128 bits."""

_STORABLE = (-(2**63) + 1, 2**63 - 2)
"""What CrateDB stores in a BIGINT; a half that is one of the two others becomes its neighbour."""
_Halves = npt.NDArray[np.uint64]
"""Shape (n, 2): the lower and the upper 64 bits."""


def told_hashes(texts: Iterable[str]) -> pa.Array:
    """Hashes that are kept as hexadecimal numbers."""
    raw = [int(text, 16).to_bytes(16, "little") for text in texts]
    return pa.ExtensionArray.from_storage(HASH, pa.array(raw, pa.binary(16)))


@dataclass(frozen=True)
class _Column:
    name: str
    values: pa.Array
    """Each value once."""
    indices: pa.Array


def charge_hashes(
    sql: duckdb.DuckDBPyConnection,
    dimensions: Mapping[str, pa.DictionaryArray],
    amounts: Mapping[str, pa.DictionaryArray],
    rows: int,
) -> tuple[pa.Array, pa.Array]:
    """Content and dimensions of charges.

    `sql`:        a connection with lossless Arrow conversion.
    `dimensions`: canonical texts or instants by column.
    `amounts`:    `decimal128(38, s)` by column.
    """
    columns = [_encoded(item) for item in (*dimensions.items(), *amounts.items())]
    hashed = _hashed(sql, columns)
    without = _sum(hashed[: len(dimensions)], rows)
    whole = _sum(hashed[len(dimensions) :], rows)
    _add(whole, without)
    return _array(whole), _array(without)


def _encoded(item: tuple[str, pa.DictionaryArray]) -> _Column:
    name, cells = item
    values = cells.dictionary
    if pa.types.is_decimal(values.type):
        values = _amount_bytes(values)
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("ms")).cast(pa.int64()).cast(pa.string())
    return _Column(name, values.cast(pa.binary()), cells.indices)


def _amount_bytes(values: pa.Array) -> pa.Array:
    """An amount in the least of the `SCALES` that is exact: its 16 bytes, then the scale.

    So the scale that other amounts of a part ask for makes no difference.
    """
    cells = pa.nulls(len(values), pa.binary())
    for scale in SCALES[: SCALES.index(values.type.scale) + 1]:
        fitting = values
        if scale != values.type.scale:
            # Towards zero: a carry to a 39th digit would be an error, or worse.
            exact = pc.equal(pc.round(values, scale, "towards_zero"), values)
            fitting = pc.if_else(exact, values, None).cast(pa.decimal128(DIGITS, scale))
        storage = [None, *fitting.buffers()[1:]]
        raw = pa.Array.from_buffers(pa.binary(16), len(fitting), storage, offset=fitting.offset)
        told = pc.binary_join_element_wise(raw.cast(pa.binary()), bytes([scale]), b"")
        cells = pc.coalesce(cells, pc.if_else(fitting.is_valid(), told, None))
    return cells


def _hashed(
    sql: duckdb.DuckDBPyConnection, columns: Sequence[_Column]
) -> list[tuple[_Halves, pa.Array]]:
    """The hashes of each column's values, and where they stand."""
    if not columns:
        return []
    counts = [len(column.values) for column in columns]
    prefixes = [f"{len(column.name)}:{column.name}=".encode() for column in columns]
    names = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(len(columns), dtype=np.int32), counts), pa.array(prefixes, pa.binary())
    )
    values = pa.concat_arrays([column.values for column in columns])
    sql.register("cells", pa.table({"name": names, "value": values}))
    hashed = sql.sql("SELECT md5_number(name || value) AS hash FROM cells").to_arrow_table()
    sql.unregister("cells")
    stored = hashed["hash"].combine_chunks().storage
    halves = np.frombuffer(stored.buffers()[1], np.uint64, 2 * len(stored)).reshape(-1, 2)
    pieces = np.split(halves, np.cumsum(counts)[:-1])
    return [(piece, column.indices) for piece, column in zip(pieces, columns, strict=True)]


def _sum(columns: Iterable[tuple[_Halves, pa.Array]], rows: int) -> _Halves:
    """Of each row, over the columns; of a column with one value for all rows, once."""
    total: _Halves = np.zeros((rows, 2), np.uint64, order="F")
    for hashes, indices in columns:
        if len(hashes) == 1 and not indices.null_count:
            _add(total, hashes[0])
            continue
        with_none = np.append(hashes, np.zeros((1, 2), np.uint64), axis=0)
        places = pc.fill_null(indices.cast(pa.int32()), len(hashes)).to_numpy()
        _add(total, np.asfortranarray(with_none).take(places, axis=0))
    return total


def _add(total: _Halves, more: _Halves) -> None:
    total[:, 0] += more[..., 0]
    total[:, 1] += more[..., 1]
    total[:, 1] += total[:, 0] < more[..., 0]


def _array(halves: _Halves) -> pa.Array:
    storable = np.clip(np.ascontiguousarray(halves).view(np.int64), *_STORABLE)
    storage = pa.Array.from_buffers(pa.binary(16), len(halves), [None, pa.py_buffer(storable)])
    return pa.ExtensionArray.from_storage(HASH, storage)
