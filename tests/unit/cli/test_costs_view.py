"""What `costwire costs` shows."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from costwire_cli.answering import Block
from costwire_cli.costs_view import costs_lines

AS_OF = {"state": 5, "commit": 5, "delivery": "ab" * 32, "at": "2024-10-03T05:00:00Z"}
HEAD = "charges as of delivery 5 (abababababab, 2024-10-03T05:00:00Z)"


def row(service: str | None, cost: str | None, charges: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "by": {"ServiceName": service},
        "charges": charges,
        "sums": {"BilledCost": cost},
        **more,
    }


def answer(*by: str, **more: Any) -> dict[str, Any]:
    return {"table": "charges", "asOf": AS_OF, "by": list(by), "metrics": ["BilledCost"], **more}


def total(cost: str | None, charges: int) -> dict[str, Any]:
    return {"charges": charges, "sums": {"BilledCost": cost}}


def test_groups_and_their_exact_total() -> None:
    rows = [row("Compute", "12345.678901", 4512), row(None, "10.5"), row("Credits", "-4.25", 2)]
    block = Block("USD", rows, False, total("12351.928901", 4515))
    assert list(costs_lines(answer("ServiceName"), [block], {"from": "2024-09"}, None)) == [
        HEAD,
        "from=2024-09",
        "",
        "USD",
        "ServiceName  charges  BilledCost",
        "-----------  -------  ----------",
        "Compute        4,512  ~12,345.68",
        "NULL               1       10.50",
        "Credits            2       -4.25",
        "-----------  -------  ----------",
        "total          4,515  ~12,351.93",
        "total BilledCost: 12,351.928901 USD",
        "",
        "~ is rounded; totals below a table, --format csv and json are exact",
    ]


def test_groups_that_are_not_shown_are_one_line_and_the_table_adds_up() -> None:
    rows = [row("a", "3", 2), row("b", "0.25")]
    block = Block("USD", rows, True, total("3.1", 7))
    lines = list(costs_lines(answer("ServiceName"), [block], {}, None))
    assert lines[2:] == [
        "USD",
        "ServiceName  charges  BilledCost",
        "-----------  -------  ----------",
        "a                  2        3.00",
        "b                  1        0.25",
        "-----------  -------  ----------",
        "all others         4       -0.15",
        "total              7        3.10",
        "Shown: the largest (2 groups); --limit N shows more.",
        "",
    ]


def test_bars_on_a_terminal_show_either_sign() -> None:
    rows = [row("a", "30"), row("b", "-10")]
    block = Block("USD", rows, False, total("20", 2))
    lines = list(costs_lines(answer("ServiceName"), [block], {}, 80))
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert plain[4].endswith("30.00            ██████████████████████████████")
    assert plain[5].endswith("-10.00  ██████████")
    assert all(len(line) <= 80 for line in plain)


def test_without_groups_each_currency_is_one_exact_line() -> None:
    found = [
        Block("EUR", [], False, total("509.82157125952843", 1604)),
        Block("USD", [], False, total(None, 3)),
    ]
    assert list(costs_lines(answer(), found, {}, None)) == [
        HEAD,
        "",
        "currency  charges          BilledCost",
        "--------  -------  ------------------",
        "EUR         1,604  509.82157125952843",
        "USD             3                NULL",
    ]


def test_converted_sums_stand_beside_with_their_rates() -> None:
    rate = {"month": "2024-09", "from": "USD", "to": "EUR", "rate": "0.9", "source": "our bank"}
    told = {
        "currency": "EUR",
        "total": {"BilledCost": "9.000009"},
        "rates": [{**rate, "frozen": "2024-10-05T00:00:00Z"}],
    }
    rows = [row("a", "10.00001", converted={"BilledCost": "9.000009"})]
    block = Block("USD", rows, False, total("10.00001", 1), {"BilledCost": Decimal("9.000009")})
    lines = list(costs_lines(answer("ServiceName", **{"in": told}), [block], {}, None))
    assert lines[3:] == [
        "ServiceName  charges  BilledCost  BilledCost in EUR",
        "-----------  -------  ----------  -----------------",
        "a                  1      ~10.00              ~9.00",
        "-----------  -------  ----------  -----------------",
        "total              1      ~10.00              ~9.00",
        "total BilledCost: 10.00001 USD, in EUR 9.000009",
        "",
        "~ is rounded; totals below a table, --format csv and json are exact",
        "",
        "total BilledCost of all currencies: 9.000009 EUR",
        "",
        "month    from  to   source    frozen since          rate",
        "-------  ----  ---  --------  --------------------  ----",
        "2024-09  USD   EUR  our bank  2024-10-05T00:00:00Z   0.9",
    ]


def test_before_the_first_delivery_there_is_nothing() -> None:
    none = {"state": 0, "commit": None, "delivery": None, "at": None}
    lines = list(costs_lines({**answer("ServiceName"), "asOf": none}, [], {}, None))
    assert lines == ["charges before the first delivery", "", "no charges"]
