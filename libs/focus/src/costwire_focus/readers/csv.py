"""CSV as providers write it: bytes in, columns of text out, every record accounted for."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from costwire_focus.batch import Batch, Unusable
from costwire_focus.errors import Unreadable
from costwire_focus.readers.compression import read_block
from costwire_focus.readers.names import unique_names
from costwire_focus.readers.records import Positions, Records, find_records
from costwire_focus.recount import CsvRecount

FIELD_COUNT = "CW-FieldCount"
UNDECODABLE = "CW-Undecodable"
NUL_CHARACTER = "CW-NulCharacter"
BROKEN_QUOTES = "CW-BrokenQuotes"

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_NULLS = ["", "NULL", "null"]
_LONGEST_RECORD = 64 * 1024 * 1024


class CsvReport:
    """One CSV part. Each block is cut into records, and pyarrow cuts the records into cells."""

    def __init__(self, stream: BinaryIO, file: str, *, batch_bytes: int) -> None:
        self._stream = stream
        self._file = file
        self._batch_bytes = batch_bytes
        self.remarks: dict[str, str] = {}
        self._rest, self._line = self._read_header()
        self._recount = CsvRecount(self.names)

    def recount(self) -> CsvRecount:
        """The independent count over the same bytes."""
        return self._recount

    def _read_header(self) -> tuple[bytes, int]:
        block = read_block(self._stream, self._batch_bytes, self._file)
        if block.startswith(_UTF16_BOMS):
            raise Unreadable(f"read {self._file}: it is UTF-16; save it as UTF-8 CSV")
        block = block.removeprefix(_BOM)
        start = len(block) - len(block.lstrip(b"\r\n"))
        line = 1 + block[:start].count(b"\n")
        head = find_records(block[start:] if b"\n" in block[start:] else block[start:] + b"\n")
        if not len(head.starts):
            raise Unreadable(f"read {self._file}: it has no header line", line=line)
        header = block[start + head.starts[0] : start + head.ends[0]]
        try:
            cells = next(csv.reader([header.decode()], strict=True))
        except (UnicodeDecodeError, csv.Error) as broken:
            raise Unreadable(
                f"read {self._file}: the header line is no UTF-8 CSV ({broken})", line=line
            ) from broken
        self.names = unique_names(cells, self.remarks)
        after = block.find(b"\n", start + int(head.ends[0])) + 1
        rest = block[after:] if after else b""
        return rest, line + header.count(b"\n") + 1

    def batches(self) -> Iterator[Batch]:
        """The charges, about `batch_bytes` of the file at a time; the recount sees every byte."""
        self._recount.feed(self._rest)
        carry, line = self._rest, self._line
        while block := read_block(self._stream, self._batch_bytes, self._file):
            self._recount.feed(block)
            carry, line = yield from self._cut(carry + block, line)
        if carry:
            # The last line may lack its line end; one that broke off within quotes stays broken.
            carry, line = yield from self._cut(carry + b"\n", line, last=True)
        self._recount.finish()

    def _cut(
        self, block: bytes, line: int, *, last: bool = False
    ) -> Generator[Batch, None, tuple[bytes, int]]:
        """Yields the complete records; returns the bytes after them, and their line."""
        while block:
            records = find_records(block)
            if len(records.starts):
                yield self._batch(block, records, line)
            line += block.count(b"\n", 0, records.length)
            block = block[records.length :]
            if not (last and block) and len(block) < _LONGEST_RECORD:
                break
            end = block.find(b"\n") + 1 or len(block)
            yield self._broken_quotes(block[:end].rstrip(b"\r\n"), line)
            block, line = block[end:], line + 1
        return block, line

    def _broken_quotes(self, raw: bytes, line: int) -> Batch:
        unusable = Unusable(
            self._file, line, raw, None, BROKEN_QUOTES, "a quote opens a cell and is never closed"
        )
        nothing = pa.table({name: pa.array([], pa.string()) for name in self.names})
        return Batch(nothing, pa.array([], pa.int64()), self._file, lambda _: b"", [unusable])

    def _batch(self, block: bytes, records: Records, line: int) -> Batch:
        parser = _BlockParser(block, records.starts, records.ends, self.names)
        table = parser.parse()
        lines = records.lines + line

        def bytes_of(record: int) -> bytes:
            return block[records.starts[record] : records.ends[record]]

        unusable = [
            Unusable(self._file, int(lines[record]), bytes_of(record), None, rule, reason)
            for record, (rule, reason) in sorted(parser.unusable.items())
        ]
        kept = parser.kept()
        return Batch(
            charges=table,
            lines=pa.array(lines[kept]),
            file=self._file,
            raw=lambda index: bytes_of(int(kept[index])),
            unusable=unusable,
        )


class _BlockParser:
    """Cuts the records of one block into cells, and names the ones that cannot be cut."""

    def __init__(self, block: bytes, starts: Positions, ends: Positions, names: list[str]) -> None:
        self._block = block
        self._starts = starts
        self._ends = ends
        self._names = names
        self.unusable: dict[int, tuple[str, str]] = {}

    def kept(self) -> NDArray[np.int64]:
        """The indices of the records that became rows."""
        everything = np.arange(len(self._starts))
        if not self.unusable:
            return everything
        return np.delete(everything, list(self.unusable))

    def parse(self) -> pa.Table:
        """The cells of all usable records, as columns of text with nulls."""
        self._set_aside_damaged()
        table = _nulls_for_empty(self._parse(self.kept()))
        if table.num_rows != len(self._starts) - len(self.unusable):
            raise AssertionError("records and rows differ in number")
        return table

    def _set_aside_damaged(self) -> None:
        damaged_nul = b"\0" in self._block
        try:
            pa.array([self._block], pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            pass
        else:
            if not damaged_nul:
                return
        for record in range(len(self._starts)):
            raw = self._raw(record)
            if b"\0" in raw:
                self.unusable[record] = (NUL_CHARACTER, "it holds the character U+0000")
                continue
            try:
                raw.decode()
            except UnicodeDecodeError as broken:
                reason = f"byte {broken.start + 1} of the row is not UTF-8"
                self.unusable[record] = (UNDECODABLE, reason)

    def _raw(self, record: int) -> bytes:
        return self._block[self._starts[record] : self._ends[record]]

    def _parse(self, records: NDArray[np.int64]) -> pa.Table:
        """Parse these records; where rows and records differ in number, halve to find out why."""
        if not len(records):
            return pa.table({name: pa.array([], pa.string()) for name in self._names})
        try:
            table, ragged = _read_cells(self._slice(records), self._names)
        except pa.ArrowInvalid:
            table, ragged = None, {}
        if table is not None and table.num_rows + len(ragged) == len(records):
            for position, cells in ragged.items():
                reason = f"{cells} cells where the header has {len(self._names)}"
                self.unusable[int(records[position])] = (FIELD_COUNT, reason)
            return table
        if len(records) == 1:
            reason = "a quote or a carriage return stands within a cell that is not quoted"
            self.unusable[int(records[0])] = (BROKEN_QUOTES, reason)
            return self._parse(records[:0])
        middle = len(records) // 2
        return pa.concat_tables([self._parse(records[:middle]), self._parse(records[middle:])])

    def _slice(self, records: NDArray[np.int64]) -> bytes:
        first, last = int(records[0]), int(records[-1])
        if last - first + 1 == len(records):
            return self._block[self._starts[first] : self._ends[last]] + b"\n"
        return b"".join(self._raw(int(record)) + b"\n" for record in records)


def _read_cells(data: bytes, names: list[str]) -> tuple[pa.Table, dict[int, int]]:
    """The rows of right width, and for each other row its position and its number of cells."""
    ragged: dict[int, int] = {}
    seen = 0

    def note(row: arrow_csv.InvalidRow) -> str:
        nonlocal seen
        seen += 1
        if row.number is not None:
            ragged[row.number - 1] = row.actual_columns
        return "skip"

    def read(*, use_threads: bool) -> pa.Table:
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                column_names=names, block_size=len(data) + 1, use_threads=use_threads
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                check_utf8=False,  # the whole block was checked
                null_values=_NULLS,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    table = read(use_threads=True)
    if seen:
        # Row numbers are told only without threads.
        table = read(use_threads=False)
    return table, ragged


def _nulls_for_empty(table: pa.Table) -> pa.Table:
    """A quoted empty cell is null like a bare one."""
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        empty = pc.equal(pc.binary_length(column), 0)
        if pc.any(empty).as_py():
            nulled = pc.if_else(empty, pa.scalar(None, pa.string()), column)
            table = table.set_column(index, name, nulled)
    return table
