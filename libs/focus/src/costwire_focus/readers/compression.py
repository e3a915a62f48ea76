"""Packed streams, recognised by their first bytes and unpacked as they are read, within bounds."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from costwire_focus.errors import Unreadable
from costwire_focus.readers.archives import ZIP_MAGICS, Counted, only_member

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD_BYTES = 512
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_BZIP2_MAGIC = b"BZh"
_MOST_LAYERS = 2
"""A gzip file in a zip archive is met; what is packed more often is made to be a nuisance."""

_MOST_RATIO = 200
_FREE_BYTES = 256 * 1024 * 1024
"""How much may come of a packed file: this, and so many times its size. Reports shrink to a
tenth or a thirtieth of their size."""


def peek(stream: BinaryIO, size: int = HEAD_BYTES) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and a stream that still begins with them."""
    if stream.seekable():
        start = stream.tell()
        head = read_block(stream, size)
        stream.seek(start)
        return head, stream
    head = read_block(stream, size)
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


class _Bounded(io.RawIOBase):
    """What is unpacked, as long as it is in proportion to what it is unpacked from."""

    def __init__(self, plain: BinaryIO, packed_bytes: Callable[[], int], file: str) -> None:
        self._plain = plain
        self._packed_bytes = packed_bytes
        self._file = file
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        piece = self._plain.read(len(target))
        target[: len(piece)] = piece
        self._given += len(piece)
        packed = self._packed_bytes()
        if self._given > _FREE_BYTES + _MOST_RATIO * packed:
            raise Unreadable(
                f"read {self._file}: {packed} bytes of it unpack to more than {self._given}, "
                f"over {_MOST_RATIO} times as many; no report does, so it is not read on"
            )
        return len(piece)


def unpacked(stream: BinaryIO, file: str) -> tuple[bytes, BinaryIO]:
    """The first plain bytes of a stream, and a stream of all of them.

    Shape:  plain, gzip (also several members), zstd (also several frames), bzip2, zip with one
            member. A plain stream comes back as it is, so it can seek where it could.
    Raises: `Unreadable` for other archives, and where unpacking meets a bound.
    """
    head, stream = _peek_plain(stream, file)
    outermost: Callable[[], int] | None = None
    for _ in range(_MOST_LAYERS):
        layer = _layer(head, stream, file)
        if layer is None:
            return head, stream
        plain, packed_bytes = layer
        outermost = outermost or packed_bytes
        bounded = cast(BinaryIO, _Bounded(plain, outermost, file))
        head, stream = _peek_plain(bounded, file)
    if _layer(head, stream, file) is not None:
        raise Unreadable(f"read {file}: it is packed more than {_MOST_LAYERS} times; unpack it")
    return head, stream


def _peek_plain(stream: BinaryIO, file: str) -> tuple[bytes, BinaryIO]:
    with translated(file):
        return peek(stream)


def _layer(head: bytes, stream: BinaryIO, file: str) -> tuple[BinaryIO, Callable[[], int]] | None:
    """What is packed in this stream, and how many bytes of that were taken; None when plain."""
    if head.startswith(ZIP_MAGICS):
        with translated(file):
            return only_member(stream, file)
    counted = Counted(stream)
    if head.startswith(_GZIP_MAGIC):
        plain = cast(BinaryIO, gzip.GzipFile(fileobj=counted, mode="rb"))
    elif head.startswith(_ZSTD_MAGIC):
        # The zstandard package takes a stream that was cut off for one that has ended.
        plain = _by_arrow(counted, "zstd")
    elif head.startswith(_BZIP2_MAGIC):
        # The standard library takes a damaged member behind the first one for no part of it.
        plain = _by_arrow(counted, "bz2")
    else:
        return None
    return plain, lambda: counted.taken


def _by_arrow(packed: io.RawIOBase, codec: str) -> BinaryIO:
    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), codec))


def read_block(stream: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes, fewer only at the end of the stream."""
    pieces = []
    missing = size
    while missing and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


class translated:
    """Within this block, what unpackers say of damaged data is `Unreadable`."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, broken: BaseException | None, _trace: object) -> None:
        if not isinstance(broken, EOFError | OSError | zlib.error | zipfile.BadZipFile):
            return
        if isinstance(broken, OSError) and broken.errno is not None:
            return  # the stream itself is at fault, not what it holds
        raise Unreadable(
            f"read {self._file}: its compressed data are cut off or damaged ({broken}); "
            "fetch it again"
        ) from broken


def read_plain_block(stream: BinaryIO, size: int, file: str) -> bytes:
    """A block of an unpacked stream; one that is damaged or cut off is `Unreadable`."""
    with translated(file):
        return read_block(stream, size)
