"""Text of other exporters: any families, labels as they come."""

import pyarrow as pa
import pytest

from costwire_focus.errors import Unreadable
from costwire_focus.exposition import parse
from costwire_focus.exposition.parse import Parser


def test_families_labels_and_values_are_those_of_each_line():
    samples = Parser().samples(
        b"# TYPE up gauge\n"
        b"up 1\n"
        b'cost{a="x",b="y"} 2.5 1725193815000\n'
        b'cost{b="z",} NaN\n'
        b"empty{} +Inf\n"
        b"late 3 1725193815000\n"
    )
    assert samples.families.to_pylist() == ["up", "cost", "cost", "empty", "late"]
    assert samples.values.to_pylist() == [
        "1",
        "2.5 1725193815000",
        "NaN",
        "+Inf",
        "3 1725193815000",
    ]
    assert samples.labels == pa.table(
        {"a": [None, "x", None, None, None], "b": [None, "y", "z", None, None]}
    )


def test_an_empty_label_is_absent():
    assert Parser().samples(b'cost{a="",b="y"} 1\n').labels.to_pylist() == [{"a": None, "b": "y"}]


def test_labels_of_later_blocks_come_after_those_of_earlier_ones():
    parser = Parser()
    parser.samples(b'cost{b="1"} 1\n')
    assert parser.samples(b'cost{a="1"} 1\n').labels.column_names == ["b", "a"]


def test_samples_without_any_label_are_still_counted():
    samples = Parser().samples(b"up 1\ndown 0\n")
    assert samples.families.to_pylist() == ["up", "down"]


def test_an_unknown_escape_stays_as_it_is():
    assert Parser().samples(b'cost{a="\\t\\\\t"} 1\n').labels.to_pylist() == [{"a": "\\t\\t"}]


def test_samples_with_the_same_labels_in_another_order_are_read_alike():
    lines = b'cost{a="1",b="2"} 1\ncost{b="2",a="1"} 1\n' * 3
    assert Parser().samples(lines).labels.to_pylist() == [{"a": "1", "b": "2"}] * 6


def test_runs_of_backslashes_end_where_their_value_does():
    lines = b"".join(b'cost{a="%s",b="%s"} 1\n' % (b"\\" * n, b"\\" * 2) for n in range(0, 12, 2))
    read = Parser().samples(lines).labels.to_pylist()
    assert read == [{"a": "\\" * n or None, "b": "\\"} for n in range(6)]


@pytest.mark.parametrize("samples", [9, 40_000], ids=["few", "many"])
def test_each_label_has_a_dictionary_of_its_own_values(samples):
    sample = b'billed_cost{a="%d",b="%d",c="x"} 1\n'
    lines = b"".join(sample % (n, n % 3) for n in range(samples))
    labels = Parser().charges(lines, {"a": "a", "b": "b", "c": "c"})
    assert [sorted(labels[name].chunk(0).dictionary.to_pylist()) for name in "abc"] == [
        sorted(map(str, range(samples))),
        ["0", "1", "2"],
        ["x"],
    ]
    assert labels.to_pylist() == [{"a": str(n), "b": str(n % 3), "c": "x"} for n in range(samples)]


def test_a_block_larger_than_its_positions_is_refused(monkeypatch):
    monkeypatch.setattr(parse, "_MOST_BYTES", 10)
    with pytest.raises(Unreadable, match="larger than 10 bytes"):
        Parser().samples(b"cost{} 123\n")


def test_the_line_that_is_broken_is_told():
    with pytest.raises(Unreadable, match="stands twice") as caught:
        Parser().samples(b'up 1\ncost{a="1"} 1\ncost{a="1",a="2"} 1\n')
    assert caught.value.line == 3


@pytest.mark.parametrize("line", [b'two words{a="1"} 1\n', b"1up 1\n", b'{a="1"} 1\n', b" up 1\n"])
def test_what_is_no_metric_s_name_is_refused(line):
    with pytest.raises(Unreadable):
        Parser().samples(line)


def test_a_line_end_within_a_value_is_refused():
    with pytest.raises(Unreadable, match="a line ends within a label's value"):
        Parser().samples(b'cost{a="1\nx "} 2\n')


@pytest.mark.parametrize("label", [b" a", b"a b", b"a-b", b"1a", b"a\n", b"\xc3\xa9"])
def test_what_is_no_label_s_name_is_refused(label):
    with pytest.raises(Unreadable):
        Parser().samples(b"cost{" + label + b'="1"} 1\n')


def test_labels_without_end_are_refused():
    block = b"".join(b'cost{label_%d="1"} 1\n' % n for n in range(10_001))
    with pytest.raises(Unreadable, match="more than 10000 labels"):
        Parser().samples(block)
