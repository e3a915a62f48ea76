"""The cells of a CSV as they are written: one can be changed, all others stay to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterator

from costwire_focus.csv_line import NULLS

Record = tuple[list[bytes], bytes]
"""The cells, quotes included, and the line's end."""


class NoCsv(ValueError):
    """A quote within a cell that is not quoted, or one that is never closed."""


def records(text: bytes, separator: bytes) -> Iterator[Record]:
    """The records of a CSV, one after the other; joined they are the same text. Raises `NoCsv`."""
    sign = re.escape(separator)
    quoted, bare = rb'"[^"]*+(?:""[^"]*+)*+"', rb'(?:[^"\r\n%b][^\r\n%b]*+)?' % (sign, sign)
    cell = re.compile(rb"(%b|%b)(%b|\r\n|\r|\n|\Z)" % (quoted, bare, sign))
    cells: list[bytes] = []
    at = 0
    while at < len(text) or cells:
        found = cell.match(text, at)
        if found is None:
            line = text.count(b"\n", 0, at) + 1
            raise NoCsv(f"line {line}: a quoted cell does not end where it should")
        cells.append(found[1])
        at = found.end()
        if found[2] != separator:
            yield cells, found[2]
            cells = []


def value(cell: bytes) -> str | None:
    """What a cell says: None where it is null.

    >>> value(b'"NULL"'), value(b"NULL"), value(b'""')
    ('NULL', None, None)
    """
    text = cell.decode()
    if text.startswith('"'):
        return text[1:-1].replace('""', '"') or None
    return None if text in NULLS else text
