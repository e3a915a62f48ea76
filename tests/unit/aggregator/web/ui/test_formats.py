"""Figures as people read them; what is not known is not zero."""

from __future__ import annotations

from decimal import Decimal

import pytest

from costwire_aggregator.web.ui import formats
from costwire_aggregator.web.ui.formats import UNKNOWN


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, UNKNOWN),
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (33_512_345_600, "31.2 GiB"),
        (2**40 * 512, "512 TiB"),
        (2**75, "32,768 EiB"),
    ],
)
def test_bytes(count: int | None, text: str) -> None:
    assert formats.of_bytes(count) == text


@pytest.mark.parametrize(
    ("cores", "text"),
    [(None, UNKNOWN), (0, "0"), (0.0425, "42 m"), (1, "1"), (7.52, "7.52"), (1234.5, "1,234")],
)
def test_cores(cores: float | None, text: str) -> None:
    assert formats.of_cores(cores) == text


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [(None, 1, None), (1, None, None), (1, 0, None), (1, 4, 0.25), (5, 4, 1.0), (-1, 4, 0.0)],
)
def test_share(part: float | None, whole: float | None, share: float | None) -> None:
    assert formats.of_share(part, whole) == share


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, UNKNOWN), (5, "5 s"), (119, "119 s"), (180, "3 min"), (9000, "2.5 h")],
)
def test_seconds(seconds: float | None, text: str) -> None:
    assert formats.of_seconds(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, UNKNOWN),
        ("1234.5", "1,234.50"),
        ("0.001", "~0.00"),
        ("-2", "-2.00"),
        ("9.999", "~10.00"),
    ],
)
def test_amount_says_where_it_is_rounded(amount: str | None, text: str) -> None:
    assert formats.of_amount(None if amount is None else Decimal(amount)) == text
