"""Names for the columns of a report, each one once."""

from __future__ import annotations

REPEATED = "CW-ColumnRepeated"
UNNAMED = "CW-ColumnUnnamed"


def unique_names(cells: list[str], remarks: dict[str, str]) -> list[str]:
    """The header cells as they are; a cell without a name, or a repeated one, gets its own."""
    names: list[str] = []
    taken = set(cells)
    for position, cell in enumerate(cells, start=1):
        name = cell or f"column_{position}"
        if not cell:
            remarks[UNNAMED] = f"column {position} has no name in the header; it is called {name}"
        if name in names:
            number = 2
            while f"{cell}_{number}" in taken:
                number += 1
            name = f"{cell}_{number}"
            remarks[REPEATED] = f"the header names {cell!r} twice; the second is called {name}"
        names.append(name)
        taken.add(name)
    return names
