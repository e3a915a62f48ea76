"""A table of texts and figures with bars beside it, laid out for a terminal or for a file; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rich.cells import cell_len, chop_cells

from costwire_cli.bars import Scale
from costwire_cli.output import one_line

GAP = "  "
_NARROWEST_TEXT = 8
_NARROWEST_BAR = 10
_WIDEST_BAR = 40
_WORDS = 60
_WORDS_ON_TERMINAL = 48  # so that bars fit beside them in 80 characters
_CUT = "…"
_INDENT = "  "


class Style(StrEnum):
    """How a line is painted on a terminal."""

    PLAIN = ""
    BOLD = "1"
    DIM = "2"


def painted(text: str, *codes: str) -> str:
    """A text in the style of these codes of the terminal."""
    told = ";".join(code for code in codes if code)
    return f"\x1b[{told}m{text}\x1b[0m" if told and text else text


@dataclass(frozen=True)
class Row:
    """A line: what it is about, its figures, and what its bar shows."""

    texts: Sequence[str | None]
    figures: Sequence[str]
    bar: Decimal | None = None
    style: Style = Style.PLAIN


@dataclass(frozen=True)
class Note:
    """A line below a row: words as wide as all columns but the last, whose figure it has."""

    words: str
    figure: str


@dataclass(frozen=True)
class Rule:
    """A line between rows."""


Line = Row | Note | Rule


@dataclass(frozen=True)
class Grid:
    """Text columns on the left, figures on the right of them."""

    texts: Sequence[str]
    figures: Sequence[str]
    lines: Sequence[Line]
    bars: tuple[str, str] = ("36", "32")
    """The colours of bars of amounts above and below zero."""


def titled(title: str, width: int | None) -> str:
    """A title above a table."""
    return one_line(title) if width is None else painted(one_line(title), Style.BOLD)


def laid_out(grid: Grid, width: int | None) -> Iterator[str]:
    """The lines of a grid; without a width there is no terminal: no bars, no colours, no cuts."""
    yield from _Layout(grid, width).lines()


class _Layout:
    def __init__(self, grid: Grid, width: int | None) -> None:
        self._grid = grid
        self._on_terminal = width is not None
        self._rows = [line for line in grid.lines if isinstance(line, Row)]
        self._fractions = [
            max((_fraction(row.figures[n]) for row in self._rows), default=0)
            for n in range(len(grid.figures))
        ]
        self._figures = self._figure_widths()
        taken = sum(self._figures) + len(GAP) * len(self._figures)
        self._texts = self._text_widths(None if width is None else width - taken)
        if self._texts:
            self._texts[0] += self._lacking(width)
        taken += sum(self._texts) + len(GAP) * max(len(self._texts) - 1, 0)
        self._bar = min(_WIDEST_BAR, (width or 0) - taken - len(GAP))
        amounts = [row.bar for row in self._rows if row.bar is not None]
        if self._bar < _NARROWEST_BAR or len(amounts) < 2:
            self._bar = 0
        self._scale = Scale(amounts, self._bar)

    def _figure_widths(self) -> list[int]:
        cells: list[list[str]] = [[header] for header in self._grid.figures]
        for row in self._rows:
            for n, figure in enumerate(row.figures):
                cells[n].append(_pointed(figure, self._fractions[n]))
        for line in self._grid.lines:
            if isinstance(line, Note):
                cells[-1].append(_pointed(line.figure, self._fractions[-1]))
        return [max(map(len, column)) for column in cells]

    def _text_widths(self, room: int | None) -> list[int]:
        widths = [cell_len(header) for header in self._grid.texts]
        for row in self._rows:
            for n, text in enumerate(row.texts):
                widths[n] = max(widths[n], cell_len(one_line(text)))
        if room is not None:
            room -= len(GAP) * max(len(widths) - 1, 0)
            while widths and sum(widths) > room and max(widths) > _NARROWEST_TEXT:
                widths[widths.index(max(widths))] -= 1
        return widths

    def _lacking(self, width: int | None) -> int:
        """What the columns are too narrow by for the words of notes."""
        wanted = [len(note.words) for note in self._grid.lines if isinstance(note, Note)]
        most = _WORDS if width is None else min(_WORDS_ON_TERMINAL, width - self._figures[-1])
        longest = max((len(_INDENT) + each for each in wanted), default=0)
        return max(min(longest, most) - self._room(), 0)

    def lines(self) -> Iterator[str]:
        headers = Row(self._grid.texts, self._grid.figures, style=Style.BOLD)
        yield self._row(headers)
        if not self._on_terminal:
            yield self._rule()
        for line in self._grid.lines:
            if isinstance(line, Row):
                yield self._row(line)
            elif isinstance(line, Note):
                yield from self._note(line)
            else:
                yield self._paint(self._rule(), Style.DIM)

    def _row(self, row: Row) -> str:
        texts = [_fitted(one_line(t), w) for t, w in zip(row.texts, self._texts, strict=True)]
        figures = [
            _pointed(figure, fraction).rjust(width)
            for figure, fraction, width in zip(
                row.figures, self._fractions, self._figures, strict=True
            )
        ]
        told = GAP.join([*texts, *figures])
        if not self._bar or row.bar is None:
            return self._paint(told.rstrip(), row.style)
        below, above = self._scale.bar(row.bar)
        colours = self._grid.bars
        bar = painted(below, colours[1] if below.strip() else "") + painted(above, colours[0])
        return f"{self._paint(told, row.style)}{GAP}{bar}".rstrip()

    def _note(self, note: Note) -> Iterator[str]:
        room = self._room()
        told = one_line(note.words)
        words = textwrap.wrap(told, room, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
        for number, line in enumerate(words):
            figure = "" if number else _pointed(note.figure, self._fractions[-1])
            told = f"{line:<{room}}{GAP}{figure:>{self._figures[-1]}}".rstrip()
            yield self._paint(told, Style.DIM)

    def _rule(self) -> str:
        dash = "─" if self._on_terminal else "-"
        return GAP.join(dash * width for width in [*self._texts, *self._figures])

    def _room(self) -> int:
        """For the words of notes."""
        return max(self._width() - self._figures[-1] - len(GAP), _NARROWEST_TEXT)

    def _width(self) -> int:
        return sum([*self._texts, *self._figures]) + self._gaps()

    def _gaps(self) -> int:
        return len(GAP) * max(len(self._texts) + len(self._figures) - 1, 0)

    def _paint(self, text: str, style: Style) -> str:
        return painted(text, style.value) if self._on_terminal else text


def _fraction(figure: str) -> int:
    """How much of a figure stands from its decimal point on."""
    return len(figure) - figure.index(".") if "." in figure else 0


def _pointed(figure: str, fraction: int) -> str:
    """A figure whose decimal point is as far from its end as the others'."""
    is_number = any(character.isdigit() for character in figure)
    return figure + " " * (fraction - _fraction(figure)) if is_number else figure


def _fitted(text: str, width: int) -> str:
    """A text that is so wide; one that is too long loses its middle."""
    if cell_len(text) > width:
        head = (width - 1) // 2
        first = chop_cells(text, head)[0] if head else ""
        last = ""
        for character in reversed(text):
            if cell_len(first) + 1 + cell_len(last) + cell_len(character) > width:
                break
            last = character + last
        text = f"{first}{_CUT}{last}"
    return text + " " * (width - cell_len(text))
