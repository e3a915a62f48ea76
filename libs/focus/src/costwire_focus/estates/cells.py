"""Charges as columns of text: each number and each catalogue entry in its FOCUS column."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costwire_focus.columns import columns_of
from costwire_focus.estates.calendar import instant_text
from costwire_focus.estates.charges import Making
from costwire_focus.estates.decimals import scaled_text, scaled_texts
from costwire_focus.estates.draws import Ints
from costwire_focus.estates.estate import EXCHANGE
from costwire_focus.estates.rows import Costs, Rows, costs_of

_PRICING_CURRENCY = "USD"
_SHARE_NAMES = ("checkout-api", "search-index", "batch-reports", "idle")
_SHARE_RATIOS = ("0.4", "0.3", "0.2", "0.1")
_CONTRACT_CLOUDS = ("azure", "saas")


def make_table(making: Making, rows: Rows) -> pa.Table:
    """Write the charges out as text, in the columns of the estate's version and the cloud."""
    sheet = _Sheet(making, rows)
    estate, cloud = making.estate, making.slot.cloud
    names = [name for name in columns_of(estate.focus_version) if name not in cloud.absent]
    names += cloud.custom_columns if estate.custom_columns else ()
    return pa.table({_native_name(making, name): sheet.column(name) for name in names})


def _native_name(making: Making, name: str) -> str:
    native = making.estate.spelling == "native"
    return making.slot.cloud.native_names.get(name, name) if native else name


class _Sheet:
    """Finds the text of each column; what several columns need is worked out once."""

    def __init__(self, making: Making, rows: Rows) -> None:
        self._making = making
        self._rows = rows
        self._items = making.items.columns
        self._inventory = making.inventory.columns
        self._currency = making.estate.currency_of(making.slot.cloud.key)
        self._exchange = EXCHANGE[self._currency]
        self._fixed = making.slot.cloud.money_decimals
        self._costs = costs_of(rows, making.items)
        self._quantity: pa.Array = None
        self._money: dict[tuple[str, bool], pa.Array] = {}
        self._constants = self._find_constants()
        self._made: dict[str, Callable[[], pa.Array]] = {
            "ChargePeriodStart": lambda: self._instant(rows.start),
            "ChargePeriodEnd": lambda: self._instant(rows.start + rows.hours),
            "PricingQuantity": self._pricing_quantity,
            "ConsumedQuantity": self._consumed_quantity,
            "BilledCost": lambda: self._cost("BilledCost"),
            "EffectiveCost": lambda: self._cost("EffectiveCost"),
            "ListCost": lambda: self._cost("ListCost"),
            "ContractedCost": lambda: self._cost("ContractedCost"),
            "PricingCurrencyEffectiveCost": lambda: self._cost("EffectiveCost", priced=True),
            "CommitmentDiscountQuantity": self._commitment_quantity,
            "ContractApplied": self._contract_applied,
            "InvoiceDetailId": self._invoice_detail,
        }

    def column(self, name: str) -> pa.Array:
        """The cells of one column; null all the way where the cloud has nothing to say."""
        if name in self._made:
            return self._made[name]()
        if name in self._constants:
            return pa.repeat(pa.scalar(self._constants[name], pa.string()), len(self._rows))
        if name in self._items:
            return _take(self._items[name], self._rows.item)
        if name.startswith("CommitmentDiscount"):
            return _take(self._commitment_texts(name), self._rows.commitment)
        if name.startswith("Allocated"):
            return _take(_share_texts(name), self._rows.share)
        if name in self._inventory:
            return _take(self._inventory[name], self._rows.resource)
        return pa.nulls(len(self._rows), pa.string())

    def _find_constants(self) -> dict[str, str]:
        slot = self._making.slot
        factor, shift = self._exchange
        return {
            "BillingCurrency": self._currency,
            "PricingCurrency": _PRICING_CURRENCY,
            "BillingPeriodStart": instant_text(slot.month.start),
            "BillingPeriodEnd": instant_text(slot.month.end),
            "ProviderName": slot.cloud.provider,
            "InvoiceIssuerName": slot.cloud.issuer,
            "InvoiceId": self._invoice(),
            "x_CurrencyConversionRate": scaled_text(factor, shift),
            "x_ExportTime": instant_text(slot.month.end),
        }

    def _invoice(self) -> str:
        slot = self._making.slot
        return self._making.draws.child("invoice", slot.month.name).fill(slot.cloud.invoice)

    def _invoice_detail(self) -> pa.Array:
        count = len(self._making.items.offers)
        return _take([f"{self._invoice()}-{item:03d}" for item in range(count)], self._rows.item)

    def _instant(self, hours: Ints) -> pa.Array:
        return _take(self._making.slot.month.instants, hours)

    def _quantities(self) -> pa.Array:
        if self._quantity is None:
            decimals = self._making.items.quantity_decimals[self._rows.item]
            self._quantity = scaled_texts(self._rows.quantity, decimals)
        return self._quantity

    def _pricing_quantity(self) -> pa.Array:
        return _only(self._has("PricingUnit"), self._quantities())

    def _consumed_quantity(self) -> pa.Array:
        factor = self._making.items.consumed_factor[self._rows.item]
        decimals = self._making.items.quantity_decimals[self._rows.item]
        changed = factor != 1
        consumed = _replace(
            self._quantities(),
            changed,
            scaled_texts((self._rows.quantity * factor)[changed], decimals[changed]),
        )
        return _only(self._has("ConsumedUnit"), consumed)

    def _has(self, column: str) -> npt.NDArray[np.bool_]:
        """Which charges have a text in a column of the items."""
        filled = np.array([text is not None for text in self._items[column]])
        return filled[self._rows.item]

    def _cost(self, name: str, *, priced: bool = False) -> pa.Array:
        """Costs as text; most rows share one text in all four columns, the rest is made anew."""
        priced = priced and self._exchange[0] != 1
        key = (name, priced)
        if key not in self._money:
            costs = self._costs if priced else self._costs.exchanged(*self._exchange)
            if name == "ContractedCost":
                texts = scaled_texts(costs.values[name], costs.decimals, self._fixed)
            else:
                base = self._cost("ContractedCost", priced=priced)
                texts = self._differing(costs, name, base)
            self._money[key] = texts
        return self._money[key]

    def _differing(self, costs: Costs, name: str, base: pa.Array) -> pa.Array:
        values = costs.values[name]
        changed = values != costs.values["ContractedCost"]
        made = scaled_texts(values[changed], costs.decimals[changed], self._fixed)
        return _replace(base, changed, made)

    def _commitment_texts(self, name: str) -> list[str | None]:
        """By commitment, and null at the end for charges without one."""
        texts: list[str | None] = []
        for one in self._making.inventory.commitments:
            spend = one.kind.category == "Spend"
            unit = self._currency if spend else self._making.items.offers[one.item].unit
            texts.append(
                {
                    "CommitmentDiscountId": one.id,
                    "CommitmentDiscountName": one.name,
                    "CommitmentDiscountCategory": one.kind.category,
                    "CommitmentDiscountType": one.kind.type,
                    "CommitmentDiscountUnit": unit,
                }[name]
            )
        return [*texts, None]

    def _commitment_quantity(self) -> pa.Array:
        """Units for commitments to usage, money for commitments to spend."""
        rows = self._rows
        commitments = self._making.inventory.commitments
        spends = np.array([one.kind.category == "Spend" for one in commitments] + [False])
        spend = spends[rows.commitment]
        purchase = self._has("CommitmentDiscountStatus") == np.False_
        paid = _replace_from(self._cost("EffectiveCost"), purchase, self._cost("BilledCost"))
        return _only(rows.commitment >= 0, _replace_from(self._quantities(), spend, paid))

    def _contract_applied(self) -> pa.Array:
        """Usage of one account is drawn from a contract, at its effective cost."""
        if self._making.slot.cloud.key not in _CONTRACT_CLOUDS:
            return pa.nulls(len(self._rows), pa.string())
        drawn = (self._making.inventory.account[self._rows.resource] == 0) & self._rows.ordinary
        before = '{"Elements": [{"ContractId": "MACC-7", "ContractCommitmentId": "MACC-7-1", '
        before += '"ContractCommitmentAppliedCost": '
        costs = self._cost("EffectiveCost")
        return _only(drawn, pc.binary_join_element_wise(before, costs, "}]}", ""))


def _share_texts(name: str) -> list[str | None]:
    """By part of a split charge, and null at the end for charges that are none."""
    texts: list[str | None] = []
    for share, ratio in zip(_SHARE_NAMES, _SHARE_RATIOS, strict=True):
        method = f'{{"Elements": [{{"AllocatedRatio": {ratio}, "UsageUnit": "vCPU-Hours"}}]}}'
        texts.append(
            {
                "AllocatedMethodId": "cpu-requests",
                "AllocatedMethodDetails": method,
                "AllocatedResourceId": f"namespaces/{share}",
                "AllocatedResourceName": share,
                "AllocatedTags": json.dumps({"namespace": share}),
            }[name]
        )
    return [*texts, None]


def _take(texts: list[str] | list[str | None], positions: Ints) -> pa.Array:
    """Texts by position; -1 is the last one."""
    wrapped = np.where(positions < 0, len(texts) - 1, positions).astype(np.int32)
    return pc.take(pa.array(texts, pa.string()), pa.array(wrapped))


def _only(mask: npt.NDArray[np.bool_], cells: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(mask), cells, pa.scalar(None, pa.string()))


def _replace(cells: pa.Array, mask: npt.NDArray[np.bool_], some: pa.Array) -> pa.Array:
    return pc.replace_with_mask(cells, pa.array(mask), some) if len(some) else cells


def _replace_from(cells: pa.Array, mask: npt.NDArray[np.bool_], other: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(mask), other, cells)
