"""JSON: records as they come, the same text columns out as from CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.batch import Batch, Unusable
from costwire_focus.errors import Unreadable
from costwire_focus.json_values import MOST_NESTED, Members, Number, cell_text, is_too_deep
from costwire_focus.own_rules import COLUMN_REPEATED, NOT_A_RECORD, UNDECODABLE
from costwire_focus.readers.compression import read_plain_block
from costwire_focus.readers.json_records import (
    LONGEST_RECORD,
    Document,
    Record,
    ends_lines_by_returns,
    is_lines,
    line_records,
)
from costwire_focus.readers.names import unique_names
from costwire_focus.recount_json import JsonRecount

_BLANKS: Final = b" \t\r\n"
_MOST_COLUMNS: Final = 2_000
_MOST_BATCH_BYTES: Final = 2 * 1024 * 1024
"""Values of Python take up several times as much memory as the text that they are read from."""
_TEXT_TYPES: Final = {str, Number, type(None)}

Cells = dict[str, object]


def is_json(head: bytes) -> bool:
    """Whether a text that begins so is JSON and no CSV."""
    return head.lstrip(_BLANKS)[:1] in (b"{", b"[")


class JsonReport:
    """One JSON part: an object on each line, an array of objects, or an object with such an array.

    Which columns there are is known only when every record was looked at, so the part is read
    twice, unless the caller knows them from an earlier look. Without any record there are none.
    """

    def __init__(
        self,
        reopen: Callable[[], BinaryIO],
        file: str,
        *,
        batch_bytes: int,
        header: Sequence[str] | None = None,
    ) -> None:
        """`reopen` gives the text from its beginning, in UTF-8, each time it is called."""
        self._reopen = reopen
        self._file = file
        self._batch_bytes = min(batch_bytes, _MOST_BATCH_BYTES)
        self._recount = JsonRecount()
        self.remarks: dict[str, str] = {}
        head = _first_lines(_reader(self._reopen(), file))
        if ends_lines_by_returns(head):
            raise Unreadable(
                f"read {file}: its lines end in carriage returns alone, as on old Macintoshes; "
                "end them in line feeds (tr '\\r' '\\n')"
            )
        self._has_lines = is_lines(head)
        self.header = tuple(self._keys() if header is None else header)
        self.names = unique_names(list(self.header), self.remarks)

    def recount(self) -> JsonRecount:
        """The independent count over the same bytes."""
        return self._recount

    def batches(self) -> Iterator[Batch]:
        """The charges; the recount sees the bytes of each batch once they are known to be JSON."""
        for records, block in self._records():
            if self._has_lines:
                broken = [place for place, found in enumerate(records) if _cells(found) is None]
                self._recount.count_lines(block, frozenset(broken))
            else:
                self._recount.count_elements(block)
            yield self._batch(records)

    def _records(self) -> Iterator[tuple[list[Record], bytes]]:
        read = _reader(self._reopen(), self._file)
        if self._has_lines:
            return line_records(read, self._batch_bytes, self._file)
        return Document(read, self._batch_bytes, self._file).elements()

    def _keys(self) -> list[str]:
        keys: dict[str, None] = {}
        is_empty = True
        for records, _ in self._records():
            is_empty = is_empty and not records
            for record in records:
                keys |= dict.fromkeys(_cells(record) or {})
            if len(keys) > _MOST_COLUMNS:
                raise Unreadable(
                    f"read {self._file}: its records have more than {_MOST_COLUMNS} different "
                    "keys, so these are no columns"
                )
        names = [key for key in keys if _is_text(key)]
        if not names and not is_empty:
            raise Unreadable(f"read {self._file}: no record of it is usable, so none names columns")
        return names

    def _batch(self, records: list[Record]) -> Batch:
        unusable: dict[int, Unusable] = {}
        rows: list[tuple[int, Cells]] = []
        for place, record in enumerate(records):
            cells = _cells(record)
            if why := _why_unusable(record, cells):
                unusable[place] = Unusable(self._file, record.line, record.raw, None, *why)
            elif cells is not None:
                rows.append((place, cells))
        kept = [records[place] for place, _ in rows]
        return Batch(
            charges=self._table([cells for _, cells in rows]),
            lines=pa.array(np.array([record.line for record in kept], np.int64)),
            file=self._file,
            raw=lambda index: kept[index].raw,
            unusable=list(unusable.values()),
        )

    def _table(self, rows: list[Cells]) -> pa.Table:
        if late := set().union(*rows).difference(self.header):
            raise Unreadable(
                f"read {self._file}: it has another key than when it was looked at, "
                f"{min(late)!r}: it is being written; it is read again when it is whole"
            )
        columns = [[row.get(key) for row in rows] for key in self.header]
        return pa.table([_as_text(column) for column in columns], names=self.names)


def _first_lines(read: Callable[[int], bytes]) -> bytes:
    """The beginning of a text, with two lines in it where it has so many."""
    head = b""
    while head.lstrip(_BLANKS).count(b"\n") < 2 and len(head) < LONGEST_RECORD:
        block = read(max(len(head), 1 << 16))
        if not block:
            break
        head += block
    return head


def _reader(stream: BinaryIO, file: str) -> Callable[[int], bytes]:
    return lambda size: read_plain_block(stream, size, file)


def _cells(record: Record) -> Cells | None:
    return dict(record.value) if isinstance(record.value, Members) else None


def _why_unusable(record: Record, cells: Cells | None) -> tuple[str, str] | None:
    if record.reason is not None:
        return NOT_A_RECORD, record.reason
    if cells is None:
        return NOT_A_RECORD, "the record is no JSON object"
    if len(cells) != len(record.value):
        return COLUMN_REPEATED, f"the record names {record.value.repeated()!r} twice"
    if _is_too_deep(record):
        return NOT_A_RECORD, f"its lists and objects are nested more than {MOST_NESTED} deep"
    if _has_half_a_pair(record.raw, cells):
        return UNDECODABLE, "a text holds half of a surrogate pair (\\ud800 to \\udfff)"
    return None


def _is_too_deep(record: Record) -> bool:
    deepest = record.raw.count(b"{") + record.raw.count(b"[")
    return deepest > MOST_NESTED and is_too_deep(record.value)


def _has_half_a_pair(raw: bytes, cells: Cells) -> bool:
    """Whether some text is none: JSON can escape half of a pair, and no encoding can write it."""
    if b"\\u" not in raw:
        return False
    return not _is_text("".join([*cells, *(cell_text(value) or "" for value in cells.values())]))


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(values: list[object]) -> pa.Array:
    """A column of values as text; an empty text is null, as in CSV."""
    if not set(map(type, values)) <= _TEXT_TYPES:
        values = [cell_text(value) for value in values]
    text = pa.array(values, pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
