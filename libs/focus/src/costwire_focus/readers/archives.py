"""Zip archives: the one report that they hold, without unpacking them to disk."""

from __future__ import annotations

import errno
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from costwire_focus.errors import Unreadable

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_WORKBOOK = "[Content_Types].xml"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ENCRYPTED = 0x1
_END_MAGIC = b"PK\x05\x06"
_END_BYTES = 22 + 65_535  # the record that ends an archive, and its longest comment
_MOST_DIRECTORY_BYTES = 1 << 20
_SHOWN = 3


def only_member(stream: BinaryIO, file: str) -> tuple[BinaryIO, int]:
    """The one file of an archive as a stream, and how many bytes it takes up packed.

    Hidden files and folders are passed over (`__MACOSX/...`, `.DS_Store`).
    Raises: `Unreadable` for an archive of none or several files, an encrypted one, one that is
            packed by a rare method, an Excel workbook; `zipfile.BadZipFile` for a damaged one.
    """
    if not stream.seekable():
        raise Unreadable(f"read {file}: a zip archive is read from its end; save it as a file")
    _refuse_long_directory(stream, file)
    with _damage_told():
        archive = zipfile.ZipFile(stream)
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
        return cast(BinaryIO, archive.open(member)), member.compress_size


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
    if directory_bytes > _MOST_DIRECTORY_BYTES:
        raise Unreadable(
            f"read {file}: the zip archive lists thousands of files where one is wanted; "
            "unpack it into a folder and give the folder"
        )
