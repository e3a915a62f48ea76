"""Arrow IPC streams from callers, looked over before anything of them is unpacked; pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_db_handler.errors import BadPart
from costwire_runtime.problems import TooLarge

_SCHEMA, _BATCH = "schema", "record batch"
_MESSAGE_HEADER = 2
_BATCH_LENGTH, _BATCH_COMPRESSION = 0, 3


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
        """Raise `TooLarge` when the cells of text columns are longer than all may be together."""
        size = sum(map(_text_bytes, table.columns))
        if size > self.text_bytes:
            raise TooLarge(
                f"read the body: its cells have {size:,} bytes, of {self.text_bytes:,} at most"
            )


def _text_bytes(column: pa.ChunkedArray) -> int:
    if pa.types.is_string_view(column.type):  # which Arrow does not measure
        return sum(map(_view_bytes, column.chunks))
    if pa.types.is_null(column.type):
        return 0
    return pc.sum(pc.binary_length(column)).as_py() or 0


def _view_bytes(views: pa.StringViewArray) -> int:
    """The lengths that the views tell, each in the first of its four words; nothing is followed."""
    if not len(views):
        return 0
    words = np.frombuffer(views.buffers()[1], np.int32)[4 * views.offset :][: 4 * len(views)]
    return int(words[::4].astype(np.int64).clip(0).sum())


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
        elif message.type == _BATCH:
            length, is_compressed = _batch(message.metadata.to_pybytes())
            if is_compressed:
                raise BadPart("read the part: it is compressed; send it as it is")
            rows += length
        else:
            raise BadPart(f"read the part: a {message.type} has no place in it")
        limits.check(rows, columns)


def _batch(metadata: bytes) -> tuple[int, bool]:
    """Rows of a record batch, and whether it is compressed.

    Source: Arrow's format, Message.fbs: fields of the flatbuffers `Message` and `RecordBatch`.
    """
    (root,) = struct.unpack_from("<I", metadata)
    header = _field(metadata, root, _MESSAGE_HEADER)
    if header is None:
        raise BadPart("read the part: a message has no header")
    batch = header + struct.unpack_from("<I", metadata, header)[0]
    at = _field(metadata, batch, _BATCH_LENGTH)
    length = 0 if at is None else struct.unpack_from("<q", metadata, at)[0]
    return length, _field(metadata, batch, _BATCH_COMPRESSION) is not None


def _field(buffer: bytes, table: int, number: int) -> int | None:
    """Where a field of a flatbuffers table stands; None where it is left out."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    slot = 4 + 2 * number
    if slot >= struct.unpack_from("<H", buffer, vtable)[0]:
        return None
    offset = struct.unpack_from("<H", buffer, vtable + slot)[0]
    return table + offset if offset else None
