"""Tests of which charges lie outside the declared months."""

from datetime import datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.manifest import month_of
from costwire_focus.rules.rule import INSTANT
from costwire_focus.rules.scope import outside

EPOCH = datetime.fromisoformat("1970-01-01T00:00")
INSTANTS = st.integers(1_720_000_000, 1_732_000_000).map(lambda s: EPOCH + timedelta(seconds=s))


@given(INSTANTS, st.none() | st.integers(-5, 90))
def test_a_billing_period_is_the_month_that_the_manifest_takes_it_for(start, days):
    end = start + timedelta(days=days) if days is not None else None
    cells = {
        f"BillingPeriodStart{INSTANT}": _milliseconds(start),
        f"BillingPeriodEnd{INSTANT}": _milliseconds(end),
    }
    assert bool(outside(cells, ["2024-09"])) == (month_of(start, end) != "2024-09")


def _milliseconds(instant):
    value = None if instant is None else (instant - EPOCH) // timedelta(milliseconds=1)
    return pl.Series([value], dtype=pl.Int64)
