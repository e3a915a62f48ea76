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


class _Archive(Counted):
    """The bytes of an archive; `zipfile` reads its directory at once, so it must not be long.

    Which of an archive's records tell that length differs by version of Python, so the read itself
    is looked at.
    """

    def __init__(self, stream: BinaryIO, file: str) -> None:
        super().__init__(stream)
        self._file = file
        self.is_listed = False

    def read(self, size: int = -1, /) -> bytes | None:
        if size > _MOST_DIRECTORY_BYTES and not self.is_listed:
            raise Unreadable(
                f"read {self._file}: the zip archive lists thousands of files where one is wanted; "
                "unpack it into a folder and give the folder"
            )
        return super().read(size)


def only_member(stream: BinaryIO, file: str) -> tuple[BinaryIO, Callable[[], int]]:
    """The one file of an archive as a stream, and how many packed bytes were taken for it.

    The bytes are counted: what the archive's directory says of its size may be wrong.

    Hidden files and folders are passed over (`__MACOSX/...`, `.DS_Store`).
    Raises: `Unreadable` for an archive of none or several files, an encrypted one, one that is
            packed by a rare method, an Excel workbook; `zipfile.BadZipFile` for a damaged one.
    """
    if not stream.seekable():
        raise Unreadable(f"read {file}: a zip archive is read from its end; save it as a file")
    counted = _Archive(stream, file)
    with _damage_told():
        archive = zipfile.ZipFile(cast(BinaryIO, counted))
    counted.is_listed = True
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
    names = [name for name in info.filename.split("/") if name not in (".", "..")]
    hidden = any(name.startswith((".", "__MACOSX")) for name in names)
    return not (info.is_dir() or hidden)
