"""Whatever text an exporter answers: samples, or a refusal; never another error."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from tests.support.fuzz import FUZZED, Mutation, mutated, mutations

from costwire_focus.errors import Unreadable
from costwire_focus.exposition.parse import Parser

TEXT = b"""\
# HELP billed_cost BilledCost of each charge.
# TYPE billed_cost gauge
billed_cost{BilledCost="1.5",ServiceName="a \\"b\\" \\\\ c\\nd",Tags="{}"} 1.5
billed_cost{ServiceName="Storage",} NaN 1727740800000
up 1
http_request_duration_seconds_bucket{le="+Inf",path="/a,b}"} 1e+06
# costwire end samples=4
"""
CHANGES = mutations(
    *(b'"', b"\\", b"\n", b"{", b"}", b",", b"=", b" ", b"\xff", b"\0", b"#", b'a="b",', b"\r"),
    *(b'"} 1\n', b"\xf0\x9f", b"x" * 300, b"\\\n", b'\\"', b'{"'),
)


def assert_parsed_or_refused(block: bytes) -> None:
    with suppress(Unreadable):
        samples = Parser().samples(block)
        assert samples.labels.num_rows in (0, len(samples.values))  # 0: none of them has labels
        assert len(samples.families) == len(samples.values) <= block.count(b"\n")


@FUZZED
@given(CHANGES)
def test_damaged_text_of_any_exporter_is_read_or_refused(changes: list[Mutation]) -> None:
    assert_parsed_or_refused(mutated(TEXT, changes))


@FUZZED
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"{text}\n".encode()))
def test_any_bytes_are_read_or_refused(block: bytes) -> None:
    assert_parsed_or_refused(block)
