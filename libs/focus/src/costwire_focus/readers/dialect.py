"""How a CSV separates its cells: told by its header, never asked for."""

from __future__ import annotations

import csv
import re

from costwire_focus.columns import COLUMNS, DRAFT_NAMES
from costwire_focus.csv_line import SEPARATORS

_SPREADSHEET_LINE = re.compile(rb'\s*"?sep=(.)"?\s*', re.IGNORECASE)


def separator_of(header: bytes) -> bytes:
    """The separator that cuts a header line into the most FOCUS names, else into the most cells."""
    text = header.decode(errors="replace")

    def evidence(separator: bytes) -> tuple[int, int]:
        try:
            cells = next(csv.reader([text], delimiter=separator.decode()), [])
        except csv.Error:  # a carriage return within the line
            return 0, 0
        known = sum((name := cell.strip()) in COLUMNS or name in DRAFT_NAMES for cell in cells)
        return known, len(cells)

    return max(SEPARATORS, key=evidence)  # of equals, max takes the first: the comma


def told_separator(line: bytes) -> bytes | None:
    """The separator that a first line such as `sep=;` tells spreadsheets; None for other lines."""
    told = _SPREADSHEET_LINE.fullmatch(line)
    return told[1] if told and told[1] in SEPARATORS else None
