"""Names for the columns of a report, each one once."""

from __future__ import annotations

from typing import Final

from costwire_focus.own_rules import COLUMN_BLANKS, COLUMN_REPEATED, COLUMN_UNNAMED

_BLANKS: Final = "".join(filter(str.isspace, map(chr, range(0x10000)))) + "\ufeff\u200b"
"""Blanks, and the marks that look like nothing: a second byte order mark, a zero-width space."""


def unique_names(cells: list[str], remarks: dict[str, str]) -> list[str]:
    """The header cells without blanks around; one without a name, or a repeated one, gets its own.

    What was changed is told in `remarks`: rule id -> sentence about the first of its kind.
    """
    cells = [_bare(cell, remarks) for cell in cells]
    names: list[str] = []
    taken = set(cells)
    used: set[str] = set()
    numbers: dict[str, int] = {}
    for position, cell in enumerate(cells, start=1):
        name = cell
        if not cell or cell in used:
            stem = cell or f"column_{position}"
            name = _free(stem, taken, numbers)
            if cell:
                sentence = f"the header names {cell!r} twice; the second is called {name!r}"
                remarks.setdefault(COLUMN_REPEATED, sentence)
            else:
                sentence = f"column {position} has no name in the header; it is called {name!r}"
                remarks.setdefault(COLUMN_UNNAMED, sentence)
        names.append(name)
        used.add(name)
        taken.add(name)
    return names


def _bare(cell: str, remarks: dict[str, str]) -> str:
    name = cell.strip(_BLANKS)
    if name != cell:
        sentence = f"the header has blanks around {cell!r}; the column is called {name!r}"
        remarks.setdefault(COLUMN_BLANKS, sentence)
    return name


def _free(stem: str, taken: set[str], numbers: dict[str, int]) -> str:
    """The stem, or the stem with the lowest number from 2 on, that no column has."""
    name = stem
    while name in taken:
        numbers[stem] = numbers.get(stem, 1) + 1
        name = f"{stem}_{numbers[stem]}"
    return name
