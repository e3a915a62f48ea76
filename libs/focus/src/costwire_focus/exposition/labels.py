"""Label names for columns: the column's own where that is legal, else Prometheus' `U__` escape."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from costwire_focus.columns import COLUMNS
from costwire_focus.exposition import COPY_LABEL

_LEGAL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPE = "U__"
_RESERVED = frozenset({"job", "instance", COPY_LABEL})
_ESCAPED_CHARACTER = re.compile(r"__|_([0-9a-fA-F]{1,6})_")


def label_names(columns: Iterable[str]) -> dict[str, str]:
    """The label of each column, in order; a column has one label, a label one column.

    Names that Prometheus reserves or adds itself (`__name__`, `job`, `instance`) and names that
    look escaped travel escaped. Of labels that differ only in case, the later ones get the suffix
    `_2`, `_3`, ...; a FOCUS column always keeps its own name.
    """
    names = list(columns)
    labels: dict[str, str] = {}
    taken = {COPY_LABEL}
    for name in sorted(names, key=lambda name: name not in COLUMNS):
        plain = escape(name)
        label, number = plain, 2
        while label.lower() in taken:
            label, number = f"{plain}_{number}", number + 1
        taken.add(label.lower())
        labels[name] = label
    return {name: labels[name] for name in names}


def escape(name: str) -> str:
    """A column name as a legal label name (Prometheus' value-encoding escape where needed)."""
    legal = _LEGAL.fullmatch(name) and not name.startswith(("__", _ESCAPE))
    if legal and name not in _RESERVED:
        return name
    return _ESCAPE + "".join(_escaped(character, i) for i, character in enumerate(name))


def _escaped(character: str, position: int) -> str:
    if character == "_":
        return "__"
    if character.isascii() and (character.isalpha() or (position and character.isdigit())):
        return character
    return f"_{ord(character):x}_"


def unescape(label: str) -> str:
    """The column name of a label from `escape`; any other label is its own name."""
    if not label.startswith(_ESCAPE):
        return label
    return _ESCAPED_CHARACTER.sub(_unescaped, label[len(_ESCAPE) :])


def _unescaped(found: re.Match[str]) -> str:
    if not found[1]:
        return "_"
    code = int(found[1], 16)
    is_character = code <= sys.maxunicode and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_character else found[0]
