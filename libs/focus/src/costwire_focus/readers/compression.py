"""Compressed streams, recognised by their first bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO, cast

import zstandard

from costwire_focus.errors import Unreadable

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
    buffered = io.BufferedReader(cast("io.RawIOBase", stream))
    return buffered.peek(_HEAD_BYTES)[:_HEAD_BYTES], buffered


def decompressed(head: bytes, stream: BinaryIO) -> BinaryIO:
    """The plain bytes of a stream that begins with `head`."""
    if head.startswith(_GZIP_MAGIC):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))
    if head.startswith(_ZSTD_MAGIC):
        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        return cast(BinaryIO, reader)
    return stream


def read_block(stream: BinaryIO, size: int, file: str) -> bytes:
    """Up to `size` bytes, fewer only at the end; a broken or cut-off stream is `Unreadable`."""
    pieces = []
    missing = size
    try:
        while missing and (piece := stream.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as broken:
        raise Unreadable(
            f"read {file}: its compressed data are cut off or damaged ({broken}); fetch it again"
        ) from broken
    return b"".join(pieces)
