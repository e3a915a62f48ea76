"""What commands write to standard output: tables, CSV, JSON, lines."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from costwire_focus.csv_line import csv_line

_COLUMN_GAP = "  "


def say(line: str = "") -> None:
    """One line on standard output, at once; what reports hold does nothing to a terminal."""
    show(one_line(line))


def show(text: str) -> None:
    """Text of several lines or with colours of our own, as it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Lines on standard error; they do nothing to a terminal either."""
    sys.stderr.write("\n".join(map(one_line, text.split("\n"))) + "\n")


def terminal_width() -> int | None:
    """The width of a terminal that draws bars and colours; None where there is none, or no wish."""
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if dull or not sys.stdout.isatty() or not (sys.stdout.encoding or "").lower().startswith("utf"):
        return None
    return shutil.get_terminal_size().columns


def write_json(document: Any) -> None:
    """An indented JSON document, its texts as they are."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """CSV with a header; null is an empty cell, an empty text a quoted one. Rows may stream."""
    for row in chain([headers], rows):
        sys.stdout.write(csv_line(row))


def write_table(
    headers: Sequence[str], rows: Sequence[Sequence[str | None]], right: Sequence[bool] = ()
) -> None:
    """A table: drawn on a terminal, plain columns elsewhere. `right`: which columns end flush."""
    flush = [*right, *[False] * (len(headers) - len(right))]
    shown = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(headers, shown, flush)
    else:
        _align(headers, shown, flush)


def one_line(cell: str | None) -> str:
    """A cell without control characters; null is told as NULL."""
    if cell is None:
        return "NULL"
    return cell if cell.isprintable() else "".join(_visible(character) for character in cell)


def _visible(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def _align(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    lines = [list(headers), *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headers))]
    rule = ["-" * width for width in widths]
    for line in (lines[0], rule, *lines[1:]):
        cells = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ]
        sys.stdout.write(_COLUMN_GAP.join(cells).rstrip() + "\n")


def _draw(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    # rich takes a tenth of a second to import, which commands in scripts need not wait for.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for header, flush in zip(headers, right, strict=True):
        table.add_column(Text(header), justify="right" if flush else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    Console(width=shutil.get_terminal_size().columns).print(table)
