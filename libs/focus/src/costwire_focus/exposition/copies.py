"""Which charges are copies of an earlier one, over all blocks of a delivery."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST_RUN = 1 << 20


class CopyCounter:
    """How many rows like this one came before it, over all blocks of a delivery.

    Rows are compared by a 64-bit hash, 8 bytes a row: two rows that only share a hash get
    different numbers for nothing, which does no harm; two identical rows always get them.
    """

    def __init__(self, runs: Iterable[NDArray[np.uint64]] = ()) -> None:
        """`runs`: those of an earlier count, to go on with."""
        self._runs = list(runs)

    @property
    def runs(self) -> Sequence[NDArray[np.uint64]]:
        """The hashes of all rows, in sorted runs."""
        return self._runs

    def count(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """For each row, by its hash, the number of identical rows before it."""
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        within = np.arange(len(ordered)) - np.searchsorted(ordered, ordered, side="left")
        earlier = np.zeros(len(ordered), dtype=np.int64)
        for run in self._runs:
            first = np.searchsorted(run, ordered, side="left")
            known = np.flatnonzero(run[np.minimum(first, len(run) - 1)] == ordered)
            after = np.searchsorted(run, ordered[known], side="right")
            earlier[known] += after - first[known]
        counts = np.empty(len(ordered), dtype=np.int64)
        counts[order] = within + earlier
        self._add(ordered)
        return counts

    def _add(self, run: NDArray[np.uint64]) -> None:
        """Keep few sorted runs: one joins the last as long as it is no smaller than half of it.

        Joining takes three times a run's memory for a moment, so runs stay below a size.
        """
        while (
            self._runs
            and len(self._runs[-1]) <= 2 * len(run)
            and len(self._runs[-1]) + len(run) <= _LONGEST_RUN
        ):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")
        if len(run):
            self._runs.append(run)
