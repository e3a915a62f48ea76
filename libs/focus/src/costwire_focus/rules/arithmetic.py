"""How the amounts of a charge hang together: products of price and quantity, equal costs, zeros."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from costwire_focus.columns import columns_of
from costwire_focus.rules.ids import spec_id
from costwire_focus.rules.rule import (
    FLAG,
    Grade,
    Rule,
    category,
    correction,
    flag,
    not_zero,
    present,
    status,
    unset,
)

_PRICE_OF: Final = {"ListCost": "ListUnitPrice", "ContractedCost": "ContractedUnitPrice"}
_EQUAL_TO_BILLED: Final = (*_PRICE_OF, "EffectiveCost")
_QUANTITY: Final = "PricingQuantity"
_BILLED: Final = "BilledCost"

_NOT_PRODUCT: Final = "product"
_NOT_BILLED: Final = "billed"

_SLACK: Final = 1e-8
_RELATIVE_SLACK: Final = 1e-15
_MOST_DIGITS: Final = 300


def arithmetic_rules(version: str) -> Iterator[Rule]:
    """The rules of one version about amounts."""
    for cost, price in _PRICE_OF.items():
        yield Rule(
            spec_id(f"{cost}-C-009-C", version),
            Grade.VIOLATION,
            cost,
            f"{cost} must be {price} times {_QUANTITY}, but for rounding, on a charge that is "
            "no correction",
            flag(cost, _NOT_PRODUCT) & ~correction(),
            compared=frozenset({price, _QUANTITY}),
        )
    for cost in _EQUAL_TO_BILLED:
        yield _equals_billed(cost, version)
    prepaid = category("Purchase") & present("CommitmentDiscountId") & ~correction()
    yield Rule(
        spec_id("EffectiveCost-C-005-C", version),
        Grade.VIOLATION,
        "EffectiveCost",
        "EffectiveCost must be 0 on the Purchase of a commitment",
        prepaid & not_zero("EffectiveCost"),
    )
    if "PricingCurrencyEffectiveCost" in columns_of(version):
        yield Rule(
            spec_id("PricingCurrencyEffectiveCost-C-005-M", version),
            Grade.VIOLATION,
            "PricingCurrencyEffectiveCost",
            "PricingCurrencyEffectiveCost must be 0 on the Purchase of a commitment",
            prepaid & not_zero("PricingCurrencyEffectiveCost"),
        )
    yield Rule(
        spec_id("DiscountHandling-A-009-C", version),
        Grade.VIOLATION,
        _BILLED,
        f"{_BILLED} must be 0 on the unused part of a commitment",
        category("Usage") & status("Unused") & ~correction() & not_zero(_BILLED),
    )


def _equals_billed(cost: str, version: str) -> Rule:
    """A Credit stands on no other charge, so that without a unit price its costs are one."""
    price = _PRICE_OF.get(cost)
    credit = category("Credit") & ~correction()
    return Rule(
        spec_id(f"{cost}-C-008-C" if price else f"{cost}-C-010-C", version),
        Grade.VIOLATION,
        cost,
        f"{cost} must equal {_BILLED} on a Credit{f' without {price}' if price else ''}, "
        "but for rounding",
        (credit & unset(price) if price else credit) & flag(cost, _NOT_BILLED),
        compared=frozenset({_BILLED}),
    )


def compare_amounts(
    frame: pl.DataFrame, numbers: Mapping[str, pl.Series], wanted: frozenset[str]
) -> dict[str, pl.Series]:
    """The verdicts on amounts that must match, by their names in the evaluation frame.

    A cell may be off by half a unit of its last digit, and moves a product by the other factor
    times as much. To what that adds up to come 1e-8, for amounts that were rounded twice, and the
    error of doubles, in which both sides are computed: what is reported is certain, a difference
    within the slack is not. Last digits are looked at only where the slack does not suffice.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return _compare(frame, numbers, wanted)


def _compare(
    frame: pl.DataFrame, numbers: Mapping[str, pl.Series], wanted: frozenset[str]
) -> dict[str, pl.Series]:
    doubles = {name: series.to_numpy() for name, series in numbers.items()}  # null becomes NaN
    verdicts: dict[str, pl.Series] = {}
    for cost, price in _PRICE_OF.items():
        if cost + FLAG + _NOT_PRODUCT in wanted:
            product = doubles[price] * doubles[_QUANTITY]
            slack = np.abs(product) * _RELATIVE_SLACK + _SLACK
            beyond = np.abs(product - doubles[cost]) - slack
            rounding = _rounding_of_product(cost, price)
            verdicts[cost + FLAG + _NOT_PRODUCT] = _exceeds(beyond, rounding, frame)
    equal = [cost for cost in _EQUAL_TO_BILLED if cost + FLAG + _NOT_BILLED in wanted]
    if equal:
        credits = (frame["ChargeCategory"] == "Credit").fill_null(False).to_numpy()
        for cost in equal:
            beyond = (np.abs(doubles[cost] - doubles[_BILLED]) - _SLACK) * credits
            rounding = _half_unit(cost) + _half_unit(_BILLED)
            verdicts[cost + FLAG + _NOT_BILLED] = _exceeds(beyond, rounding, frame)
    return verdicts


@cache
def _rounding_of_product(cost: str, price: str) -> pl.Expr:
    return (
        _half_unit(cost)
        + pl.col(price).cast(pl.Float64, strict=False).abs() * _half_unit(_QUANTITY)
        + pl.col(_QUANTITY).cast(pl.Float64, strict=False).abs() * _half_unit(price)
    )


def _exceeds(beyond: NDArray[np.float64], rounding: pl.Expr, frame: pl.DataFrame) -> pl.Series:
    """Where the distance beyond the slack is more than rounding accounts for."""
    doubtful = np.flatnonzero(beyond > 0)
    verdict = np.zeros(len(beyond), np.bool_)
    if len(doubtful):
        cells = frame.select(pl.col(*rounding.meta.root_names()).gather(doubtful))
        verdict[doubtful] = beyond[doubtful] > cells.select(rounding).to_series().to_numpy()
    return pl.Series(verdict)


@cache
def _half_unit(column: str) -> pl.Expr:
    """Half a unit of the last digit that a cell shows: 0.005 for `1.50`, 50 for `1E2`."""
    parts = pl.col(column).str.to_uppercase().str.splitn("E", 2)
    mantissa, exponent = parts.struct.field("field_0"), parts.struct.field("field_1")
    point = mantissa.str.find(".", literal=True).cast(pl.Int64)
    decimals = (mantissa.str.len_bytes().cast(pl.Int64) - 1 - point).fill_null(0)
    shift = exponent.str.strip_prefix("+").cast(pl.Int64, strict=False).fill_null(0)
    digits = (shift - decimals).clip(-_MOST_DIGITS, _MOST_DIGITS)
    return 0.5 * pl.lit(10.0).pow(digits)
