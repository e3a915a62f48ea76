import pytest

from costwire_focus.errors import Unreadable
from costwire_focus.exposition import patterns as patterns_module
from costwire_focus.exposition.patterns import Patterns


def find(patterns, names):
    """The numbers of names, each in a sample of its own."""
    return [patterns.read(b'cost{%s="",} ' % name.encode()).labels[0] for name in names]


def test_known_names_have_their_numbers():
    patterns = Patterns(["BilledCost", "b", "ServiceName"])
    assert find(patterns, ["ServiceName", "b", "BilledCost", "b"]) == [2, 1, 0, 1]


def test_unknown_names_become_known_in_the_order_in_which_they_come():
    patterns = Patterns(["a"])
    assert find(patterns, ["c", "a", "b", "c"]) == [1, 0, 2, 1]
    assert patterns.names == ["a", "c", "b"]
    assert find(patterns, ["b", "c"]) == [2, 1]


def test_names_alike_are_told_apart():
    names = [f"x_prefix_{n:03d}_the_same_suffix" for n in range(300)]
    assert find(Patterns(names), names[::-1]) == list(range(300))[::-1]
    patterns = Patterns(names[:1])
    assert find(patterns, names * 2) == list(range(300)) * 2


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 300])
def test_a_name_is_compared_to_its_last_byte(length):
    name = "a" * length
    patterns = Patterns([name])
    assert find(patterns, ["b" + name[1:], name, name[:-1] + "b", name + "a"])[1] == 0
    assert find(patterns, [name[:-1] + "b"]) != [0]


def test_thousands_of_names_are_told_apart():
    names = [f"label_{n}" for n in range(5_000)]
    assert find(Patterns(names), names) == list(range(5_000))


@pytest.mark.parametrize("text", [b"cost ", b"cost{} "])
def test_no_names_at_all(text):
    read = Patterns(["a"]).read(text)
    assert (read.family, len(read.labels)) == ("cost", 0)


def test_labels_stand_in_any_order_with_and_without_a_last_comma():
    patterns = Patterns(["a", "b"])
    assert patterns.read(b'cost{b="",a="",} ').labels.tolist() == [1, 0]
    assert patterns.read(b'cost{b="",a=""} ').labels.tolist() == [1, 0]


def test_patterns_beyond_those_remembered_are_read_again(monkeypatch):
    monkeypatch.setattr(patterns_module, "_MOST_PATTERNS", 3)
    patterns = Patterns()
    names = [f"label_{n}" for n in range(10)]
    assert find(patterns, names * 2) == list(range(10)) * 2
    assert len(patterns._known) <= 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'cost{a b="",} ', id="blank in a name"),
        pytest.param(b'cost{="",} ', id="no name"),
        pytest.param(b'cost{a="",b} ', id="no value"),
        pytest.param(b'cost{a=""b="",} ', id="no comma"),
        pytest.param(b'cost{a="",,} ', id="two commas"),
        pytest.param(b'cost{,a="",} ', id="a comma before"),
        pytest.param(b"cost{,} ", id="a comma alone"),
        pytest.param(b'cost{a="", b="",} ', id="blank after a comma"),
        pytest.param(b'cost{a="",} } ', id="two braces"),
        pytest.param(b'cost{{a="",} ', id="two opening braces"),
        pytest.param(b'cost{a="", ', id="no closing brace"),
        pytest.param(b'cost{a\\"="",} ', id="an escaped quote in a name"),
        pytest.param(b'cost{a="",a="",} ', id="a name twice"),
        pytest.param(b'1cost{a="",} ', id="no family"),
        pytest.param(b"\nup ", id="a line end before"),
    ],
)
def test_what_is_no_sample_is_refused(text):
    with pytest.raises(Unreadable):
        Patterns(["a", "b"]).read(text)


def test_a_wanted_name_that_no_label_can_have_is_never_found():
    with pytest.raises(Unreadable):
        Patterns(['a=""b', "c"]).read(b'cost{a=""b="",} ')
