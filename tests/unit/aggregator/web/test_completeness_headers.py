"""Headers of completeness: of any name of an upstream one line of ASCII."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.completeness import Completeness, MetricReport, UpstreamReport
from costwire_aggregator.upstreams.outcomes import State
from costwire_aggregator.web.completeness import completeness_headers


def missing(name: str) -> str:
    report = UpstreamReport(name, [MetricReport("m", State.LATE, 0, None)], None, 0, 0.0)
    return completeness_headers(Completeness(0.0, [report]))["Costwire-Missing"]


def test_name_that_is_no_line_of_ascii_is_escaped() -> None:
    assert missing("north\n") == r"north\n (late)"
    assert missing("süd ☃") == r"s\xfcd \u2603 (late)"


@given(st.text(min_size=1, max_size=100))
def test_header_is_one_line_of_ascii_whatever_the_name_is(name: str) -> None:
    header = missing(name)
    assert header.isascii()
    assert header.isprintable()
