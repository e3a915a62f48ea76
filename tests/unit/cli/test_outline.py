"""Things within things, as lines and as a tree."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from costwire_cli.outline import Fact, Item, Mood, lines, tree

WHOLE = Item(
    "estate",
    (),
    [Fact("at", "noon")],
    [
        Item("farm", ("north",), [Fact("cows", "7", Mood.GOOD), Fact("rain", "much")]),
        Item(
            "farm",
            ("far south",),
            [Fact("cows", "12"), Fact("rain", "little", Mood.BAD)],
            [Item("barn", ("far south", "b"), [Fact("door", "open"), Fact("cat", "asleep")])],
        ),
        Item("note", ("n",), [Fact("cows", "1")]),
    ],
)


def drawn(item: Item, width: int, *, colours: bool = False) -> list[str]:
    out = io.StringIO()
    system = "standard" if colours else None
    console = Console(file=out, width=width, force_terminal=colours, color_system=system)
    console.print(tree(item, width))
    return out.getvalue().splitlines()


def test_each_line_tells_by_itself_which_thing_it_is() -> None:
    assert [*lines(WHOLE)] == [
        "estate  at=noon",
        "farm  north  cows=7  rain=much",
        "farm  far south  cows=12  rain=little",
        "barn  far south/b  door=open  cat=asleep",
        "note  n  cows=1",
    ]


def test_facts_of_neighbours_stand_below_each_other() -> None:
    assert drawn(WHOLE, 80) == [
        "estate  at noon",
        "├── farm north      cows 7   rain much",
        "├── farm far south  cows 12  rain little",
        "│   └── barn b  door open  cat asleep",
        "└── note n  cows 1",
    ]


def test_facts_without_room_stand_on_the_next_line_whole() -> None:
    assert drawn(WHOLE, 32) == [
        "estate  at noon",
        "├── farm north      cows 7",
        "│     rain much",
        "├── farm far south  cows 12",
        "│     rain little",
        "│   └── barn b  door open",
        "│         cat asleep",
        "└── note n  cows 1",
    ]


def test_moods_are_colours() -> None:
    painted = "\n".join(drawn(WHOLE, 80, colours=True))
    assert "\x1b[32m7\x1b[0m" in painted
    assert "\x1b[31mlittle\x1b[0m" in painted
    assert "\x1b[1mnorth\x1b[0m" in painted


def test_names_are_no_markup() -> None:
    item = Item("farm", ("[red]north[/red]",), [Fact("cows", "[bold]7")])
    assert drawn(item, 80) == ["farm [red]north[/red]  cows [bold]7"]


@pytest.mark.parametrize("evil", ["a\x1b[31mb", "a\nb", "a\rb", "a\x07b"])
def test_what_is_told_does_nothing_to_the_terminal(evil: str) -> None:
    item = Item("farm", (evil,), [Fact("cows", evil)])
    for text in (*lines(item), *drawn(item, 80)):
        assert text.isprintable()
    assert len([*lines(item)]) == len(drawn(item, 80)) == 1


NAMES = st.text(st.characters(codec="utf-8", exclude_characters=" "), min_size=1, max_size=12)


@given(names=st.lists(NAMES, min_size=1, max_size=4), width=st.integers(60, 200))
def test_no_line_of_a_tree_is_wider_than_the_terminal(names: list[str], width: int) -> None:
    parts = [Item("farm", (name,), [Fact("cows", "1"), Fact("rain", "some")]) for name in names]
    found = drawn(Item("estate", (), [], parts), width)
    assert all(cell_len(line) <= width for line in found)
    assert sum("cows 1" in line for line in found) == len(names)
