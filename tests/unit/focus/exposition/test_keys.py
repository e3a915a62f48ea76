import numpy as np
import pytest

from costwire_focus.errors import Unreadable
from costwire_focus.exposition.keys import NameKeys


def a_block(names):
    """The names one after the other: the block's words and bytes, and where each name stands."""
    block = "=".join(["", *names, ""]).encode() + bytes(16)
    lengths = np.array([len(name.encode()) for name in names], dtype=np.int64)
    starts = np.cumsum(lengths + 1) - lengths
    words = np.ndarray((len(block) - 7,), dtype="<u8", buffer=block, strides=(1,))
    return words, np.frombuffer(block, np.uint8), starts, starts + lengths


def find(keys, names):
    return keys.find(*a_block(names)).tolist()


def test_known_names_have_their_numbers():
    keys = NameKeys(["BilledCost", "b", "ServiceName"])
    assert find(keys, ["ServiceName", "b", "BilledCost", "b"]) == [2, 1, 0, 1]


def test_unknown_names_become_known_in_the_order_in_which_they_come():
    keys = NameKeys(["a"])
    assert find(keys, ["c", "a", "b", "c"]) == [1, 0, 2, 1]
    assert keys.names == ["a", "c", "b"]
    assert find(keys, ["b", "c"]) == [2, 1]


def test_names_alike_in_first_and_last_bytes_and_length_are_told_apart():
    names = [f"x_prefix_{n:03d}_the_same_suffix" for n in range(300)]
    keys = NameKeys(names)
    words, _, starts, ends = a_block(names[::-1])
    assert keys._look_up(words, starts, ends - starts).tolist() == list(range(300))[::-1]


def test_names_alike_are_learnt_like_any_other():
    names = [f"x_prefix_{n:03d}_the_same_suffix" for n in range(40)]
    keys = NameKeys(names[:1])
    assert find(keys, names * 3) == list(range(40)) * 3
    assert find(keys, names) == list(range(40))


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 300])
def test_a_name_is_compared_to_its_last_byte(length):
    name = "a" * length
    keys = NameKeys([name])
    assert find(keys, ["b" + name[1:], name, name[:-1] + "b", name + "a"])[1] == 0
    assert find(keys, [name[:-1] + "b"]) != [0]


def test_a_long_unknown_name_beside_a_short_known_one():
    keys = NameKeys(["a"])
    assert find(keys, ["x" * 300, "a"]) == [1, 0]


def test_thousands_of_names_need_little_memory():
    names = [f"label_{n}" for n in range(5_000)]
    keys = NameKeys(names)
    assert keys._table.nbytes <= 1 << 20
    assert find(keys, names) == list(range(5_000))


def test_no_names_at_all():
    keys = NameKeys()
    assert find(keys, []) == []
    assert find(keys, ["a"]) == [0]


def test_what_is_no_label_name_is_refused():
    with pytest.raises(Unreadable, match="is no label name"):
        find(NameKeys(["a"]), ["a b"])
