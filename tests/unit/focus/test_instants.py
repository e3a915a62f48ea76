from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus import instants
from costwire_focus.canonical import to_text


def value_of(text, dates=None):
    (value,) = instants.parse(pa.array([text]), dates).values.to_pylist()
    return value


def mask(array, length=1):
    return array.to_pylist() if array is not None else [False] * length


def utc(*parts):
    """A moment in UTC without saying so, as a store holds it."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


NOON = utc(2024, 9, 1, 12, 30)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-09-01T12:30:00Z", NOON),
        ("2024-09-01 12:30:00Z", NOON),
        ("2024-09-01t12:30:00z", NOON),
        ("2024-09-01 12:30:00", NOON),
        ("2024-09-01 12:30:00 UTC", NOON),
        ("2024-09-01T12:30", NOON),
        ("2024-09-01T12:30Z", NOON),
        ("2024-09-01T12:30:00+00:00", NOON),
        ("2024-09-01T14:30:00+02:00", NOON),
        ("2024-09-01T14:30:00+0200", NOON),
        ("2024-09-01T14:30:00+02", NOON),
        ("2024-09-01T18:00:00 +05:30", NOON),
        ("2024-08-31T22:30:00-14:00", NOON),
        ("2024-09-01T08:45:00-03:45", NOON),
        ("2024-09-01T12:30:00.5Z", NOON.replace(microsecond=500_000)),
        ("2024-09-01T12:30:00.123Z", NOON.replace(microsecond=123_000)),
        ("2024-09-01T12:30:00.123999999Z", NOON.replace(microsecond=123_000)),
        ("2024-09-01", NOON.replace(hour=0, minute=0)),
        ("2024-09-01Z", NOON.replace(hour=0, minute=0)),
        ("2024-02-29", utc(2024, 2, 29)),
        ("2024-01-01T00:00:00+01:00", utc(2023, 12, 31, 23)),
        ("0001-01-01T00:00:00Z", utc(1, 1, 1)),
        ("9999-12-31T23:59:59Z", utc(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_a_form_that_providers_send_is_read(text, value):
    read = instants.parse(pa.array([text]))
    assert read.values.type == pa.timestamp("ms")
    assert read.values.to_pylist() == [value]
    assert read.unreadable is None


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "x", "2024", "2024-09", "20240901", "2024-09-01T", "2024-9-1", "1725193800"],
        *["2024-02-30", "2023-02-29", "2024-13-01", "2024-00-01", "2024-09-00", "2024-09-31"],
        *["2024-09-01T24:00:00Z", "2024-09-01T23:60:00Z", "2024-09-01T23:59:60Z"],
        *["2024-09-01T12:30:00.Z", "2024-09-01T12:30:00,5Z", "2024-09-01T12Z"],
        *["2024-09-01T12:30:00+24:00", "2024-09-01T12:30:00+02:60", "2024-09-01T12:30:00+2"],
        *["2024-09-01T12:30:00 CET", "2024-09-01T12:30:00ZZ", " 2024-09-01", "2024-09-01\n"],
        *["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
        *[
            "\uff19\uff19\uff19\uff19-01-01",
            "2024-09-01T12:30:00\u200bZ",
            "9/1/24",
            "01.09.2024",
            "Sep 1, 2024",
        ],
    ],
)
def test_what_is_no_instant_is_unreadable_and_null(text):
    read = instants.parse(pa.array(["2024-09-01T00:00:00Z", text, None]))
    assert read.values.is_null().to_pylist() == [False, True, True]
    assert mask(read.unreadable) == [False, True, False]


def test_only_focus_form_is_focus_form():
    texts = ["2024-09-01T00:00:00Z", "2024-09-01T00:00:00", "2024-09-01", "x", None]
    texts += ["2024-09-01T00:00:00.0Z", "2024-09-01T00:00:00+00:00", "2024-09-01t00:00:00Z"]
    read = instants.parse(pa.array(texts))
    assert mask(read.not_focus) == [False, True, True, False, False, True, True, True]


def test_digits_that_were_cut_are_told():
    texts = ["2024-09-01T00:00:00.123Z", "2024-09-01T00:00:00.123000Z", None]
    texts += ["2024-09-01T00:00:00.1230001Z", "2024-02-30T00:00:00.1230001Z"]
    assert mask(instants.parse(pa.array(texts)).finer) == [False, False, False, True, False]


def test_masks_are_none_where_there_is_nothing_to_say():
    read = instants.parse(pa.array(["2024-09-01T00:00:00Z", None]))
    assert (read.unreadable, read.not_focus, read.finer) == (None, None, None)


@pytest.mark.parametrize("cells", [[], [None], [None, None]])
@pytest.mark.parametrize("dates", [None, "mdy", "dmy"])
def test_nothing_to_read_is_nothing(cells, dates):
    read = instants.parse(pa.array(cells, pa.string()), dates)
    assert read.values.to_pylist() == cells
    assert read.unreadable is None


def test_chunks_are_read_as_one_column():
    read = instants.parse(pa.chunked_array([["2024-09-01"], ["x"]]))
    assert mask(read.unreadable) == [False, True]


@pytest.mark.parametrize(
    ("text", "mdy", "dmy"),
    [
        ("9/1/24", utc(2024, 9, 1), utc(2024, 1, 9)),
        ("09/01/2024", utc(2024, 9, 1), utc(2024, 1, 9)),
        ("9/1/2024 13:05", utc(2024, 9, 1, 13, 5), utc(2024, 1, 9, 13, 5)),
        ("9/1/24 1:05:09", utc(2024, 9, 1, 1, 5, 9), utc(2024, 1, 9, 1, 5, 9)),
        ("31/12/24", None, utc(2024, 12, 31)),
        ("12/31/24", utc(2024, 12, 31), None),
        ("2/30/24", None, None),
        ("9/1/24 24:00", None, None),
        ("9/1/124", None, None),
        ("2024-09-01T00:00:00Z", utc(2024, 9, 1), utc(2024, 9, 1)),
    ],
)
def test_slashed_dates_are_read_only_in_the_order_told(text, mdy, dmy):
    assert value_of(text, "mdy") == mdy
    assert value_of(text, "dmy") == dmy
    if "/" in text:
        assert value_of(text) is None


offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=utc(2, 1, 1),
    max_value=utc(9998, 12, 31),
    timezones=offsets,
)


@given(st.lists(moments, max_size=5), st.sampled_from(["T", " "]))
def test_any_moment_is_read_as_python_reads_it(values, separator):
    texts = [value.isoformat(separator) for value in values]
    expected = [
        value.astimezone(UTC).replace(tzinfo=None, microsecond=value.microsecond // 1000 * 1000)
        for value in values
    ]
    read = instants.parse(pa.array(texts, pa.string()))
    assert read.values.to_pylist() == expected
    assert mask(read.finer, len(values)) == [value.microsecond % 1000 > 0 for value in values]


@given(moments)
def test_an_instant_s_text_is_read_back(value):
    whole = value.replace(microsecond=value.microsecond // 1000 * 1000)
    read = value_of(to_text(value))
    assert read.replace(tzinfo=UTC) == whole


@given(st.text("0123456789-T:Z+./ ", max_size=25))
def test_any_text_is_read_or_unreadable(text):
    read = instants.parse(pa.array([text]), "mdy")
    assert mask(read.unreadable) == [read.values.to_pylist() == [None]]
