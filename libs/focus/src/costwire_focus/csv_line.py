"""CSV that needs the standard library alone: one line in which null and an empty text stay apart.

Python's csv module writes both alike before Python 3.12.
"""

from __future__ import annotations

from collections.abc import Iterable

SEPARATORS = (b",", b";", b"\t", b"|")
"""What separates the cells of a CSV that is read."""


def csv_line(cells: Iterable[str | int | None]) -> str:
    """A line with its end: null is an empty cell, an empty text a quoted one.

    >>> csv_line(["a,b", None, "", 3])
    '"a,b",,"",3\\n'
    """
    return ",".join(map(_cell, cells)) + "\n"


def _cell(cell: str | int | None) -> str:
    if cell is None:
        return ""
    text = str(cell)
    if not text or any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
