"""Tests of canonical texts and of exact arithmetic on single values."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.canonical import canonical_text, multiply, to_text

NOON = datetime(2024, 9, 1, 12, 30, tzinfo=UTC)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**29), max_value=10**29))
def test_canonical_text_is_the_same_amount_without_ornament(value):
    text = canonical_text(value)
    assert Decimal(text) == value
    assert re.fullmatch(r"0|-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", text)


@given(st.decimals("-1e29", "1e29", places=38), st.integers(0, 10**7))
def test_a_product_is_exact(value, count):
    numerator, denominator = value.as_integer_ratio()
    product = multiply(value, count).as_integer_ratio()
    assert product[0] * denominator == numerator * count * product[1]


def test_milliseconds_are_written_only_where_there_are_any():
    assert to_text(NOON) == "2024-09-01T12:30:00Z"
    assert to_text(NOON.replace(microsecond=5_999)) == "2024-09-01T12:30:00.005Z"


def test_printing_a_value_loads_no_other_library():
    program = (
        "import sys, costwire_focus.canonical; "
        "print({'polars', 'pyarrow', 'numpy'} & sys.modules.keys() or '')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b""
