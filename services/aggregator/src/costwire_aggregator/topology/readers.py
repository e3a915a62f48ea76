"""Texts that labels tell."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller

from costwire_aggregator.samples import Labels
from costwire_aggregator.topology.flavours.rules import All, Name

Reader = Callable[[Labels], str]
"""A text of a series; empty where it tells none."""


def reader(name: Name) -> Reader:
    """What reads a text where it stands."""
    if isinstance(name, All):
        return _joined(name)
    if len(name) == 1:
        return methodcaller("get", name[0], "")
    first, *others = name
    rest = reader(tuple(others))
    return lambda labels: labels.get(first) or rest(labels)


def _joined(name: All) -> Reader:
    def read(labels: Labels) -> str:
        texts = [labels.get(label, "") for label in name.labels]
        return name.separator.join(texts) if all(texts) else ""

    return read


def words(names: tuple[str, ...]) -> Reader:
    """What reads the texts of all these labels that are there, with a space between them."""

    def read(labels: Labels) -> str:
        return " ".join([text for name in names if (text := labels.get(name))])

    return read


def all_texts(names: tuple[str, ...]) -> Callable[[Labels], tuple[str, ...]]:
    """What reads the texts of all these labels, empty ones too."""
    match names:
        case (name,):
            return lambda labels: (labels.get(name, ""),)
        case (first, second):
            return lambda labels: (labels.get(first, ""), labels.get(second, ""))
        case _:
            return lambda labels: tuple([labels.get(name, "") for name in names])
