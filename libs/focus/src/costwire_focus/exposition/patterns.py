"""What stands around the values of a sample: its family and the names of its labels.

Few of the samples of an exposition differ in that, so it is read once for each pattern, not for
each sample.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costwire_focus.errors import Unreadable

_MOST_NAMES = 10_000
_MOST_PATTERNS = 4_096
_SHOWN = 60
_LEGAL_NAME = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_LEGAL_FAMILY = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
_UNWRITTEN = 'a label is not written name="value"'


@dataclass(frozen=True)
class Pattern:
    """A sample without its values."""

    family: str
    labels: NDArray[np.int64]
    """The numbers of its labels, in the order in which they stand."""


class Patterns:
    """The patterns and the label names met so far; names are numbered as they come."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = list(names)
        encoded = (name.encode() for name in names)
        self._numbers = {n: i for i, n in enumerate(encoded) if _LEGAL_NAME.fullmatch(n)}
        self._known: dict[bytes, Pattern] = {}

    def read(self, text: bytes) -> Pattern:
        """The pattern of a sample's text without its values: `family{a="",b="",} `.

        Raises: `Unreadable`, its message the mere reason.
        """
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_PATTERNS:
                self._known.clear()
            known = self._known[text] = self._read(text)
        return known

    def _read(self, text: bytes) -> Pattern:
        family, brace, labels = text.removesuffix(b" ").partition(b"{")
        if not _LEGAL_FAMILY.fullmatch(family):
            raise Unreadable(f"{family[:_SHOWN]!r} is no name of a metric")
        if brace and not labels.endswith(b"}"):
            raise Unreadable("the labels are not closed")
        return Pattern(family.decode(), np.array(self._numbered(labels[:-1]), dtype=np.int64))

    def _numbered(self, labels: bytes) -> list[int]:
        """The numbers of the names in `a="",b="",`, where the last comma may be absent."""
        if not labels:
            return []
        *names, rest = (labels if labels.endswith(b",") else labels + b",").split(b'="",')
        if rest:
            raise Unreadable(_UNWRITTEN)
        for name in names:
            if name not in self._numbers:
                self._learn(name)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise Unreadable(f"{twice.decode()} stands twice")
        return [self._numbers[name] for name in names]

    def _learn(self, name: bytes) -> None:
        if b'"' in name:
            raise Unreadable(_UNWRITTEN)
        if not _LEGAL_NAME.fullmatch(name):
            raise Unreadable(f"{name[:_SHOWN]!r} is no label name")
        if len(self.names) >= _MOST_NAMES:
            raise Unreadable(f"it has more than {_MOST_NAMES} labels")
        self._numbers[name] = len(self.names)
        self.names.append(name.decode())
