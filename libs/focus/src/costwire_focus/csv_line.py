"""CSV that needs the standard library alone: one line in which null and texts like it stay apart.

Python's csv module writes null and an empty text alike before Python 3.12.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable

SEPARATORS = (b",", b";", b"\t", b"|")
"""What separates the cells of a CSV that is read."""

LONGEST_RECORD = 40 * 1024 * 1024
"""More than what the first reader takes for one record at most."""

# 128 kB unless told: less than a cell of tags can have. One for the process, so told here alone.
csv.field_size_limit(LONGEST_RECORD)

NULLS = frozenset({"", "NULL", "null"})
"""What readers take for null where it is not quoted."""


def csv_line(cells: Iterable[str | int | None]) -> str:
    """A line with its end: null is an empty cell, a text that would be read as null a quoted one.

    >>> csv_line(["a,b", None, "", "NULL", 3])
    '"a,b",,"","NULL",3\\n'
    """
    return ",".join(map(csv_cell, cells)) + "\n"


def csv_cell(cell: str | int | None, separator: str = ",") -> str:
    """A cell as it stands in a line, quoted where it has to be."""
    if cell is None:
        return ""
    text = str(cell)
    if text in NULLS or any(character in text for character in (separator, *'"\r\n')):
        return '"' + text.replace('"', '""') + '"'
    return text
