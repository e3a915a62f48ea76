"""What the questions of the catalogue must answer: added up from the reports' texts, in decimal."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from tests.support.question_estate import Row, question_rows

Values = dict[str, str]
Measure = Callable[[list[Row]], Any]
_TERM = re.compile(r"(\w+) (ASC|DESC) NULLS LAST,?")
_INSTANTS = {"BillingPeriodStart", "BillingPeriodEnd", "day"}
PERIOD, CURRENCY, PROVIDER = "BillingPeriodStart", "BillingCurrency", "ProviderName"


def order_told(sql: str) -> list[tuple[str, str]] | list[str]:
    """The last ORDER BY: columns and directions, or `place` alone where rows are ranked."""
    terms = _TERM.findall(sql.rpartition("ORDER BY")[2])
    return ["place"] if "place" in dict(terms) else [(name.lower(), way) for name, way in terms]


def sort_key(row: dict[str, Any], order: Iterable[Any]) -> tuple[Any, ...]:
    """Sorts rows as told, nulls last."""
    return tuple(_side(row[name], way == "DESC") for name, way in order)


def _side(cell: Any, falling: bool) -> tuple[bool, Any]:
    if cell is None:
        return True, 0
    if isinstance(cell, str):
        return False, cell.encode()
    return False, -cell if falling else cell


def amount(column: str, keep: Callable[[Row], bool] = lambda row: True) -> Measure:
    """The sum of a column; null where there is nothing to add."""

    def total(rows: list[Row]) -> Decimal | None:
        cells = [Decimal(row[column] or 0) for row in rows if row.get(column) and keep(row)]
        return sum(cells, Decimal(0)) if cells else None

    return total


def or_zero(measure: Measure) -> Measure:
    """A sum that is zero where there is nothing to add."""
    return lambda rows: measure(rows) or Decimal(0)


def percent(over: Any, under: Any) -> Decimal | None:
    """A percentage, rounded half even to 4 decimals (by fractions, unlike the catalogue)."""
    if over is None or not under:
        return None
    return Decimal(round(Fraction(over) * 100 / Fraction(under) * 10_000)) / 10_000


def ratio(over: Any, under: Any) -> Decimal | None:
    """A quotient of 12 significant digits."""
    return None if over is None or not under else Context(prec=12).divide(over, under)


def grouped(
    keep: Callable[[Row], bool], keys: Sequence[str | Callable[[Row], Any]], *measures: Measure
) -> list[list[Any]]:
    """A row for each combination of keys, in no order."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in question_rows():
        if keep(row):
            cells = (key(row) if callable(key) else _cell(row, key) for key in keys)
            groups[tuple(cells)].append(row)
    return [[*key, *(measure(rows) for measure in measures)] for key, rows in groups.items()]


def ordered(rows: list[list[Any]], *by: int) -> list[list[Any]]:
    """By these columns, a negative number falls (-1 is the first); then by all others."""
    first = [(abs(column) - 1, column < 0) for column in by]
    rest = [(column, False) for column in range(len(rows[0])) if column not in dict(first)]
    return sorted(rows, key=lambda row: [_side(row[at], falls) for at, falls in [*first, *rest]])


def _cell(row: Row, name: str) -> Any:
    cell = row.get(name)
    return milliseconds(cell) if name in _INSTANTS and cell else cell


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def day(row: Row) -> int:
    start = datetime.fromisoformat(str(row["ChargePeriodStart"])).astimezone(UTC)
    return int(start.replace(hour=0, minute=0, second=0).timestamp() * 1000)


def tag(key: str) -> Callable[[Row], str | None]:
    """The text of a tag."""

    def told(row: Row) -> str | None:
        value = json.loads(row.get("Tags") or "{}").get(key)
        return value if value is None or isinstance(value, str) else json.dumps(value)

    return told


def of_month(values: Values) -> Callable[[Row], bool]:
    return lambda row: str(row[PERIOD]).startswith(values["month"])


def of_year(values: Values) -> Callable[[Row], bool]:
    return lambda row: values["from"] <= str(row[PERIOD])[:7] <= values["to"]


def also(keep: Callable[[Row], bool], **cells: str | None) -> Callable[[Row], bool]:
    return lambda row: keep(row) and all(row.get(name) == cell for name, cell in cells.items())


BILLED, EFFECTIVE, LIST = amount("BilledCost"), amount("EffectiveCost"), amount("ListCost")
CONTRACTED, QUANTITY = amount("ContractedCost"), amount("PricingQuantity")


def provider_month(values: Values) -> list[list[Any]]:
    keys = (PERIOD, "BillingPeriodEnd", PROVIDER, CURRENCY)
    return ordered(grouped(of_year(values), keys, BILLED, EFFECTIVE))


def invoice(values: Values) -> list[list[Any]]:
    keys = ("InvoiceIssuerName", "InvoiceId", PERIOD, CURRENCY)
    return ordered(grouped(of_year(values), keys, len, BILLED))


def service_month(values: Values) -> list[list[Any]]:
    keys = (PERIOD, PROVIDER, "ServiceName", CURRENCY)
    return ordered(grouped(of_year(values), keys, EFFECTIVE), 1, 4, -5)


def charge_category(values: Values) -> list[list[Any]]:
    keys = (PROVIDER, "ChargeCategory", "ChargeClass", "ChargeFrequency", CURRENCY)
    return ordered(grouped(of_month(values), keys, len, BILLED, EFFECTIVE))


def corrections(values: Values) -> list[list[Any]]:
    keys = (PERIOD, PROVIDER, "BillingAccountId", "ChargeCategory", "ServiceCategory")
    keep = also(of_year(values), ChargeClass="Correction")
    return ordered(grouped(keep, (*keys, "ServiceName", CURRENCY), len, BILLED))


def unused(values: Values) -> list[list[Any]]:
    keys = (PERIOD, PROVIDER, "BillingAccountId", "CommitmentDiscountId", "CommitmentDiscountType")
    keep = also(of_year(values), CommitmentDiscountStatus="Unused")
    return ordered(grouped(keep, (*keys, CURRENCY), len, EFFECTIVE), 6, -8)


def utilization(values: Values) -> list[list[Any]]:
    names = ("CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountType")
    rows = grouped(
        lambda row: of_year(values)(row) and row["CommitmentDiscountStatus"] is not None,
        (PERIOD, PROVIDER, *names, CURRENCY),
        or_zero(amount("EffectiveCost", lambda row: row["CommitmentDiscountStatus"] == "Used")),
        or_zero(amount("EffectiveCost", lambda row: row["CommitmentDiscountStatus"] == "Unused")),
        EFFECTIVE,
    )
    return ordered([[*row, percent(row[6], row[8])] for row in rows])


def coverage(values: Values) -> list[list[Any]]:
    usage = also(of_month(values), ChargeCategory="Usage")
    rows = grouped(
        lambda row: usage(row) and row["CommitmentDiscountStatus"] != "Unused",
        (PROVIDER, "ServiceName", CURRENCY),
        or_zero(amount("ContractedCost", lambda row: row["CommitmentDiscountStatus"] == "Used")),
        CONTRACTED,
    )
    return ordered([[*row, percent(row[3], row[4])] for row in rows], 3, -4)


def tag_coverage(values: Values) -> list[list[Any]]:
    has = tag(values["tag"])
    rows = grouped(
        lambda row: of_month(values)(row) and Decimal(row["EffectiveCost"] or 0) > 0,
        (PROVIDER, CURRENCY),
        or_zero(amount("EffectiveCost", lambda row: has(row) is not None)),
        EFFECTIVE,
    )
    return ordered([[*row, percent(row[2], row[3])] for row in rows])


def tag_month(values: Values) -> list[list[Any]]:
    keys = (PERIOD, "BillingPeriodEnd", PROVIDER, tag(values["tag"]), CURRENCY)
    return ordered(grouped(of_year(values), keys, BILLED))


def untagged(values: Values) -> list[list[Any]]:
    usage, has = also(of_month(values), ChargeCategory="Usage"), tag(values["tag"])
    keys = (PROVIDER, "ServiceName", CURRENCY)
    return ordered(
        grouped(lambda row: usage(row) and has(row) is None, keys, len, EFFECTIVE), 3, -5
    )


def against_month_before(values: Values) -> list[list[Any]]:
    assert values["month"] == "2024-10"
    after = or_zero(amount("EffectiveCost", of_month({"month": "2024-10"})))
    before = or_zero(amount("EffectiveCost", of_month({"month": "2024-09"})))
    rows = grouped(
        of_year({"from": "2024-09", "to": "2024-10"}),
        (PROVIDER, "ServiceName", CURRENCY),
        before,
        after,
        lambda some: after(some) - before(some),
    )
    return ordered([[*row, percent(row[5], row[3])] for row in rows], 3, -6)


def savings(values: Values) -> list[list[Any]]:
    rows = grouped(
        also(of_month(values), ChargeCategory="Usage"),
        (PROVIDER, "ServiceName", CURRENCY),
        CONTRACTED,
        EFFECTIVE,
        lambda some: CONTRACTED(some) - EFFECTIVE(some),
    )
    return ordered([[*row, percent(row[5], row[3])] for row in rows], 3, -6)


def provider_savings(values: Values) -> list[list[Any]]:
    rows = grouped(
        also(of_year(values), ChargeCategory="Usage"),
        (PERIOD, PROVIDER, CURRENCY),
        LIST,
        CONTRACTED,
        EFFECTIVE,
        lambda some: LIST(some) - EFFECTIVE(some),
    )
    return ordered([[*row, percent(row[6], row[3])] for row in rows])


def unused_capacity(values: Values) -> list[list[Any]]:
    keys = (PERIOD, PROVIDER, "BillingAccountId", "CapacityReservationId", CURRENCY)
    keep = also(of_year(values), CapacityReservationStatus="Unused")
    return ordered(grouped(keep, keys, len, BILLED, EFFECTIVE), 5, -8)


def credits_bought(values: Values) -> list[list[Any]]:
    keys = (PERIOD, PROVIDER, "PublisherName", "ChargeDescription", "PricingUnit", CURRENCY)
    keep = also(of_year(values), ChargeCategory="Purchase", PricingUnit=values["unit"])
    rows = grouped(keep, keys, QUANTITY, BILLED)
    return ordered([[*row, ratio(row[7], row[6])] for row in rows])


def credits_used(values: Values) -> list[list[Any]]:
    keep = also(of_year(values), ChargeCategory="Usage", PricingCurrency=values["currency"])
    keys = (PERIOD, PROVIDER, "PricingCurrency")
    return ordered(grouped(keep, keys, amount("PricingCurrencyEffectiveCost")))


def _current(values: Values) -> Callable[[Row], bool]:
    """Of the month, and not a charge of an earlier one."""
    keep = of_month(values)
    return lambda row: keep(row) and str(row["ChargePeriodStart"]) >= str(row[PERIOD])


def daily(values: Values) -> list[list[Any]]:
    return ordered(grouped(_current(values), (day, PROVIDER, "SubAccountId", CURRENCY), EFFECTIVE))


def standing_out(values: Values) -> list[list[Any]]:
    usage = also(_current(values), ChargeCategory="Usage")
    rows = grouped(usage, (day, PROVIDER, "RegionId", "ServiceName", CURRENCY), EFFECTIVE)
    series: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
    for row in rows:
        series[tuple(row[1:5])].append(row[5])
    found = []
    for row in rows:
        costs = series[tuple(row[1:5])]
        product, total = row[5] * len(costs), sum(costs)
        if row[5] > 0 and product >= total * int(values["times"]):
            found.append([*row, total, len(costs), product, ratio(product, total)])
    return ordered(found)


def top_resources(values: Values) -> list[list[Any]]:
    keys = (PROVIDER, "ServiceName", "ResourceId", "ResourceName", "ResourceType", CURRENCY)
    keep = of_month(values)
    rows = grouped(lambda row: keep(row) and row["ResourceId"] is not None, keys, EFFECTIVE)
    return _first(ordered(rows, 6, -7), 5, int(values["most"]))


def more_used(values: Values) -> list[list[Any]]:
    assert values["month"] == "2024-10"
    after = or_zero(amount("ConsumedQuantity", of_month({"month": "2024-10"})))
    before = or_zero(amount("ConsumedQuantity", of_month({"month": "2024-09"})))
    usage = also(of_year({"from": "2024-09", "to": "2024-10"}), ChargeCategory="Usage")
    rows = grouped(
        lambda row: usage(row) and row["ConsumedQuantity"] is not None,
        (PROVIDER, "ServiceName", "ResourceId", "SkuId", "ConsumedUnit"),
        before,
        after,
        lambda some: after(some) - before(some),
    )
    first = _first(ordered(rows, 5, -8), 4, int(values["most"]))
    return [[*row, percent(row[7], row[5])] for row in first]


def _first(rows: list[list[Any]], of: int, most: int) -> list[list[Any]]:
    seen: dict[Any, int] = defaultdict(int)
    kept = []
    for row in rows:
        seen[row[of]] += 1
        if seen[row[of]] <= most:
            kept.append(row)
    return kept


def split_cost(values: Values) -> list[list[Any]]:
    keep = of_month(values)
    keys = (PROVIDER, "ServiceName", "ResourceId", "AllocatedMethodId", "AllocatedResourceId")
    rows = grouped(
        lambda row: keep(row) and row.get("AllocatedMethodId") is not None,
        (*keys, "AllocatedResourceName", CURRENCY),
        len,
        EFFECTIVE,
    )
    return ordered(rows)


def unit_cost(values: Values) -> list[list[Any]]:
    usage = also(of_month(values), ChargeCategory="Usage")
    rows = grouped(
        lambda row: usage(row) and row["ConsumedUnit"] is not None,
        (PROVIDER, "ServiceName", "ConsumedUnit", CURRENCY),
        amount("ConsumedQuantity"),
        EFFECTIVE,
    )
    return ordered([[*row, ratio(row[5], row[4])] for row in rows])


def budget(values: Values) -> list[list[Any]]:
    keep = also(_current(values), ChargeCategory="Usage", SubAccountId=values["sub_account"])
    keys = (PROVIDER, "SubAccountId", "SubAccountName", CURRENCY)
    rows = grouped(keep, keys, BILLED)
    return ordered([[*row, Decimal(values["budget"]) - row[4]] for row in rows])


TRUTHS: dict[str, Callable[[Values], list[list[Any]]]] = {
    "billed-cost-by-invoice": invoice,
    "billed-cost-by-tag-and-month": tag_month,
    "capacity-reservations-unused": unused_capacity,
    "commitment-coverage-by-service": coverage,
    "commitment-unused": unused,
    "commitment-utilization": utilization,
    "corrections-by-service": corrections,
    "cost-by-charge-category": charge_category,
    "cost-by-provider-and-month": provider_month,
    "cost-by-service-and-month": service_month,
    "daily-cost-by-sub-account": daily,
    "days-above-average": standing_out,
    "effective-vs-contracted-savings": savings,
    "savings-by-provider-and-month": provider_savings,
    "service-cost-against-month-before": against_month_before,
    "split-cost-by-receiver": split_cost,
    "sub-account-cost-against-budget": budget,
    "tag-coverage-by-provider": tag_coverage,
    "top-resources": top_resources,
    "unit-cost-by-service": unit_cost,
    "untagged-cost-by-service": untagged,
    "usage-against-month-before": more_used,
    "virtual-currency-purchases": credits_bought,
    "virtual-currency-use": credits_used,
}
