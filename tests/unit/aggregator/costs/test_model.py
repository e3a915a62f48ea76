"""Periods: billing months."""

from __future__ import annotations

import pytest

from costwire_aggregator.costs.errors import BadPeriod
from costwire_aggregator.costs.model import Period


@pytest.mark.parametrize(
    ("text", "following"), [("2026-10", "2026-11"), ("2026-12", "2027-01"), ("2999-12", "3000-01")]
)
def test_month_ends_where_the_next_one_begins(text: str, following: str) -> None:
    assert Period.read(text) == (text, following)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "2026-1", "2026-10-01", "9999-12"]
)
def test_what_is_no_billing_month_is_refused(text: str) -> None:
    with pytest.raises(BadPeriod, match="give a billing month such as 2026-10"):
        Period.read(text)
