"""Readers of FOCUS reports: a byte stream in, batches of text columns out, in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from costwire_focus.batch import Batch
from costwire_focus.errors import Unreadable
from costwire_focus.own_rules import TEXT_ENCODING
from costwire_focus.readers.compression import read_plain_block, unpacked
from costwire_focus.readers.csv import CsvReport, Known
from costwire_focus.readers.encodings import UTF_8, as_utf8, find_encoding
from costwire_focus.readers.json import JsonReport, is_json
from costwire_focus.readers.parquet import ParquetReport
from costwire_focus.readers.unreadable_forms import told_by_head
from costwire_focus.recount import Recount

BATCH_BYTES = 16 * 1024 * 1024
_PARQUET_MAGIC = b"PAR1"


class Report(Protocol):
    """One part of a report, read once from beginning to end."""

    names: list[str]
    """The column names as the report has them, each one once; JSON without records has none."""
    header: tuple[str, ...]
    """The same as they stand in it, also repeated ones and ones with blanks around."""
    remarks: dict[str, str]
    """Findings about the part as a whole: rule id -> sentence."""

    def batches(self) -> Iterator[Batch]:
        """The charges in order; raises `Unreadable` where the stream breaks off."""
        ...

    def recount(self) -> Recount:
        """The count by the second reader; complete once `batches` has come to its end."""
        ...


def open_report(
    stream: BinaryIO,
    file: str,
    *,
    batch_bytes: int = BATCH_BYTES,
    encoding: str | None = None,
    header: Sequence[str] | None = None,
    known: Known | None = None,
) -> Report:
    """Open one part, told by its content and not by its name.

    Shape:    CSV (cells separated by commas, semicolons, tabs or vertical bars) and JSON (a record
              on each line, an array, an object with one array), plain or packed (gzip, zstd,
              bzip2, zip with one member); parquet.
    Encoding: UTF-8, and what a byte order mark or zeros tell; else what `encoding` says.
    Header:   that of an earlier look at the same part saves reading JSON once more.
    Known:    records of CSV of which it says so are left out, and batches tell the hashes of the
              others; other formats do not ask.
    `stream` is read from its present position; JSON, parquet and zip need it to be seekable.
    Raises: `Unreadable` for what is none of these; it says what it is instead, where that shows.
    """
    start = stream.tell() if stream.seekable() else 0
    head, plain = unpacked(stream, file)
    if head.startswith(_PARQUET_MAGIC):
        if plain is not stream:
            raise Unreadable(f"read {file}: it is a packed parquet file; unpack it")
        return _with_names(ParquetReport(stream, file), file)
    if told := told_by_head(head):
        what, advice = told
        raise Unreadable(f"read {file}: it is {what}, not a report; {advice}")
    encoding, mark_bytes = find_encoding(head, encoding)

    def text(plain: BinaryIO) -> BinaryIO:
        read_plain_block(plain, mark_bytes, file)
        return plain if encoding == UTF_8 else as_utf8(plain, encoding)

    def reopened() -> BinaryIO:
        stream.seek(start)
        return text(unpacked(stream, file)[1])

    report: Report
    if is_json(_decoded(head[mark_bytes:], encoding)):
        report = JsonReport(reopened, file, batch_bytes=batch_bytes, header=header)
    else:
        report = CsvReport(
            text(plain), file, batch_bytes=batch_bytes, encoding=encoding, known=known
        )
    if encoding != UTF_8:
        report.remarks[TEXT_ENCODING] = f"its text is {encoding}, not UTF-8"
    return _with_names(report, file)


def _with_names(report: Report, file: str) -> Report:
    """The report; one whose columns no store can name is refused."""
    if odd := next((name for name in report.names if "\0" in name), None):
        raise Unreadable(
            f"read {file}: the name of the column {odd!r} holds the character U+0000; rename it"
        )
    return report


def _decoded(head: bytes, encoding: str) -> bytes:
    return as_utf8(io.BytesIO(head), encoding).read(len(head))
