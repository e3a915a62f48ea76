"""Settling a delivery: verify it, judge it, write what it changes, count what then stands there.

Everything here runs within one transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import duckdb
import pyarrow as pa

from costwire_db_handler import decide
from costwire_db_handler.decide import Thresholds, Verdict
from costwire_db_handler.errors import Unbalanced
from costwire_db_handler.ledger import Rows, State, balances, settle_sums
from costwire_db_handler.stores.duckdb import deliveries, quarantine, versions
from costwire_db_handler.stores.duckdb.catalog import add_columns, current, ensure_table, history
from costwire_db_handler.stores.duckdb.catalog import source_id as find_source
from costwire_db_handler.stores.duckdb.deliveries import Delivery
from costwire_db_handler.stores.duckdb.incoming import Incoming, KeptIncoming, StagedIncoming
from costwire_db_handler.stores.duckdb.prepare import CELL
from costwire_db_handler.stores.duckdb.refused import refused_rows
from costwire_db_handler.stores.duckdb.scales import fit
from costwire_db_handler.stores.duckdb.staging import Staging
from costwire_db_handler.stores.duckdb.versions import Difference
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.manifest import Manifest


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
        self._names = add_columns(sql, self._table, [c.name for c in self._manifest.columns])
        self._source = find_source(sql, self._table, self._manifest.source)
        self._refused = CostSums()
        self._refused_rows = 0

    def commit(self, staging: Staging) -> Delivery:
        """Settle an open delivery whose parts are staged."""
        chosen = fit(self._sql, self._table, self._names, staging)
        refused = refused_rows(staging, chosen)
        quarantine.replace(self._sql, self._delivery.commit, "handler", refused.rows)
        self._refused, self._refused_rows = refused.sums, len(refused.rows)
        incoming = StagedIncoming(staging, self._names, chosen)
        incoming.load_keys(self._sql)
        self._verify(staging)
        periods = self._periods()
        difference = self._compare(periods)
        verdict = self._judge(periods, difference)
        if verdict.state in (State.HELD, State.SUPERSEDED):
            return self._set_aside(incoming, verdict)
        return self._make_visible(incoming, periods, difference, self._delivery.commit)

    def accept(self) -> Delivery:
        """Make a delivery that was set aside what readers see, from now on."""
        commit = self._delivery.commit
        incoming = KeptIncoming(self._table, commit)
        self._refused_rows = quarantine.count(self._sql, commit, "handler")
        incoming.load_keys(self._sql)
        periods = self._periods() or self._periods_of_source()
        difference = self._compare(periods)
        number = deliveries.next_number(self._sql)
        settled = self._make_visible(incoming, periods, difference, number)
        incoming.remove(self._sql)
        return settled.settled(state=State.COMMITTED, reason=None)

    def repeat(self, earlier: Delivery) -> Delivery:
        """Record that a content arrived again that readers see already."""
        deliveries.set_shapes(
            self._sql, self._table, self._manifest.source, earlier.periods, self._delivery.commit
        )
        shown = replace(self._delivery, periods=earlier.periods, applied=earlier.applied)
        self._refused_rows = quarantine.count(self._sql, earlier.commit, "handler")
        rows, sums = self._count_visible(earlier.periods, earlier.applied or earlier.commit)
        return self._told(shown, State.UNCHANGED, rows, sums, unchanged=rows)

    def _verify(self, staging: Staging) -> None:
        """What is staged is what the manifest says, in rows and in every sum."""
        claimed = self._manifest.rows
        told = quarantine.count(self._sql, self._delivery.commit, "exporter")
        staged = self._count("incoming") + self._refused_rows
        if staged != claimed.published:
            raise Unbalanced(f"{staged} charges arrived where the manifest has {claimed.published}")
        if told != claimed.quarantined:
            raise Unbalanced(
                f"{told} quarantined rows arrived where the manifest has {claimed.quarantined}"
            )
        sums = CostSums()
        for part in staging.read([CELL + name for name in (*COST_COLUMNS, "BillingCurrency")]):
            sums.add_typed(part.rename_columns([n.removeprefix(CELL) for n in part.column_names]))
        for row in staging.refused():
            sums.add(pa.table({name: [cell] for name, cell in row.items()}))
        self._verify_sums(sums)

    def _verify_sums(self, sums: CostSums) -> None:
        arrived = sums.to_json()
        for currency in sorted({*arrived, *self._manifest.sums}):
            lines = self._manifest.sums.get(currency, {})
            for column in COST_COLUMNS:
                line = lines.get(column)
                there = arrived.get(currency, {}).get(column) or "0"
                if there != (line.published if line else "0"):
                    raise Unbalanced(
                        f"the sum of {column} in {currency} arrived as {there}, "
                        f"the manifest has {line.published if line else 'none'}"
                    )

    def _count(self, relation: str) -> int:
        return int(self._sql.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])

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
        manifest = self._manifest
        shapes = deliveries.shapes(self._sql, self._table, manifest.source)
        mine = {period: shapes[period] for period in periods if period in shapes}
        known = deliveries.same_content(self._sql, manifest, [State.COMMITTED, State.UNCHANGED])
        verdict = None
        if manifest.mode == "replace":
            verdict = decide.late(manifest.generation, manifest.times.read, bool(known), mine)
        if verdict is None and not difference.rows and shapes:
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
        self, incoming: Incoming, periods: list[str], difference: Difference, number: int
    ) -> Delivery:
        versions.apply(self._sql, self._table, incoming, self._source, number)
        source = self._manifest.source
        self._supersede_held(periods)
        deliveries.set_shapes(self._sql, self._table, source, periods, self._delivery.commit)
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

    def _supersede_held(self, periods: Sequence[str]) -> None:
        """Settle what waits for a person, where a newer state of the same source came."""
        for held in deliveries.in_state(self._sql, State.HELD):
            same = held.manifest.table == self._table
            same = same and held.manifest.source == self._manifest.source
            if same and held.commit != self._delivery.commit and set(held.periods) & set(periods):
                reason = f"commit {self._delivery.commit} is a newer state"
                deliveries.put(self._sql, held.settled(state=State.SUPERSEDED, reason=reason))

    def _set_aside(self, incoming: Incoming, verdict: Verdict) -> Delivery:
        commit = self._delivery.commit
        versions.keep_unseen(self._sql, self._table, incoming, self._source, commit)
        rows, sums = versions.stored_sums(
            self._sql, history(self._table), "_commit = ? AND _ended = ?", [commit, commit]
        )
        return self._told(
            replace(self._delivery, periods=self._periods()),
            verdict.state,
            rows,
            sums,
            reason=verdict.reason,
        )

    def _count_visible(self, periods: Sequence[str], number: int) -> tuple[int, CostSums]:
        """What readers see of this delivery now: its scope, or what it appended."""
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
            quarantined=claimed.quarantined + self._refused_rows,
            **counts,
        )
        lines = settle_sums(self._manifest, sums, self._refused)
        entry = delivery.entry
        findings = dict(entry.findings)
        return delivery.settled(
            state=state,
            rows=rows,
            sums=lines,
            findings=findings,
            balanced=balances(rows, lines),
            reason=reason,
            times=entry.times.model_copy(update={"committed": self._now}),
        )


def shown_already(sql: duckdb.DuckDBPyConnection, manifest: Manifest) -> Delivery | None:
    """The delivery of the same content that readers see as it is, if there is one."""
    same = deliveries.same_content(sql, manifest, [State.COMMITTED, State.UNCHANGED])
    if not same:
        return None
    last = same[-1]
    if manifest.mode == "append":
        return last
    shapes = deliveries.shapes(sql, manifest.table, manifest.source)
    mine = {period for period, other in shapes.items() if other.commit == last.commit}
    return last if last.periods and mine == set(last.periods) else None
