"""Readers of FOCUS reports: a byte stream in, batches of text columns out, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from costwire_focus.batch import Batch
from costwire_focus.readers.compression import decompressed, peek
from costwire_focus.readers.csv import CsvReport
from costwire_focus.readers.parquet import ParquetReport
from costwire_focus.recount import Recount

BATCH_BYTES = 16 * 1024 * 1024
_PARQUET_MAGIC = b"PAR1"


class Report(Protocol):
    """One part of a report, read once from beginning to end."""

    names: list[str]
    """The column names as the report has them, each one once."""
    remarks: dict[str, str]
    """Findings about the part as a whole: rule id -> sentence."""

    def batches(self) -> Iterator[Batch]:
        """The charges in order; raises `Unreadable` where the stream breaks off."""
        ...

    def recount(self) -> Recount:
        """The count by the second reader; complete once `batches` has come to its end."""
        ...


def open_report(stream: BinaryIO, file: str, *, batch_bytes: int = BATCH_BYTES) -> Report:
    """Open one part: CSV (plain, gzip, zstd) or parquet, told apart by content, not by name.

    `stream` is read from its present position; parquet needs it to be seekable.
    Raises: `Unreadable` for what is none of these.
    """
    head, stream = peek(stream)
    if head.startswith(_PARQUET_MAGIC):
        return ParquetReport(stream, file)
    return CsvReport(decompressed(head, stream), file, batch_bytes=batch_bytes)
