"""Tests of how units are written."""

import polars as pl
import pytest

from costwire_focus.rules.units import is_wrong_unit

RIGHT = (
    *("GB", "KiB", "b", "Mb", "Hours", "Hour", "Requests", "API Requests", "vCPU-Hours"),
    *("GB-Hours", "GB-Seconds", "GiB-Months", "GB/Hour", "Requests/Second", "Days/Month"),
    *("1000 Tokens", "100 Hours", "10 GB", "Units/3 Months", "GB/3 Months", "Hours/3 Days"),
)
WRONG = (
    *("GB Hours", "OCPU Per Hour", "Lambda-GB-Seconds", "Gigabyte Per Hour", "Compute Hours"),
    *("gb", "hours", "Bytes", "GB-Hour", "GB/Hours", "GB/s", "1.5 GB", "0 GB", "Hrs", "TB-Mo"),
    *("Months/1 Day", "1 GB/Month", "10K Requests", " GB", "GB ", "GB*Hours", "-"),
)


@pytest.mark.parametrize("unit", RIGHT)
def test_units_as_focus_writes_them_are_right(unit):
    assert is_wrong_unit(pl.Series([unit])).to_list() == [False]


@pytest.mark.parametrize("unit", WRONG)
def test_other_spellings_are_advised_against(unit):
    assert is_wrong_unit(pl.Series([unit])).to_list() == [True]
