"""Records that an earlier report has: each is known once, copies counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_exporter.errors import NotRevisable
from costwire_exporter.known import Followed, KnownRecords
from costwire_focus.readers.record_hashes import RECORD, RecordHashes

some = st.lists(st.integers(0, 12), max_size=40)


def records(hashes: list[int], check: int = 0) -> RecordHashes:
    found = np.zeros(len(hashes), RECORD)
    found["hash"] = hashes
    found["check"] = found["hash"] + check
    return found


@given(some, some, st.integers(0, 40))
def test_known_is_what_was_there_and_left_is_what_did_not_come(
    old: list[int], new: list[int], cut: int
) -> None:
    known = KnownRecords(records(old))
    taken = [*known.take(records(new[:cut])), *known.take(records(new[cut:]))]
    there, expected = Counter(old), []
    for record in new:
        expected.append(there[record] > 0)
        there[record] -= there[record] > 0
    assert taken == expected
    left = []
    for record, count in there.items():
        places = [at for at, each in enumerate(old) if each == record]
        left += places[len(places) - count :]
    assert known.left().tolist() == sorted(left)


def test_records_of_one_hash_that_differ_are_not_taken_for_one_another() -> None:
    with pytest.raises(NotRevisable, match="the same hash"):
        KnownRecords(records([1, 2])).take(records([2], check=1))


def test_places_of_a_record_are_those_of_its_first_copies() -> None:
    followed = Followed(np.array([7], np.uint64), most=2)
    followed.look(records([7, 8, 7]), "a.csv", np.array([2, 3, 4]))
    followed.look(records([7]), "b.csv", np.array([2]))
    assert followed.places(7) == [("a.csv", 2), ("a.csv", 4)]
    assert followed.places(8) == []
