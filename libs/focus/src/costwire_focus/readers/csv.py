"""CSV as providers write it: bytes in, columns of text out, every record accounted for."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from costwire_focus.batch import Batch, Unusable
from costwire_focus.csv_line import NULLS
from costwire_focus.errors import Unreadable
from costwire_focus.own_rules import (
    BROKEN_QUOTES,
    CELL_SEPARATOR,
    FIELD_COUNT,
    LAST_LINE_OPEN,
    NUL_CHARACTER,
    UNDECODABLE,
)
from costwire_focus.readers.compression import read_plain_block
from costwire_focus.readers.dialect import separator_of, told_separator
from costwire_focus.readers.encodings import UTF_8
from costwire_focus.readers.names import unique_names
from costwire_focus.readers.record_hashes import RecordHashes, record_hashes
from costwire_focus.readers.records import (
    COMMA,
    Records,
    find_records,
    joined,
    picked,
    with_bare_returns,
    with_escaped_quotes,
)
from costwire_focus.recount import CsvRecount

Known = Callable[[RecordHashes, NDArray[np.int64]], NDArray[np.bool_]]
"""Which of the records with these hashes, at these lines, need not be read."""

_LEFT_OPEN = (BROKEN_QUOTES, "a quote opens a cell and is never closed")
_BARE_RETURN = (BROKEN_QUOTES, "a carriage return stands within a cell that is not quoted")
_ESCAPED_QUOTE = (
    BROKEN_QUOTES,
    'a quote within a cell is written \\"; CSV doubles it: "" (in Spark: option("escape", "\\""))',
)

_BOM = b"\xef\xbb\xbf"
_SEPARATOR_NAMES = {b";": "semicolons", b"\t": "tabs", b"|": "vertical bars"}
_NULLS = sorted(NULLS)
_LONGEST_RECORD = 16 * 1024 * 1024
"""What is longer holds a quote that was left open (and would cost too much memory)."""


class CsvReport:
    """One CSV part. Each block is cut into records, and pyarrow cuts the records into cells."""

    def __init__(
        self,
        stream: BinaryIO,
        file: str,
        *,
        batch_bytes: int,
        encoding: str = UTF_8,
        known: Known | None = None,
    ) -> None:
        """`stream` gives UTF-8; `encoding` says what it was before."""
        self._stream = stream
        self._file = file
        self._batch_bytes = batch_bytes
        self._encoding = encoding
        self._known = known
        self._waiting: list[tuple[bytes, Records, RecordHashes]] = []
        self.remarks: dict[str, str] = {}
        self._separator = COMMA
        self._rest, self._line = self._read_header()
        self._recount = CsvRecount(self.names, self._separator)

    def recount(self) -> CsvRecount:
        """The independent count over the same bytes."""
        return self._recount

    def _read(self, size: int) -> bytes:
        return read_plain_block(self._stream, size, self._file)

    def _read_header(self) -> tuple[bytes, int]:
        """Takes the names from the first line that is not blank; gives what was read after it."""
        block = self._read(max(self._batch_bytes, len(_BOM))).removeprefix(_BOM)
        block, lines_before = self._after_told_separator(self._with_line(block))
        if not lines_before:
            self._separator = separator_of(_first_line(block))
        if self._separator != COMMA:
            name = _SEPARATOR_NAMES[self._separator]
            self.remarks[CELL_SEPARATOR] = f"its cells are separated by {name}, not by commas"
        head = find_records(block, self._separator)
        while not len(head.starts) and (more := self._read(max(self._batch_bytes, len(block)))):
            block += more
            self._refuse_long_header(block)
            head = find_records(block, self._separator)
        if not len(head.starts):
            block += b"\n"
            head = find_records(block, self._separator)
        if not len(head.starts):
            raise Unreadable(f"read {self._file}: it has no header line", line=1)
        start, end = int(head.starts[0]), int(head.ends[0])
        self.names = self._names_in(block[start:end], 1 + lines_before + int(head.lines[0]))
        after = block.index(b"\n", end) + 1
        return block[after:], 1 + lines_before + block.count(b"\n", 0, after)

    def _with_line(self, block: bytes) -> bytes:
        """The block, longer where it has no whole line yet but blank ones."""
        while b"\n" not in block.lstrip(b"\r\n"):
            more = self._read(max(self._batch_bytes, len(block)))
            if not more:
                break
            block += more
            self._refuse_long_header(block)
        return block

    def _refuse_long_header(self, block: bytes) -> None:
        if len(block) > _LONGEST_RECORD:
            self._refuse_returns(block, 1)
            raise Unreadable(f"read {self._file}: its first {_LONGEST_RECORD} bytes are no line")

    def _refuse_returns(self, header: bytes, line: int) -> None:
        if b"\r" in header and b"\n" not in header:
            raise Unreadable(
                f"read {self._file}: its lines end in carriage returns alone (old Macintosh); "
                "save it with line feeds",
                line=line,
            )

    def _after_told_separator(self, block: bytes) -> tuple[bytes, int]:
        """The block behind a line such as `sep=;`, and how many lines that took up."""
        told = told_separator(_first_line(block))
        if told is None:
            return block, 0
        self._separator = told
        before = len(block) - len(block.lstrip(b"\r\n"))
        after = (block.find(b"\n", before) + 1) or len(block)
        return self._with_line(block[after:]), block.count(b"\n", 0, after)

    def _names_in(self, header: bytes, line: int) -> list[str]:
        if b"\0" in header:
            raise Unreadable(
                f"read {self._file}: the header line holds the character U+0000; "
                "save the report as UTF-8 CSV",
                line=line,
            )
        try:
            cells = next(csv.reader([header.decode()], strict=True, delimiter=self._delimiter))
        except UnicodeDecodeError as broken:
            raise Unreadable(
                f"read {self._file}: the header line is no {self._encoding.upper()}; "
                "say the encoding with --encoding (EXPORTER_ENCODING), e.g. windows-1252",
                line=line,
            ) from broken
        except csv.Error as broken:
            self._refuse_returns(header, line)
            raise Unreadable(
                f"read {self._file}: the header line is no CSV ({broken})", line=line
            ) from broken
        if not cells:
            raise Unreadable(
                f"read {self._file}: the header line holds nothing but carriage returns; "
                "remove it, or save the report with line feeds",
                line=line,
            )
        self.header = tuple(cells)
        return unique_names(cells, self.remarks)

    @property
    def _delimiter(self) -> str:
        return self._separator.decode()

    def batches(self) -> Iterator[Batch]:
        """The charges, about `batch_bytes` of the file at a time; the recount sees every byte."""
        with ThreadPoolExecutor(1, "second-count") as beside:
            counting = beside.submit(self._recount.feed, self._rest)
            carry, line = yield from self._cut(self._rest, self._line)
            while block := self._read(max(self._batch_bytes, len(carry))):
                counting.result()
                counting = beside.submit(self._recount.feed, block)
                carry, line = yield from self._cut(carry + block, line)
            counting.result()
        if carry:
            # The last line may lack its line end; one that broke off within quotes stays broken.
            self.remarks[LAST_LINE_OPEN] = (
                f"line {line} is the last and has no line end: if the report was cut off there, "
                "its last cell is not whole"
            )
            carry, line = yield from self._cut(carry + b"\n", line, last=True)
        yield from self._all_waiting()
        self._recount.finish()

    def _cut(
        self, block: bytes, line: int, *, last: bool = False
    ) -> Generator[Batch, None, tuple[bytes, int]]:
        """Yields the complete records; returns the bytes after them, and their line."""
        while block:
            records = find_records(block, self._separator)
            if len(records.starts):
                yield from self._unknown(block, records, line)
            line += records.line_ends
            block = block[records.length :]
            if not (last and block) and len(block) < _LONGEST_RECORD:
                break
            end = block.find(b"\n") + 1
            if not end:
                raise Unreadable(
                    f"read {self._file}: line {line} is longer than {_LONGEST_RECORD} bytes",
                    line=line,
                )
            yield self._left_open(block[: end - 1].removesuffix(b"\r"), line)
            block, line = block[end:], line + 1
        return block, line

    def _left_open(self, raw: bytes, line: int) -> Batch:
        unusable = Unusable(self._file, line, raw, None, *_LEFT_OPEN)
        nothing = pa.table({name: pa.array([], pa.string()) for name in self.names})
        return Batch(nothing, pa.array([], pa.int64()), self._file, lambda _: b"", [unusable])

    def _unknown(self, block: bytes, records: Records, line: int) -> Iterator[Batch]:
        """The records that are not known; few of them wait for those of the next blocks."""
        if self._known is None:
            yield self._batch(block, records, line)
            return
        hashes = record_hashes(block, records)
        unknown = ~self._known(hashes, records.lines + line)
        if unknown.all() and not self._waiting:
            yield self._batch(block, records, line, hashes)
        elif unknown.any():
            text, some = picked(block, records, unknown)
            self._waiting.append((text, replace(some, lines=some.lines + line), hashes[unknown]))
            if sum(len(text) for text, *_ in self._waiting) >= self._batch_bytes:
                yield from self._all_waiting()

    def _all_waiting(self) -> Iterator[Batch]:
        if self._waiting:
            texts, records, hashes = zip(*self._waiting, strict=True)
            self._waiting = []
            yield self._batch(b"".join(texts), joined(records), 0, np.concatenate(hashes))

    def _batch(
        self, block: bytes, records: Records, line: int, hashes: RecordHashes | None = None
    ) -> Batch:
        parser = _BlockParser(block, records, self.names, self._separator, self._encoding)
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
            hashes=None if hashes is None else hashes[kept],
        )


class _BlockParser:
    """Cuts the records of one block into cells, and names the ones that cannot be cut."""

    def __init__(
        self, block: bytes, records: Records, names: list[str], separator: bytes, encoding: str
    ) -> None:
        self._block = block
        self._records = records
        self._names = names
        self._separator = separator
        self._encoding = encoding
        self.unusable: dict[int, tuple[str, str]] = {}

    def kept(self) -> NDArray[np.int64]:
        """The indices of the records that became rows."""
        everything = np.arange(len(self._records.starts))
        if not self.unusable:
            return everything
        return np.delete(everything, list(self.unusable))

    def parse(self) -> pa.Table:
        """The cells of all usable records, as columns of text with nulls."""
        self.unusable |= dict.fromkeys(self._records.broken.tolist(), _LEFT_OPEN)
        if self._holds(b"\r"):
            bare = with_bare_returns(self._block, self._records, self._separator)
            self.unusable |= dict.fromkeys(bare, _BARE_RETURN)
        if self._holds(b'\\"'):
            escaped = with_escaped_quotes(self._block, self._records, self._separator)
            self.unusable |= dict.fromkeys(escaped, _ESCAPED_QUOTE)
        if self._holds(b"\0") or not self._is_utf8():
            self._set_aside_damaged()
        records = self.kept()
        if not len(records):
            return pa.table({name: pa.array([], pa.string()) for name in self._names})
        table, ragged = _read_cells(self._bytes_of(records), self._names, self._separator)
        if table.num_rows + len(ragged) != len(records):
            raise AssertionError("records and rows differ in number")
        for position, cells in ragged.items():
            reason = f"{cells} cells where the header has {len(self._names)}"
            self.unusable[int(records[position])] = (FIELD_COUNT, reason)
        return _nulls_for_empty(table)

    def _holds(self, text: bytes) -> bool:
        return self._block.find(text, 0, self._records.length) >= 0

    def _is_utf8(self) -> bool:
        bounds = pa.py_buffer(np.array([0, self._records.length], np.int32))
        text = pa.Array.from_buffers(pa.string(), 1, [None, bounds, pa.py_buffer(self._block)])
        try:
            text.validate(full=True)
        except pa.ArrowInvalid:
            return False
        return True

    def _set_aside_damaged(self) -> None:
        for record in self.kept().tolist():
            raw = self._raw(record)
            if b"\0" in raw:
                self.unusable[record] = (NUL_CHARACTER, "it holds the character U+0000")
                continue
            try:
                raw.decode()
            except UnicodeDecodeError as broken:
                self.unusable[record] = (UNDECODABLE, self._undecodable(raw, broken.start))

    def _undecodable(self, raw: bytes, position: int) -> str:
        if self._encoding != UTF_8:
            return f"byte {position + 1} of the row is no character of {self._encoding}"
        likely = raw[position : position + 1].decode("windows-1252", errors="replace")
        return (
            f"byte {position + 1} of the row is not UTF-8; it would be {likely!r} in "
            "Windows-1252: if the whole report is, say --encoding windows-1252 (EXPORTER_ENCODING)"
        )

    def _raw(self, record: int) -> bytes:
        return self._block[self._records.starts[record] : self._records.ends[record]]

    def _bytes_of(self, records: NDArray[np.int64]) -> bytes | memoryview:
        first, last = int(records[0]), int(records[-1])
        if last - first + 1 == len(records):
            start, end = self._records.starts[first], self._records.ends[last]
            return memoryview(self._block)[start : self._block.index(b"\n", end) + 1]
        return b"".join(self._raw(record) + b"\n" for record in records.tolist())


def _first_line(block: bytes) -> bytes:
    """The first line that is not blank."""
    start = len(block) - len(block.lstrip(b"\r\n"))
    end = block.find(b"\n", start)
    return block[start:] if end < 0 else block[start:end]


def _read_cells(
    data: bytes | memoryview, names: list[str], separator: bytes
) -> tuple[pa.Table, dict[int, int]]:
    """The rows of right width, and for each other row its position and its number of cells."""
    ragged: dict[int, int] = {}
    if data[: len(_BOM)] == _BOM:
        data = b"\n" + bytes(data)  # else Arrow drops the first character of the first cell

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged[row.number - 1] = row.actual_columns
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(
            column_names=names,
            block_size=len(data) + 1,
            use_threads=False,  # only so are the numbers of rows told; no dearer for one block
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator.decode(), newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            check_utf8=False,  # the whole block was checked
            null_values=_NULLS,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return table, ragged


def _nulls_for_empty(table: pa.Table) -> pa.Table:
    """A quoted empty cell is null like a bare one."""
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        if any(_holds_empty(cells) for cells in column.chunks):
            empty = pc.equal(pc.binary_length(column), 0)
            nulled = pc.if_else(empty, pa.scalar(None, pa.string()), column)
            table = table.set_column(index, name, nulled)
    return table


def _holds_empty(cells: pa.Array) -> bool:
    """Whether there are more texts without a byte than nulls, which take up none either."""
    bounds = np.frombuffer(cells.buffers()[1] or b"", np.int32)
    bounds = bounds[cells.offset : cells.offset + len(cells) + 1]
    return bool(np.count_nonzero(bounds[1:] == bounds[:-1]) > cells.null_count)
