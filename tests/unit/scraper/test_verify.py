"""Holding what was decoded against its manifest."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from costwire_focus.manifest import Manifest
from costwire_scraper.verify import Tally, differences

TEXT = b"billed_cost{...} 1\n"


def a_manifest(**changes: Any) -> Manifest:
    told = {
        "id": "0" * 64,
        "table": "charges",
        "source": "s",
        "generation": datetime(2024, 9, 1, tzinfo=UTC),
        "focusVersion": "1.0",
        "columns": [],
        "rows": {"read": 2, "published": 2, "quarantined": 0},
        "sums": {
            "USD": {
                "BilledCost": {"read": "1.50", "published": "1.50", "quarantined": "0"},
                "ListCost": None,
            }
        },
        "exposition": {
            "samples": 2,
            "bytes": len(TEXT),
            "sha256": hashlib.sha256(TEXT).hexdigest(),
            "renderer": 1,
        },
        "times": {"read": datetime(2024, 9, 1, tzinfo=UTC)},
    }
    return Manifest.model_validate(told | changes)


def a_tally(*costs: str, currency: str = "USD", text: bytes = TEXT) -> Tally:
    tally = Tally()
    tally.add_text(text)
    tally.add_charges(
        pa.table({"BilledCost": list(costs), "BillingCurrency": [currency] * len(costs)})
    )
    return tally


def found(tally: Tally, manifest: Manifest) -> list[str]:
    return differences(tally, manifest.exposition, manifest.published_sums())


def test_equal_values_in_other_spellings_are_equal() -> None:
    assert found(a_tally("1", "5E-1"), a_manifest()) == []


@pytest.mark.parametrize(
    ("tally", "what"),
    [
        (a_tally("1", "0.5000000000000000000000001"), "BilledCost in USD"),
        (a_tally("1", "0.5", currency="EUR"), "BilledCost in EUR"),
        (a_tally("1.5"), "1 samples instead of 2"),
        (a_tally("1", "0.5", text=TEXT + b"#"), "bytes"),
        (a_tally("1", "0.5", text=TEXT.upper()), "checksum"),
    ],
    ids=["a digit", "a currency", "a sample", "a byte", "a letter"],
)
def test_every_difference_is_named(tally: Tally, what: str) -> None:
    assert what in "; ".join(found(tally, a_manifest()))


def test_currency_of_quarantined_rows_alone_may_be_absent() -> None:
    nothing = {"read": "3", "published": "0", "quarantined": "3"}
    sums = {
        "USD": {"BilledCost": {"read": "1.5", "published": "1.5", "quarantined": "0"}},
        "CHF": {"BilledCost": nothing},
    }
    assert found(a_tally("1", "0.5"), a_manifest(sums=sums)) == []


def test_sums_that_are_not_told_are_not_compared() -> None:
    assert differences(a_tally("7", "8"), a_manifest().exposition) == []
