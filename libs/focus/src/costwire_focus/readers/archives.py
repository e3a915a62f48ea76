"""Zip archives: the one report that they hold, without unpacking them to disk."""

from __future__ import annotations

import errno
import io
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from costwire_focus.errors import Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_WORKBOOK = "[Content_Types].xml"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ENCRYPTED = 0x1
_END_MAGIC = b"PK\x05\x06"
_END_BYTES = 22 + 65_535  # the record that ends an archive, and its longest comment
_TOLD_ELSEWHERE = 0xFFFFFFFF
_LOCATOR_MAGIC, _LOCATOR_BYTES = b"PK\x06\x07", 20
_LONG_END_MAGIC, _LONG_END_BYTES = b"PK\x06\x06", 56
_MOST_DIRECTORY_BYTES = 1 << 20
_SHOWN = 3


class Counted(io.RawIOBase):
    """A stream that knows how many bytes were read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.taken = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer)
        piece = self._stream.read(len(target))
        target[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)


def only_member(stream: BinaryIO, file: str) -> tuple[BinaryIO, Callable[[], int]]:
    """The one file of an archive as a stream, and how many packed bytes were taken for it.

    The bytes are counted: what the archive's directory says of its size may be wrong.

    Hidden files and folders are passed over (`__MACOSX/...`, `.DS_Store`).
    Raises: `Unreadable` for an archive of none or several files, an encrypted one, one that is
            packed by a rare method, an Excel workbook; `zipfile.BadZipFile` for a damaged one.
    """
    if not stream.seekable():
        raise Unreadable(f"read {file}: a zip archive is read from its end; save it as a file")
    _refuse_long_directory(stream, file)
    with _damage_told():
        counted = Counted(stream)
        archive = zipfile.ZipFile(cast(BinaryIO, counted))
    members = [info for info in archive.infolist() if _is_file(info)]
    if any(info.filename == _WORKBOOK for info in members):
        raise Unreadable(f"read {file}: it is an Excel workbook; save it as CSV (UTF-8)")
    if len(members) != 1:
        shown = ", ".join(info.filename for info in members[:_SHOWN]) or "none"
        raise Unreadable(
            f"read {file}: the zip archive holds {len(members)} files where one is wanted "
            f"({shown}); unpack it into a folder and give the folder"
        )
    (member,) = members
    if member.flag_bits & _ENCRYPTED:
        raise Unreadable(f"read {file}: the zip archive is encrypted; unpack it with its password")
    if member.compress_type not in _METHODS:
        raise Unreadable(
            f"read {file}: {member.filename} is packed by zip's method {member.compress_type}, "
            "which is not read; pack it again (deflate), or with gzip"
        )
    with _damage_told():
        opened = cast(BinaryIO, archive.open(member))
    before = counted.taken
    return opened, lambda: counted.taken - before


@contextmanager
def _damage_told() -> Iterator[None]:
    """What else `zipfile` raises for places, versions and names that damage made up."""
    try:
        yield
    except (ValueError, RuntimeError, OverflowError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a place before the file's first byte
            raise zipfile.BadZipFile(str(error)) from error
        raise


def _is_file(info: zipfile.ZipInfo) -> bool:
    hidden = any(name.startswith((".", "__MACOSX")) for name in info.filename.split("/"))
    return not (info.is_dir() or hidden)


def _refuse_long_directory(stream: BinaryIO, file: str) -> None:
    """The directory of an archive is read as a whole, so its size is looked at before."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _END_BYTES))
    tail = stream.read(_END_BYTES)
    stream.seek(0)
    end = tail.rfind(_END_MAGIC)
    if end < 0 or len(tail) < end + 16:
        raise zipfile.BadZipFile("the end of the archive is missing")
    (directory_bytes,) = struct.unpack_from("<L", tail, end + 12)
    if directory_bytes == _TOLD_ELSEWHERE:
        directory_bytes = _directory_bytes_of_zip64(stream, tail[:end])
    if directory_bytes > _MOST_DIRECTORY_BYTES:
        raise Unreadable(
            f"read {file}: the zip archive lists thousands of files where one is wanted; "
            "unpack it into a folder and give the folder"
        )


def _directory_bytes_of_zip64(stream: BinaryIO, before_end: bytes) -> int:
    """What the longer record says that the one before the end points to."""
    locator = before_end[-_LOCATOR_BYTES:]
    if not locator.startswith(_LOCATOR_MAGIC) or len(locator) < _LOCATOR_BYTES:
        raise zipfile.BadZipFile("the record that tells where its directory is, is missing")
    (place,) = struct.unpack_from("<Q", locator, 8)
    if place >= stream.seek(0, os.SEEK_END):
        raise zipfile.BadZipFile("the record of its directory is missing")
    stream.seek(place)
    record = stream.read(_LONG_END_BYTES)
    stream.seek(0)
    if not record.startswith(_LONG_END_MAGIC) or len(record) < _LONG_END_BYTES:
        raise zipfile.BadZipFile("the record of its directory is missing")
    return int(struct.unpack_from("<Q", record, 40)[0])
