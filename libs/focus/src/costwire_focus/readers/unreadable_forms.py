"""What a file is that is no report, by how it begins, and what to do about it."""

from __future__ import annotations

from typing import Final

_TAR_MAGIC: Final = b"ustar"
_TAR_MAGIC_AT: Final = 257

_BEGINNINGS: Final = (
    (b"PARE", "an encrypted parquet file", "write it without encryption, or as CSV"),
    (b"Obj\x01", "an Avro file", "export it as parquet or as newline-delimited JSON"),
    (b"ORC", "an ORC file", "export it as parquet"),
    (b"\xfd7zXZ\x00", "packed by xz", "unpack it, or pack it by gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, or pack it by gzip or zip"),
    (b"Rar!", "a RAR archive", "unpack it, or pack it by gzip or zip"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as CSV (UTF-8)"),
    (b"%PDF", "a PDF", "fetch the report as CSV"),
)
_MARKUP: Final = (
    (b"<!doctype html", "a web page", "the address may want a sign-in; open it in a browser"),
    (b"<html", "a web page", "the address may want a sign-in; open it in a browser"),
    (
        b"<?xml",
        "an XML document",
        "it may be the answer of a server to a wrong address; look at it",
    ),
)


def told_by_head(head: bytes) -> tuple[str, str] | None:
    """What a file that begins so is, and what to do; None for what may be a report."""
    for magic, what, advice in _BEGINNINGS:
        if head.startswith(magic):
            return what, advice
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginning, what, advice in _MARKUP:
        if text.startswith(beginning):
            return what, advice
    if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        return "a tar archive", "unpack it into a folder and give the folder"
    return None
