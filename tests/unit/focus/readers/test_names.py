from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.own_rules import COLUMN_BLANKS, COLUMN_REPEATED, COLUMN_UNNAMED
from costwire_focus.readers.names import unique_names


def test_names_that_differ_stay_as_they_are():
    remarks = {}
    assert unique_names(["a", "A", "a b", "ä"], remarks) == ["a", "A", "a b", "ä"]
    assert remarks == {}


def test_a_repeated_name_gets_the_next_free_number():
    remarks = {}
    assert unique_names(["a", "a", "a_2", "a"], remarks) == ["a", "a_3", "a_2", "a_4"]
    assert remarks == {COLUMN_REPEATED: "the header names 'a' twice; the second is called 'a_3'"}


def test_a_column_without_a_name_is_called_by_its_place():
    remarks = {}
    assert unique_names(["", "b", ""], remarks) == ["column_1", "b", "column_3"]
    assert remarks == {
        COLUMN_UNNAMED: "column 1 has no name in the header; it is called 'column_1'"
    }


def test_a_column_without_a_name_takes_no_other_column_s_name():
    assert unique_names(["", "column_1"], {}) == ["column_1_2", "column_1"]


def test_blanks_are_taken_off_around_a_name_and_stay_within_however_many_there_are():
    remarks = {}
    within = f"Billed{' ' * 1_000_000}Cost"
    assert unique_names([f"\ufeff\t {within}\u200b\u00a0 "], remarks) == [within]
    assert list(remarks) == [COLUMN_BLANKS]


@given(st.lists(st.sampled_from(["", "a", "a_2", "a_3", "column_1", "column_2", "b"]), max_size=9))
def test_each_name_is_given_once_and_the_first_bearer_keeps_it(cells):
    names = unique_names(cells, {})
    assert len(set(names)) == len(names) == len(cells)
    for cell in set(cells) - {""}:
        assert names[cells.index(cell)] == cell
