"""Arrow IPC streams from callers, looked over before anything of them is unpacked; pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.errors import BadPart
from costwire_runtime.problems import TooLarge

_SCHEMA, _DICTIONARY, _BATCH = "schema", "dictionary", "record batch"
_MESSAGE_HEADER, _DICTIONARY_DATA, _DICTIONARY_IS_DELTA = 2, 1, 2
_BATCH_LENGTH, _BATCH_COMPRESSION = 0, 3
_OFFSET_BYTES = 4


@dataclass(frozen=True)
class PartLimits:
    """How much may come in one body; views and nulls make little of it grow to much."""

    text_bytes: int = 64 * 1024 * 1024
    """Of all cells, each counted by itself."""
    rows: int = 1_000_000
    columns: int = 2_000

    def check(self, rows: int, columns: int) -> None:
        """Raise `TooLarge` when there are more."""
        for what, many, most in (("charges", rows, self.rows), ("columns", columns, self.columns)):
            if many > most:
                raise TooLarge(f"read the body: it has {many:,} {what}, of {most:,} at most")

    def check_text(self, table: pa.Table) -> None:
        """Raise `TooLarge` when the cells of text columns are longer than all may be together.

        Raises: `BadPart` for cells that are no texts, too.
        """
        size = 0
        for name, column in zip(table.column_names, table.columns, strict=True):
            with no_text_is_told(name):
                for chunk in column.chunks:
                    size += _text_bytes(chunk)
                    if size > self.text_bytes:
                        raise TooLarge(
                            f"read the body: its cells have {size:,} bytes, "
                            f"of {self.text_bytes:,} at most"
                        )


@contextmanager
def no_text_is_told(name: str) -> Iterator[None]:
    """What Arrow finds wrong with a column's buffers, as `BadPart`."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowIndexError) as broken:
        raise BadPart(f"read the part: column {name!r} is not UTF-8 ({broken})") from broken


def _text_bytes(cells: pa.Array) -> int:
    """Of all cells, or of a dictionary's own texts, with their offsets, where these are more."""
    if not isinstance(cells, pa.DictionaryArray):
        return int(_lengths(_whole(cells)).sum())
    cells.validate()
    lengths = _lengths(_whole(cells.dictionary))
    places = cells.indices.drop_null().to_numpy()
    within = places[(places >= 0) & (places < len(lengths))]
    return max(int(lengths.sum()) + _OFFSET_BYTES * len(lengths), int(lengths[within].sum()))


def _whole(cells: pa.Array) -> pa.Array:
    """Arrow believes what a message tells of an array's length and its offsets.

    Texts of views are looked at when they are known not to be too long together.
    """
    cells.validate(full=not pa.types.is_string_view(cells.type))
    return cells


def _lengths(texts: pa.Array) -> npt.NDArray[np.int64]:
    """The bytes of each text; views tell theirs in the first of four words, nothing is followed."""
    if pa.types.is_null(texts.type) or not len(texts):
        return np.zeros(len(texts), np.int64)
    if pa.types.is_string_view(texts.type):  # which Arrow does not measure
        end = texts.offset + len(texts)
        words = np.frombuffer(texts.buffers()[1], np.int32, 4 * end)[4 * texts.offset :]
        return words[::4].astype(np.int64).clip(0)
    lengths: npt.NDArray[np.int64] = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
    return lengths.astype(np.int64)


def read_stream(body: bytes, limits: PartLimits) -> pa.Table:
    """The table of a stream that is not compressed; raises `BadPart`, or `TooLarge`."""
    try:
        _look_over(body, limits)
        table = pa.ipc.open_stream(body).read_all()
        _ = table.column_names  # decoded by this alone
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, struct.error) as broken:
        raise BadPart(f"read the part: it is no whole Arrow IPC stream ({broken})") from broken
    return table


def _look_over(body: bytes, limits: PartLimits) -> None:
    rows, columns = 0, 0
    reader = pa.ipc.MessageReader.open_stream(body)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        if message.type == _SCHEMA:
            columns = len(pa.ipc.read_schema(message))
            limits.check(0, columns)
        elif message.type in (_BATCH, _DICTIONARY):
            is_batch = message.type == _BATCH
            length, is_compressed = _batch(message.metadata.to_pybytes(), is_batch=is_batch)
            if is_compressed:
                raise BadPart("read the part: it is compressed; send it as it is")
            rows += length if is_batch else 0
            limits.check(max(rows, length), columns)
        else:
            raise BadPart(f"read the part: a {message.type} has no place in it")


def _batch(metadata: bytes, *, is_batch: bool) -> tuple[int, bool]:
    """Rows of a record batch, or of that in a dictionary, and whether it is compressed.

    Source: Arrow's format, Message.fbs: fields of the flatbuffers `Message`, `DictionaryBatch` and
    `RecordBatch`.
    """
    (root,) = struct.unpack_from("<I", metadata)
    batch = _table(metadata, root, _MESSAGE_HEADER)
    if not is_batch:
        at = _field(metadata, batch, _DICTIONARY_IS_DELTA)
        if at is not None and metadata[at]:  # each would be a further copy of all before
            raise BadPart("read the part: a dictionary comes in pieces; send it whole")
        batch = _table(metadata, batch, _DICTIONARY_DATA)
    at = _field(metadata, batch, _BATCH_LENGTH)
    length = 0 if at is None else struct.unpack_from("<q", metadata, at)[0]
    return length, _field(metadata, batch, _BATCH_COMPRESSION) is not None


def _table(buffer: bytes, table: int, number: int) -> int:
    """Where the table stands that is a field of a table."""
    at = _field(buffer, table, number)
    if at is None:
        raise BadPart("read the part: a message has no header")
    return at + int(struct.unpack_from("<I", buffer, at)[0])


def _field(buffer: bytes, table: int, number: int) -> int | None:
    """Where a field of a flatbuffers table stands; None where it is left out."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    slot = 4 + 2 * number
    if slot >= struct.unpack_from("<H", buffer, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", buffer, vtable + slot)[0]
    return table + offset if offset else None
