"""Operators between two numbers, as IEEE 754 and Go have them: nothing raises."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _modulo(left: float, right: float) -> float:
    return math.fmod(left, right) if right and not math.isinf(left) else math.nan


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        is_odd = math.fmod(right, 2) in (1, -1)
        return -math.inf if left < 0 and is_odd else math.inf
    except ValueError:  # 0 to a negative power, or a root of what is below 0
        if left:
            return math.nan
        is_odd = math.fmod(right, 2) in (1, -1)
        return math.copysign(math.inf, left) if is_odd else math.inf


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _modulo,
    "^": _power,
}
COMPARING: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
