"""Exchange rates in CrateDB: each row is changed under its sequence number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from costwire_db_handler.answers.rates import Pair, Rate, differ, merged
from costwire_db_handler.errors import StoreBusy
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import DuplicateKey

_TRIES = 5
_OF_READERS = "SELECT 1 FROM costwire.tables LIMIT 0"
"""What CrateDB refuses to those who may not read: readers have no privilege on the rates."""


class _Version(NamedTuple):
    seq_no: int
    primary_term: int


class CrateDBRates:
    """Where the rates are kept."""

    def __init__(self, own: Session, caller: Session) -> None:
        """Whoever reads charges may read rates, and their use freezes them for the handler.

        A caller's rights change them.
        """
        self._own = own
        self._caller = caller

    def list(self) -> Sequence[Rate]:
        """All rates, in order; for whoever has a reader's privileges."""
        self._caller.execute(_OF_READERS)
        return [rate for rate, _ in self._all()]

    def put(self, rates: Sequence[Rate]) -> int:
        """Keep rates, instead of earlier ones; how many changed. Raises `RateFrozen`."""
        for _ in range(_TRIES):
            found = {rate.pair: (rate, version) for rate, version in self._all()}
            changed = merged({pair: rate for pair, (rate, _) in found.items()}, rates)
            versions = {pair: version for pair, (_, version) in found.items()}
            if all([_write(self._caller, rate, versions.get(rate.pair)) for rate in changed]):
                return len(changed)
        raise StoreBusy("change rates: others change them at the same time; try again")

    def freeze(self, rates: Sequence[Rate]) -> bool:
        """Freeze rates that were used; False where one has become another since."""
        found = {rate.pair: (rate, version) for rate, version in self._all()}
        for rate in rates:
            known, version = found[rate.pair]
            if differ(known, rate):
                return False
            if known.frozen is None and not _write(self._own, rate, version):
                return False
        return True

    def _all(self) -> Sequence[tuple[Rate, _Version]]:
        self._own.execute("REFRESH TABLE costwire.rates")
        rows = self._own.execute(
            "SELECT _seq_no, _primary_term, month, base, target, rate, source, frozen "
            "FROM costwire.rates ORDER BY month, base, target LIMIT 1000000"
        ).rows
        return [
            (Rate(Pair(*pair), Decimal(rate), source, _instant(frozen)), _Version(seq_no, term))
            for seq_no, term, *pair, rate, source, frozen in rows
        ]


def _write(session: Session, rate: Rate, version: _Version | None) -> bool:
    """Write one rate; False where another was written at the same time."""
    frozen = None if rate.frozen is None else int(rate.frozen.timestamp() * 1000)
    values = [str(rate.rate), rate.source, frozen]
    if version is None:
        try:
            session.execute(
                "INSERT INTO costwire.rates (rate, source, frozen, month, base, target) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [*values, *rate.pair],
            )
        except DuplicateKey:
            return False
        return True
    changed = session.execute(
        "UPDATE costwire.rates SET rate = ?, source = ?, frozen = ? WHERE month = ? AND base = ? "
        "AND target = ? AND _seq_no = ? AND _primary_term = ?",
        [*values, *rate.pair, *version],
    )
    return changed.rowcount == 1


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
