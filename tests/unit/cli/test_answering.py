"""Answers in pages: asked to their end, and as many groups of each currency as are wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from costwire_cli.answering import Rows, blocks, moment, moment_in_words, write_document

NOW = datetime(2024, 10, 1, 0, 30, tzinfo=UTC)


class Handler:
    """Answers like `GET /costs` out of a list of rows, and notes what it was asked."""

    def __init__(self, *rows: tuple[str, str], rate: str | None = None) -> None:
        self.rows = [{"currency": code, "sums": {"BilledCost": cost}} for code, cost in rows]
        self.rate = rate
        self.asked: list[Mapping[str, str]] = []

    def __call__(self, params: Mapping[str, str]) -> dict[str, Any]:
        self.asked.append(params)
        only = params.get("currency")
        rows = [dict(row) for row in self.rows if only in (None, row["currency"])]
        start, limit = int(params.get("offset", 0)), int(params["limit"])
        following = {**params, "as_of": "7", "offset": start + limit}
        page: dict[str, Any] = {
            "metrics": ["BilledCost"],
            "rows": rows[start : start + limit],
            "totals": {row["currency"]: {"charges": 1} for row in rows},
            "next": f"/costs?{urlencode(following)}" if start + limit < len(rows) else None,
        }
        if self.rate is not None:
            for row in rows:
                row["converted"] = {"BilledCost": row["sums"]["BilledCost"]}
            total = sum(Decimal(row["sums"]["BilledCost"]) for row in rows)
            page["in"] = {"total": {"BilledCost": str(total)}}
        return page


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (None, ""),
        ("today", "2024-10-01"),
        ("Yesterday", "2024-09-30"),
        ("-7d", "2024-09-24"),
        ("-0d", "2024-10-01"),
        ("12", "12"),
        (" 2024-09 ", "2024-09"),
        ("deadbeef", "deadbeef"),
    ],
)
def test_words_for_days_become_days_in_utc(said: str | None, means: str) -> None:
    assert moment(said, NOW) == means


def test_rows_follow_the_pages_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costwire_cli.answering.PAGE_ROWS", 2)
    handler = Handler(*[("USD", str(n)) for n in range(5)])
    rows = Rows(handler, {"by": "a,b"})
    assert [row["sums"]["BilledCost"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert rows.complete
    assert [dict(each) for each in handler.asked[1:]] == [
        {"by": "a,b", "limit": "2", "as_of": "7", "offset": offset} for offset in ("2", "4")
    ]


@pytest.mark.parametrize(("most", "complete"), [(1, False), (3, False), (5, True), (9, True)])
def test_no_more_rows_than_wanted(
    monkeypatch: pytest.MonkeyPatch, most: int, complete: bool
) -> None:
    monkeypatch.setattr("costwire_cli.answering.PAGE_ROWS", 2)
    rows = Rows(Handler(*[("USD", str(n)) for n in range(5)]), {}, most)
    assert len(list(rows)) == min(most, 5)
    assert rows.complete is complete


@pytest.mark.parametrize("rows", [[], [("USD", "1")], [("EUR", "1"), ("USD", "2")]])
def test_document_of_all_pages_is_json(
    capsys: pytest.CaptureFixture[str], rows: list[tuple[str, str]]
) -> None:
    handler = Handler(*rows)
    write_document(Rows(handler, {}))
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == handler.rows
    assert told["complete"] is True
    assert "next" not in told


def test_each_currency_has_its_largest_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costwire_cli.answering._FIRST_ROWS", 4)
    many = [("CHF", "1"), *[("EUR", str(n)) for n in range(9)], ("USD", "5"), ("USD", "4")]
    handler = Handler(*many)
    _, found = blocks(handler, {"by": "x"}, 2)
    assert [(b.currency, len(b.rows), b.more) for b in found] == [
        ("CHF", 1, False),
        ("EUR", 2, True),
        ("USD", 2, False),
    ]
    assert [(each.get("currency"), each.get("as_of")) for each in handler.asked] == [
        (None, None),
        ("EUR", "7"),
        ("USD", "7"),
    ]
    assert "offset" not in handler.asked[1]


@pytest.mark.parametrize("most", [1, 2, 50])
def test_converted_total_of_a_currency_is_over_all_its_groups(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("costwire_cli.answering._FIRST_ROWS", 2)
    handler = Handler(("EUR", "0.1"), ("USD", "0.2"), ("USD", "0.3"), ("USD", "0.4"), rate="1")
    _, found = blocks(handler, {}, most)
    assert [b.converted for b in found] == [
        {"BilledCost": Decimal("0.1")},
        {"BilledCost": Decimal("0.9")},
    ]


def test_a_moment_tells_delivery_and_time() -> None:
    told = {"state": 3, "commit": 4, "delivery": "ab" * 32, "at": "2024-09-03T05:00:00.250Z"}
    assert moment_in_words(told) == "delivery 4 (abababababab, 2024-09-03T05:00:00.250Z)"
    none = {"state": 0, "commit": None, "delivery": None, "at": None}
    assert moment_in_words(none) == "before the first delivery"
