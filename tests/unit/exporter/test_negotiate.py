"""What a request's headers ask for."""

import pytest

from costwire_exporter.negotiate import choose_encoding, is_known


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("identity;q=1, gzip;q=0.5", "identity"),
        ("*", "zstd"),
        ("zstd;q=0, *;q=0.5", "gzip"),
        ("br, deflate", "identity"),
        ("GZIP;Q=0.5", "gzip"),
        ("gzip;q=rubbish", "identity"),
        ("gzip;q=0, identity;q=0", "identity"),
    ],
)
def test_encoding_with_the_highest_weight_is_chosen(accept: str | None, chosen: str) -> None:
    assert choose_encoding(accept) == chosen


def test_encoding_that_is_not_offered_is_not_chosen() -> None:
    assert choose_encoding("zstd, gzip;q=0.1", ("gzip", "identity")) == "gzip"


@pytest.mark.parametrize("header", ['"a"', '"b", "a"', 'W/"a"', "*"])
def test_answer_that_the_client_holds_is_known(header: str) -> None:
    assert is_known(header, '"a"')


@pytest.mark.parametrize("header", [None, "", '"b"', "a"])
def test_any_other_answer_is_not_known(header: str | None) -> None:
    assert not is_known(header, '"a"')
