"""Things within things, each with its facts: lines for a file, a tree for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len
from rich.text import Text
from rich.tree import Tree

from costwire_cli.output import one_line

GAP = "  "
_GUIDE = 4
"""How much further in a part stands than what it is in."""


class Mood(StrEnum):
    """How a fact is painted on a terminal."""

    PLAIN = ""
    GOOD = "green"
    POOR = "yellow"
    BAD = "red"


@dataclass(frozen=True)
class Fact:
    """Something that is told of a thing."""

    name: str
    text: str
    mood: Mood = Mood.PLAIN


@dataclass(frozen=True)
class Item:
    """A thing, what is told of it, and what is within it.

    Neighbours of a kind have the same facts, but for the last ones.
    """

    kind: str
    path: Sequence[str]
    """The names of what it is in, then its own; without any it is the whole."""
    facts: Sequence[Fact]
    parts: Sequence[Item] = ()


def lines(item: Item) -> Iterator[str]:
    """A line for each thing, which tells by itself which thing it is, and of nothing else."""
    named = [item.kind, *(["/".join(map(one_line, item.path))] if item.path else [])]
    yield GAP.join([*named, *(f"{fact.name}={one_line(fact.text)}" for fact in item.facts)])
    for part in item.parts:
        yield from lines(part)


def tree(item: Item, width: int) -> Tree:
    """The same, for a terminal that shows colours; facts of neighbours stand below each other."""
    label = _Columns([item]).label(item, width)
    return _grown(Tree(label, guide_style="dim"), item, width)


def _grown(branch: Tree, item: Item, room: int) -> Tree:
    room -= _GUIDE
    neighbours: dict[str, list[Item]] = {}
    for part in item.parts:
        neighbours.setdefault(part.kind, []).append(part)
    columns = {kind: _Columns(parts) for kind, parts in neighbours.items()}
    for part in item.parts:
        _grown(branch.add(columns[part.kind].label(part, room)), part, room)
    return branch


class _Columns:
    """How wide names and facts of neighbours are."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._name = max(cell_len(_name(item)) for item in items)
        self._facts: dict[str, int] = {}
        for item in items:
            for fact in item.facts:
                width = cell_len(one_line(fact.text))
                self._facts[fact.name] = max(width, self._facts.get(fact.name, 0))

    def label(self, item: Item, room: int) -> Text:
        """A line, or more where there is no room for all facts in one; none is torn apart."""
        label = Text(item.kind, "dim")
        begin = cell_len(item.kind)
        if item.path:
            label = Text.assemble(label, " ", (_name(item), "bold"))
            begin += 1 + self._name
        told = {fact.name: fact for fact in item.facts}
        for name, longest in self._facts.items():
            width = len(GAP) + cell_len(name) + 1 + longest
            if fact := told.get(name):
                if begin and begin + width > room:
                    label.append("\n")
                    begin = 0
                taken = cell_len(label.plain.rpartition("\n")[2])
                label.append(" " * (begin - taken) + GAP)
                label.append(f"{name} ", "dim").append(one_line(fact.text), fact.mood.value)
            begin += width
        return label


def _name(item: Item) -> str:
    return one_line(item.path[-1]) if item.path else ""
