"""Settling a delivery: verify it, judge it, write what it changes, count what then stands there.

Everything here runs within one transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import duckdb

from costwire_db_handler import decide
from costwire_db_handler.decide import Thresholds, Verdict
from costwire_db_handler.ledger import Refused, Rows, State, balances, settle_sums
from costwire_db_handler.stores.duckdb import deliveries, quarantine, verify, versions
from costwire_db_handler.stores.duckdb.catalog import add_columns, current, ensure_table, history
from costwire_db_handler.stores.duckdb.catalog import source_id as find_source
from costwire_db_handler.stores.duckdb.deliveries import Delivery
from costwire_db_handler.stores.duckdb.incoming import Incoming, KeptIncoming, StagedIncoming
from costwire_db_handler.stores.duckdb.refused import refused_rows, refused_sums
from costwire_db_handler.stores.duckdb.scales import fit
from costwire_db_handler.stores.duckdb.staging import StagedParts
from costwire_db_handler.stores.duckdb.versions import Difference
from costwire_focus.amounts import CostSums
from costwire_focus.columns import columns_of


class Settlement:
    """One delivery being settled."""

    def __init__(
        self,
        sql: duckdb.DuckDBPyConnection,
        delivery: Delivery,
        thresholds: Thresholds,
        now: datetime,
    ) -> None:
        self._sql = sql
        self._delivery = delivery
        self._manifest = delivery.manifest
        self._table = delivery.manifest.table
        self._thresholds = thresholds
        self._now = now
        ensure_table(sql, self._table)
        brought = [column.name for column in self._manifest.columns]
        # What a partial report lacks can be asked for all the same: it is null.
        lacked = columns_of(self._manifest.focus_version).keys() - set(brought)
        self._names = add_columns(sql, self._table, [*brought, *sorted(lacked)])
        self._source = find_source(sql, self._table, self._manifest.source)
        self._refused = Refused()

    def commit(self, staged: StagedParts) -> Delivery:
        """Settle an open delivery whose parts are staged."""
        chosen = fit(self._sql, self._table, self._names, staged)
        refused = quarantine.replace(
            self._sql, self._delivery.commit, "handler", refused_rows(staged, chosen)
        )
        self._refused = Refused.counted(refused, refused_sums(staged, chosen))
        default = verify.default_period(self._manifest)
        incoming = StagedIncoming(staged, self._names, chosen, default)
        incoming.load_keys(self._sql)
        self._verify(staged)
        periods = self._periods()
        difference = self._compare(periods)
        verdict = self._judge(periods, difference)
        if verdict.state in (State.HELD, State.SUPERSEDED):
            return self._set_aside(incoming, periods, verdict)
        return self._make_visible(incoming, periods, difference)

    def accept(self) -> Delivery:
        """Make a delivery that was set aside what readers see, from now on."""
        incoming = KeptIncoming(self._table, self._delivery.commit)
        self._refused = Refused.told_by(self._delivery.entry, self._manifest)
        incoming.load_keys(self._sql)
        periods = self._periods()
        if not periods and not self._manifest.scope.declared:
            periods = self._periods_of_source()
        settled = self._make_visible(incoming, periods, self._compare(periods))
        incoming.remove(self._sql)
        return settled.settled(state=State.COMMITTED, reason=None)

    def repeat(self, earlier: Delivery) -> Delivery:
        """Record that a content arrived again that readers see already."""
        source, commit = self._manifest.source, self._delivery.commit
        deliveries.set_shapes(self._sql, self._table, source, earlier.periods, commit)
        brought = deliveries.get(self._sql, earlier.brought_by)
        self._refused = Refused.told_by(earlier.entry, earlier.manifest)
        shown = replace(
            self._delivery,
            periods=earlier.periods,
            applied=deliveries.next_state(self._sql, commit),
            twin=brought.commit,
        )
        rows, sums = self._count_visible(earlier.periods, brought.applied)
        return self._told(shown, State.UNCHANGED, rows, sums, unchanged=rows)

    def _verify(self, staged: StagedParts) -> None:
        verify.verify_rows(
            self._manifest,
            published=versions.loaded(self._sql) + self._refused.rows,
            quarantined=quarantine.count(self._sql, self._delivery.commit, "exporter"),
        )
        verify.verify_sums(self._manifest, staged)
        verify.verify_scope(self._manifest, staged)

    def _periods(self) -> list[str]:
        return versions.scope_periods(
            self._sql, self._table, self._source, self._manifest.scope.declared
        )

    def _periods_of_source(self) -> list[str]:
        """What an empty report is the new state of: all that its source has shaped."""
        return sorted(deliveries.shapes(self._sql, self._table, self._manifest.source))

    def _compare(self, periods: Sequence[str]) -> Difference:
        if self._manifest.mode == "append":
            return versions.nothing_present(self._sql)
        return versions.compare(self._sql, self._table, self._source, periods)

    def _judge(self, periods: Sequence[str], difference: Difference) -> Verdict:
        """The first reason not to commit that applies."""
        manifest = self._manifest
        replaces = manifest.mode == "replace"
        shapes = deliveries.shapes(self._sql, self._table, manifest.source)
        verdict = None
        if replaces:
            mine = {period: shapes[period] for period in periods if period in shapes}
            settled = [State.COMMITTED, State.UNCHANGED]
            known = bool(deliveries.same_content(self._sql, manifest, settled))
            verdict = decide.late(manifest.generation, manifest.times.read, known, mine)
        if verdict is None and replaces and shapes and not difference.rows:
            verdict = Verdict(State.HELD, "the report is empty")
        if verdict is None and not shapes:
            found = versions.found_elsewhere(self._sql, self._table, self._source)
            verdict = decide.repeats(difference.rows, found, self._thresholds)
        return (
            verdict
            or decide.shrinks(difference.periods, self._thresholds)
            or Verdict(State.COMMITTED)
        )

    def _make_visible(
        self, incoming: Incoming, periods: list[str], difference: Difference
    ) -> Delivery:
        commit, source = self._delivery.commit, self._manifest.source
        number = deliveries.next_state(self._sql, commit)
        versions.apply(self._sql, self._table, incoming, self._source, number)
        self._supersede_held(periods)
        deliveries.set_shapes(self._sql, self._table, source, periods, commit)
        rows, sums = self._count_visible(periods, number)
        changed = bool(difference.added or difference.removed)
        return self._told(
            replace(self._delivery, periods=periods, applied=number),
            State.COMMITTED if changed else State.UNCHANGED,
            rows,
            sums,
            added=difference.added,
            removed=difference.removed,
            corrected=difference.corrected,
            unchanged=difference.unchanged,
        )

    def _set_aside(self, incoming: Incoming, periods: list[str], verdict: Verdict) -> Delivery:
        commit = self._delivery.commit
        versions.keep_unseen(self._sql, self._table, incoming, self._source, commit)
        if verdict.state is State.HELD:
            self._supersede_held(periods, whole=True)
        rows, sums = versions.stored_sums(
            self._sql, history(self._table), "_commit = ? AND _ended = ?", [commit, commit]
        )
        aside = replace(self._delivery, periods=periods)
        return self._told(aside, verdict.state, rows, sums, reason=verdict.reason)

    def _supersede_held(self, periods: Sequence[str], *, whole: bool = False) -> None:
        """Settle what waits for a person, where a newer state of the same source came.

        `whole`: only where that is a newer state of all its periods.
        """
        mine, scope = self._manifest, set(periods)
        if mine.mode == "append":
            return
        reason = f"commit {self._delivery.commit} is a newer state"
        for held in deliveries.in_state(self._sql, State.HELD):
            theirs, covered = held.manifest, set(held.periods)
            same = (theirs.table, theirs.source) == (mine.table, mine.source)
            same = same and theirs.mode == "replace"
            replaced = covered <= scope or (not whole and covered & scope)
            newer = held.commit != self._delivery.commit and theirs.generation <= mine.generation
            if same and replaced and newer:
                deliveries.put(self._sql, held.settled(state=State.SUPERSEDED, reason=reason))

    def _count_visible(self, periods: Sequence[str], number: int | None) -> tuple[int, CostSums]:
        """What readers see of this delivery now: its scope, or what was appended as `number`."""
        if self._manifest.mode == "append":
            where = "_source = ? AND _commit = ?"
            parameters: list[object] = [self._source, number]
        else:
            where = "_source = ? AND list_contains(?, _period)"
            parameters = [self._source, list(periods)]
        return versions.stored_sums(self._sql, current(self._table), where, parameters)

    def _told(
        self,
        delivery: Delivery,
        state: State,
        stored: int,
        sums: CostSums,
        *,
        reason: str | None = None,
        **counts: int,
    ) -> Delivery:
        """The ledger's entry, counted from what is stored."""
        claimed = self._manifest.rows
        rows = Rows(
            read=claimed.read,
            stored=stored,
            quarantined=claimed.quarantined + self._refused.rows,
            **counts,
        )
        lines = settle_sums(self._manifest, sums, self._refused)
        return delivery.settled(
            state=state,
            rows=rows,
            sums=lines,
            balanced=balances(rows, lines),
            reason=reason,
            times=delivery.entry.times.model_copy(update={"committed": self._now}),
        )
