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

    `apart`: the last one tells any two apart, those before it most.
    """
    named = {key: name(thing) for key, thing in things.items()}
    rounds = chain(apart, repeat(apart[-1]))
    while len(named) > len(times := Counter(named.values())):
        of = next(rounds)
        for key, told in named.items():
            if times[told] > 1:
                named[key] = f"{told} ({of(key)})"
    return {told: things[key] for key, told in named.items()}
