"""Remembers which key went with which value, in bounded memory, over all rows of a report."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import IO, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from costwire_focus.errors import FocusError
from costwire_focus.rules.relations import Relation
from costwire_focus.rules.rule import Rule

MOST_PAIRS: Final = 250_000
"""Kept in memory for one relation; more are put on disk. 24 bytes each."""

MOST_ROWS: Final = 100_000
"""Known again by their hashes, 8 bytes each."""

_FEW_ROWS: Final = 1_000
"""Fewer wait for others: comparing takes as long for one."""

_PLACE: Final = "!place"
_PARTITIONS: Final = 64
_SHIFT: Final = 64 - 6
_NO_VALUE: Final = pl.lit(0, pl.UInt64)
PAIR: Final = np.dtype([("key", "<u8"), ("value", "<u8"), ("place", "<i8")])
"""A key and its value by their hashes, 0 for none, and where they were met first."""


@dataclass(frozen=True)
class Conflicts:
    """The keys of a relation that have several values, and where the second ones first stand.

    Keys without the one value that they should have are among them, where they first stand.
    """

    keys: int
    places: list[int]


class RowPairs:
    """The pairs of all relations; a row that is like an earlier one says nothing new.

    `most`: how many rows are known again, by 64 bits each; beyond, all are forgotten.
    """

    def __init__(
        self,
        relations: Iterable[Relation],
        *,
        most: int = MOST_ROWS,
        met: Mapping[str, NDArray[np.void]] | None = None,
    ) -> None:
        """`met`: what an earlier report's `met` gave, as though its rows were this one's."""
        before = met or {}
        self._pairs = {each: Pairs(each, met=before.get(each.rule.id)) for each in relations}
        self._most = most
        self._met = np.empty(0, np.uint64)
        self._relations: Sequence[Relation] = ()
        self._schema = pl.Schema()
        self._waiting: list[tuple[str | int | None, ...]] = []

    def add(self, relations: Sequence[Relation], frame: pl.DataFrame, places: pl.Series) -> None:
        """Note a batch that has the columns of these relations, and of no others."""
        asked = frozenset[str]().union(*(relation.asks for relation in relations))
        rows = frame.select(name for name in frame.columns if name in asked)
        if not rows.width:
            return
        hashes, firsts = np.unique(rows.hash_rows().to_numpy(), return_index=True)
        rows = rows.with_columns(places.alias(_PLACE))
        if rows.schema != self._schema:
            self._compare_waiting()
            self._relations, self._schema, self._met = relations, rows.schema, self._met[:0]
        elif len(self._met) > self._most:
            self._met = self._met[:0]
        new = np.sort(firsts[~np.isin(hashes, self._met, assume_unique=True)])
        if not len(new):
            return
        self._met = np.union1d(self._met, hashes)
        if len(self._waiting) + len(new) < _FEW_ROWS:
            self._waiting += rows[new].rows()  # a frame would keep all texts of its batch
        else:
            self._compare_waiting()
            self._compare(rows[new])

    def _compare_waiting(self) -> None:
        if self._waiting:
            self._compare(pl.DataFrame(self._waiting, self._schema, orient="row"))
            self._waiting = []

    def _compare(self, rows: pl.DataFrame) -> None:
        for relation in self._relations:
            self._pairs[relation].add(rows, rows[_PLACE])

    def met(self) -> dict[str, NDArray[np.void]] | None:
        """The pairs of all relations by the id of the rule, None where they are too many.

        Shape (n,): `PAIR`. Of a relation in which each key must have a value, keys may be without.
        """
        self._compare_waiting()
        found = {relation.rule.id: pairs.met() for relation, pairs in self._pairs.items()}
        known = {rule: met for rule, met in found.items() if met is not None}
        return known if len(known) == len(found) else None

    def conflicts(self, most_places: int) -> Iterator[tuple[Rule, Conflicts]]:
        """Of each relation, what was found so far; more batches may follow."""
        self._compare_waiting()
        for relation, pairs in self._pairs.items():
            yield relation.rule, pairs.conflicts(most_places)


class Pairs:
    """The distinct pairs of one relation.

    Texts are told apart by 64 bits: of ten million keys, two are mixed up once in 370,000 reports.
    `most`: how many pairs are held in memory; beyond, they are kept in a temporary file.
    """

    def __init__(
        self, relation: Relation, most: int = MOST_PAIRS, *, met: NDArray[np.void] | None = None
    ) -> None:
        self._relation = relation
        self._speaks = relation.speaks()
        self._most = most
        self._fresh: list[pl.DataFrame] = []
        self._fresh_rows = 0
        self._known = pl.DataFrame(schema=_SCHEMA) if met is None else _frame(met)
        self._spilt: IO[bytes] | None = None
        self._runs: list[list[tuple[int, int]]] = [[] for _ in range(_PARTITIONS)]

    def add(self, frame: pl.DataFrame, places: pl.Series) -> None:
        """Note a batch; `places` tell each row, growing in the order of reading."""
        if frame[self._relation.key[0]].null_count() == frame.height:
            return
        names = list(self._relation.key)
        if self._relation.provider in frame.columns:
            names.append(self._relation.provider)
        seen = (
            frame.lazy()
            .select(
                self._speaks.alias("speaks"),
                key=reduce(xor, (pl.col(name).hash(seed) for seed, name in enumerate(names))),
                value=pl.when(pl.col(self._relation.value).is_null())
                .then(_NO_VALUE)
                .otherwise(pl.col(self._relation.value).hash()),
                place=places,
            )
            .filter("speaks")
            .select("key", "value", "place")
            .unique(("key", "value"), keep="first", maintain_order=True)
            .collect()
        )
        self._fresh.append(seen)
        self._fresh_rows += seen.height
        if self._fresh_rows > max(self._known.height, self._most // 8):
            self._compact()

    def met(self) -> NDArray[np.void] | None:
        """The pairs, None where they do not fit into memory."""
        self._compact()
        return _array(self._known) if self._spilt is None else None

    def conflicts(self, most_places: int) -> Conflicts:
        """What was found so far; more batches may follow."""
        self._compact()
        keys = 0
        places: list[int] = []
        for part in self._partitions():
            firsts = part.group_by("key", "value").agg(pl.col("place").min())
            said = pl.col("value") != _NO_VALUE
            broken = (
                firsts.group_by("key")
                .agg(
                    second=pl.col("place").filter(said).sort().get(1, null_on_oob=True),
                    without=pl.when(~said.any()).then(pl.col("place").min()),
                )
                .select(place=pl.coalesce("second", "without"))
                .drop_nulls()
            )
            keys += broken.height
            places = sorted([*places, *broken["place"].sort().head(most_places)])[:most_places]
        return Conflicts(keys, places)

    def _compact(self) -> None:
        frames = [self._known, *self._fresh]
        self._known = pl.concat(frames).unique(("key", "value"), keep="first", maintain_order=True)
        self._fresh, self._fresh_rows = [], 0
        if self._known.height > self._most:
            self._spill()

    def _spill(self) -> None:
        """Append what is known to the file, by partition of the key."""
        parted = self._known.with_columns(part=pl.col("key") // (1 << _SHIFT)).sort("part")
        pairs = _array(parted)
        try:
            if self._spilt is None:
                self._spilt = tempfile.TemporaryFile(prefix="costwire-pairs-")  # noqa: SIM115
                weakref.finalize(self, self._spilt.close)
            start = self._spilt.seek(0, 2)
            self._spilt.write(pairs.tobytes())
        except OSError as error:
            raise FocusError(
                f"compare rows in {tempfile.gettempdir()}: {error.strerror}; "
                "free space there or name another folder with TMPDIR"
            ) from error
        for part, rows in parted.group_by("part", maintain_order=True).len().iter_rows():
            self._runs[part].append((start, rows))
            start += rows * PAIR.itemsize
        self._known = self._known.clear()

    def _partitions(self) -> Iterator[pl.DataFrame]:
        """All that is known, in pieces that no key straddles."""
        if self._spilt is None:
            yield self._known
            return
        parts = self._known.with_columns(part=pl.col("key") // (1 << _SHIFT))
        for part, runs in enumerate(self._runs):
            frames = [parts.filter(pl.col("part") == part).drop("part")]
            for start, rows in runs:
                self._spilt.seek(start)
                pairs = np.frombuffer(self._spilt.read(rows * PAIR.itemsize), PAIR)
                frames.append(_frame(pairs))
            yield pl.concat(frames)


def _array(pairs: pl.DataFrame) -> NDArray[np.void]:
    found = np.empty(pairs.height, PAIR)
    for name in _SCHEMA:
        found[name] = pairs[name].to_numpy()
    return found


def _frame(pairs: NDArray[np.void]) -> pl.DataFrame:
    return pl.DataFrame({name: pairs[name].copy() for name in _SCHEMA})


_SCHEMA: Final = {"key": pl.UInt64, "value": pl.UInt64, "place": pl.Int64}
