"""Prometheus text, read as a scrape reads it: fast where the series are those of the last time."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Sequence

from costwire_simulator.promql.expressions import NAME
from costwire_simulator.promql.samples import Labels

_SERIES = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*=""(?:,|(?=\})))*)\})?', re.ASCII
)
"""A series whose label values are left out."""
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", "\\": "\\", '"': '"'}

Shape = tuple[str, ...]
"""What stands around the label values of a series."""


class BadText(Exception):
    """A text that is no exposition."""


def read_text(text: str) -> tuple[list[str], array[float]]:
    """The series as they are written, and their values; times are not looked at.

    Raises: `BadText`.
    Source: Prometheus text format 0.0.4.
    """
    series: list[str] = []
    values: list[str] = []
    for line in text.split("\n"):
        if not line or line[0] == "#":
            continue
        end = line.rfind("}") + 1 or line.find(" ")
        told = line[end:].split(" ")
        if not 2 <= len(told) <= 3 or told[0]:
            raise BadText(f"read a line: {line[:200]!r} is no series, value and time")
        series.append(line[:end])
        values.append(told[1])
    try:
        return series, array("d", map(float, values))
    except ValueError as error:
        raise BadText(f"read a value: {error}") from error


def taken_apart(series: str) -> tuple[Shape, list[str]]:
    """What stands around the label values of a series, and the values."""
    if "\\" not in series:
        told = series.split('"')
        return tuple(told[::2]), told[1::2]
    told = _QUOTED.split(series)
    return tuple(told[::2]), [_ESCAPE.sub(_unescaped, text) for text in told[1::2]]


def _unescaped(found: re.Match[str]) -> str:
    return _UNESCAPED.get(found[1], found[0])


def names_in(shape: Shape) -> tuple[str, list[str]]:
    """The name of a series of this shape, and those of its labels. Raises: `BadText`."""
    written = '""'.join(shape)
    found = _SERIES.fullmatch(written)
    if found is None:
        raise BadText(f"read a series: {written[:200]!r} is none")
    return found[1], [pair.removesuffix('=""') for pair in (found[2] or "").split(",") if pair]


class Layout:
    """The series of a scrape, in their order; the same for all scrapes that have the same ones."""

    def __init__(self, series: Sequence[str], labels: Sequence[Labels]) -> None:
        """`series`: as they are written; each has `labels`."""
        self.series = series
        self.labels = labels
        self.position = {one: index for index, one in enumerate(series)}
        if len(self.position) < len(series):
            raise BadText("read a text: it has a series twice")
        self.by_name: dict[str, list[int]] = defaultdict(list)
        for index, one in enumerate(labels):
            self.by_name[one[NAME]].append(index)
