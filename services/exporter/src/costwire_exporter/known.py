"""Which records of a report stood in the one before it, told by their hashes, copies counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costwire_exporter.compose import Positions
from costwire_exporter.errors import NotRevisable
from costwire_focus.readers.record_hashes import RecordHashes


class KnownRecords:
    """The records of the earlier report, each to be taken once: 20 bytes of memory for each."""

    def __init__(self, records: RecordHashes) -> None:
        """Shape (n,), in the order of the samples of the exposition."""
        self._order = np.argsort(records["hash"], kind="stable").astype(np.uint32)
        self._hashes = records["hash"][self._order]
        self._checks = records["check"][self._order]
        begins = np.ones(len(records), np.bool_)
        begins[1:] = self._hashes[1:] != self._hashes[:-1]
        firsts = np.flatnonzero(begins)
        self._left = np.zeros(len(records), np.uint32)
        """At the first of those with the same hash: how many of them are left."""
        self._left[firsts] = np.diff(firsts, append=len(records))

    def take(self, records: RecordHashes) -> NDArray[np.bool_]:
        """Take each of these records that is there and left; which ones were.

        Raises: `NotRevisable` where two different records have the same hash.
        """
        if not len(self._hashes):
            return np.zeros(len(records), np.bool_)
        order = np.argsort(records["hash"], kind="stable")
        wanted = records["hash"][order]
        first = np.searchsorted(self._hashes, wanted)
        first[first == len(self._hashes)] = 0
        is_there = self._hashes[first] == wanted
        if (self._checks[first] != records["check"][order])[is_there].any():
            raise NotRevisable("two of its records have the same hash")
        before = np.arange(len(wanted)) - np.searchsorted(wanted, wanted)
        is_left = is_there & (before < self._left[first])
        places, counts = np.unique(first[is_left], return_counts=True)
        self._left[places] -= counts.astype(np.uint32)
        taken = np.empty(len(records), np.bool_)
        taken[order] = is_left
        return taken

    def left(self) -> Positions:
        """The places of the records that were not taken, growing; of copies the last ones."""
        firsts = np.flatnonzero(self._left)
        counts = self._left[firsts].astype(np.int64)
        ends = np.searchsorted(self._hashes, self._hashes[firsts], side="right")
        behind = np.repeat(ends - np.cumsum(counts), counts)
        return np.sort(self._order[behind + np.arange(len(behind))])


class Followed:
    """Where records of the earlier report, by their hashes, stand in the new one."""

    def __init__(self, hashes: NDArray[np.uint64], most: int) -> None:
        """`most`: how many places of copies are wanted."""
        self._wanted = np.unique(hashes)
        self._most = most
        self._places: dict[int, list[tuple[str, int]]] = {}

    def look(self, records: RecordHashes, file: str, lines: NDArray[np.int64]) -> None:
        """Note where those that are followed stand; `lines`: of these records."""
        for at in np.flatnonzero(np.isin(records["hash"], self._wanted)).tolist():
            places = self._places.setdefault(int(records["hash"][at]), [])
            if len(places) < self._most:
                places.append((file, int(lines[at])))

    def places(self, record: int) -> list[tuple[str, int]]:
        """The first places of a record, in the order of reading."""
        return self._places.get(record, [])
