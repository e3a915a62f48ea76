"""Compressed streams, recognised by their first bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from costwire_focus.errors import Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_HEAD_BYTES = 4


def peek(stream: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and a stream that still begins with them."""
    if stream.seekable():
        start = stream.tell()
        head = stream.read(_HEAD_BYTES)
        stream.seek(start)
        return head, stream
    head = read_block(stream, _HEAD_BYTES)
    return head, io.BufferedReader(_Rejoined(head, stream))


class _Rejoined(io.RawIOBase):
    """A stream that cannot seek, with the bytes that were already read of it before it."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        piece = self._head[: len(target)] or self._stream.read(len(target))
        self._head = self._head[len(target) :]
        target[: len(piece)] = piece
        return len(piece)


def decompressed(head: bytes, stream: BinaryIO) -> BinaryIO:
    """The plain bytes of a stream that begins with `head`."""
    if head.startswith(_GZIP_MAGIC):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))
    if head.startswith(_ZSTD_MAGIC):
        # The zstandard package takes a stream that was cut off for one that has ended.
        reader = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")
        return cast(BinaryIO, reader)
    return stream


def read_block(stream: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes, fewer only at the end of the stream."""
    pieces = []
    missing = size
    while missing and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def read_plain_block(stream: BinaryIO, size: int, file: str) -> bytes:
    """A block of a decompressed stream; one that is damaged or cut off is `Unreadable`."""
    try:
        return read_block(stream, size)
    except (EOFError, OSError, zlib.error) as broken:
        if isinstance(broken, OSError) and broken.errno is not None:
            raise  # the stream itself is at fault, not what it holds
        raise Unreadable(
            f"read {file}: its compressed data are cut off or damaged ({broken}); fetch it again"
        ) from broken
