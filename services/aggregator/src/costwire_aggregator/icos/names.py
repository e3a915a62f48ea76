"""Names that tell things apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from typing import TypeVar

_Key = TypeVar("_Key")
_Thing = TypeVar("_Thing")


def told_apart(
    things: Mapping[_Key, _Thing], name: Callable[[_Thing], str], *apart: Callable[[_Key], str]
) -> dict[str, _Thing]:
    """By their names; all that share one have behind it what tells them apart.

    `apart`: the last one tells any two apart and is never empty, those before it tell most.
    """
    named = {key: name(thing) for key, thing in things.items()}
    rounds = chain(apart, repeat(apart[-1]))
    while len(named) > len(times := Counter(named.values())):
        next_part = next(rounds)
        for key, known in named.items():
            if times[known] > 1 and (part := next_part(key)):
                named[key] = f"{known} ({part})"
    return {known: things[key] for key, known in named.items()}
