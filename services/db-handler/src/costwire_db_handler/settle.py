"""Settling a delivery: verify it, judge it, write what it changes, count what then stands there.

The rules are the same on every engine; what is written here holds together, or none of it does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from costwire_db_handler import decide
from costwire_db_handler.arrivals import shown_already
from costwire_db_handler.books import Books, Charges, Counted
from costwire_db_handler.charges import verify
from costwire_db_handler.charges.difference import Difference
from costwire_db_handler.charges.refused import refused_rows, refused_sums
from costwire_db_handler.charges.scope import PresentPeriod, scope_periods
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.decide import Change, Thresholds, Verdict
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import HistoryGone
from costwire_db_handler.ledger import (
    Act,
    Clock,
    Erased,
    HeldFor,
    Mended,
    Refused,
    Rows,
    State,
    balances,
    not_before,
    settle_sums,
)

_TAKES_BACK = (
    "it takes back {} charges that were repaired by a replay; what of their rows is still broken "
    "stands in its own quarantine"
)


class Settlement:
    """One delivery being settled."""

    def __init__(self, books: Books, delivery: Delivery, thresholds: Thresholds) -> None:
        self._books = books
        self._delivery = delivery
        self._manifest = delivery.manifest
        self._thresholds = thresholds
        self._refused = Refused()
        self._overtaken: list[Delivery] = []
        self._act: Act | None = None
        self._by: str | None = None
        self._kind: HeldFor | None = None
        self._erased = Erased()
        self._mended = Mended()

    @cached_property
    def _charges(self) -> Charges:
        """The table; it is made, or gets what it lacks, when it is first asked for."""
        return self._books.charges(self._manifest)

    def commit(self, parts: StagedParts, now: datetime) -> Delivery:
        """Settle an open delivery whose parts are staged.

        `now` tells which billing periods are closed.
        """
        self._verify(parts)
        earlier = shown_already(self._books, self._manifest)
        if earlier is not None:  # since it was opened
            return self.repeat(earlier)
        fit = self._charges.load_staged(parts, verify.default_period(self._manifest))
        refused = self._books.keep_refused(self._delivery.commit, refused_rows(parts, fit))
        self._refused = Refused.counted(refused, refused_sums(parts, fit))
        periods = self._periods()
        judged = periods
        if not periods and self._manifest.mode == "replace" and not self._manifest.scope.declared:
            judged = self._periods_of_source()  # what would go if it were accepted
        difference = self._compare(judged)
        verdict = self._judge(parts, judged, difference, now)
        if verdict.state in (State.HELD, State.SUPERSEDED):
            return self._set_aside(periods, verdict)
        return self._make_visible(periods, difference)

    def accept(self, by: str | None) -> Delivery:
        """Make a delivery that was set aside what readers see, from now on.

        `by`: who decided so; None for the handler itself.
        """
        self._act, self._by = Act.ACCEPTED, by
        entry = self._delivery.entry
        if entry.rows.retired:
            raise HistoryGone(
                f"accept {entry.commit}: its charges have left with the history that became too "
                "old; deliver it anew"
            )
        earlier = shown_already(self._books, self._manifest, whatever_age=True)
        if earlier is not None:
            repeated = self.repeat(earlier)
            self._charges.forget_kept(self._delivery)
            return replace(repeated, kept=None)
        self._refused = Refused.told_by(entry, self._manifest)
        self._erased = Erased.told_by(entry)
        self._charges.load_kept(self._delivery)
        periods = self._periods()
        if self._erased.rows:  # the charges that named one of them may all be gone
            periods = sorted({*periods, *self._delivery.periods})
        if not periods and not self._manifest.scope.declared:
            periods = self._periods_of_source()
        settled = self._make_visible(periods, self._compare(periods))
        self._charges.forget_kept(self._delivery)
        return replace(settled.settled(state=State.COMMITTED), kept=None)

    def repeat(self, earlier: Delivery) -> Delivery:
        """Record that a content arrived again that readers see already."""
        source, commit = self._manifest.source, self._delivery.commit
        self._supersede_held(earlier.periods)
        if self._manifest.mode == "replace":  # what was appended is told by its first delivery
            self._books.set_shapes(self._manifest.table, source, earlier.periods, commit)
        brought = self._books.get(earlier.brought_by)
        self._refused = Refused.told_by(earlier.entry, earlier.manifest)
        self._erased = Erased.told_by(earlier.entry)
        self._mended = Mended.told_by(earlier.entry)
        shown = replace(
            self._delivery.settled(repairs=earlier.entry.repairs),
            periods=earlier.periods,
            applied=self._charges.next_state(commit),
            twin=brought.commit,
        )
        counted = self._count_visible(earlier.periods, brought.applied)
        return self._told(shown, State.UNCHANGED, counted, unchanged=counted[0])

    def conclude(self, settled: Delivery, clock: Clock) -> Delivery:
        """Write what was settled into the ledger: the last step before readers see it.

        Until then they see the state before, so this is the time of the new one. It is never
        earlier than that of the state before, whatever the clocks of several handlers say.
        """
        at = not_before(self._books.last_state_time(self._manifest.table), clock)
        for overtaken in self._overtaken:
            self._books.put(overtaken.overtaken(at))
        act, reason = self._act or Act(settled.entry.state.value), settled.entry.reason
        settled = settled.decided(at, act, by=self._by, reason=reason, kind=self._kind)
        return self._recorded(settled)

    def _recorded(self, settled: Delivery) -> Delivery:
        self._books.put(settled)
        return settled

    def _verify(self, parts: StagedParts) -> None:
        parts.verify()
        verify.verify_rows(
            self._manifest,
            published=sum(parts.sizes().values()),
            quarantined=self._books.quarantined(self._delivery.commit),
        )
        verify.verify_sums(self._manifest, parts.summary)
        verify.verify_scope(self._manifest, parts.summary)

    def _periods(self) -> list[str]:
        return scope_periods(
            self._charges.named_periods(),
            self._charges.present_periods(),
            self._manifest.scope.declared,
        )

    def _periods_of_source(self) -> list[str]:
        """What an empty report is the new state of: all that its source has shaped."""
        return sorted(self._books.shapes(self._manifest.table, self._manifest.source))

    def _compare(self, periods: Sequence[str]) -> Difference:
        if self._manifest.mode == "append":
            return self._charges.add_to_all()
        return self._charges.compare(periods)

    def _judge(
        self, parts: StagedParts, periods: Sequence[str], difference: Difference, now: datetime
    ) -> Verdict:
        """The first reason not to commit that applies.

        Whether it comes too late is asked first: then nothing of it is to be seen in any case. What
        is closed comes before what is only unlikely.
        """
        manifest, thresholds = self._manifest, self._thresholds
        replaces = manifest.mode == "replace"
        shapes = self._books.shapes(manifest.table, manifest.source)
        verdict = None
        if replaces:
            mine = {period: shapes[period] for period in periods if period in shapes}
            settled = [State.COMMITTED, State.UNCHANGED]
            known = bool(self._books.same_content(manifest, settled))
            verdict = decide.late(manifest.generation, manifest.times.read, known, mine)
        verdict = verdict or decide.closes(self._closed(parts, difference, shapes, now))
        if verdict is None and replaces and shapes and not difference.rows:
            verdict = Verdict(State.HELD, "the report is empty", HeldFor.EMPTY)
        if verdict is None and not shapes:
            found = self._charges.found_elsewhere(thresholds.repeated_share)
            verdict = decide.repeats(difference.rows, found, thresholds)
        return verdict or decide.shrinks(difference.periods, thresholds) or Verdict(State.COMMITTED)

    def _closed(
        self,
        parts: StagedParts,
        difference: Difference,
        shapes: Collection[str],
        now: datetime,
    ) -> list[Change]:
        """What would change of closed billing periods of which readers have seen anything."""
        closed = self._thresholds.closed
        if not closed or not (difference.added or difference.removed):
            return []
        ends = self._ends(parts)
        months = {
            label: month for label in ends if (month := closed.month(label, ends[label], now))
        }
        if not months:
            return []
        added = self._charges.added_by_period() if difference.added else {}
        removed = {period.label: period.removed for period in difference.periods}
        changes = [
            Change(label, month, added.get(label, 0), removed.get(label, 0))
            for label, month in sorted(months.items())
            if added.get(label) or removed.get(label)
        ]
        if all(change.label in shapes for change in changes):
            return changes
        shown = _by_label(self._charges.shown_periods())
        seen = {month for label in shown for month in decide.months_of(label, shown[label])}
        return [change for change in changes if change.label in shapes or change.month in seen]

    def _ends(self, parts: StagedParts) -> dict[str, set[datetime]]:
        """The ends of the billing periods that the delivery names, and of its source's others."""
        default = verify.default_period(self._manifest)
        named = [PresentPeriod(each or default, None, end) for each, end in parts.summary.periods]
        return _by_label([*named, *self._charges.present_periods()])

    def _make_visible(self, periods: list[str], difference: Difference) -> Delivery:
        commit, manifest = self._delivery.commit, self._manifest
        number = self._charges.next_state(commit)
        unrepaired = self._withdrawn_repairs(periods)
        self._charges.apply(number)
        self._supersede_held(periods)
        self._books.set_shapes(manifest.table, manifest.source, periods, commit)
        changed = bool(difference.added or difference.removed)
        return self._told(
            replace(self._delivery, periods=periods, applied=number),
            State.COMMITTED if changed else State.UNCHANGED,
            self._count_visible(periods, number),
            reason=_TAKES_BACK.format(unrepaired) if unrepaired else None,
            added=difference.added,
            removed=difference.removed,
            corrected=difference.corrected,
            unchanged=difference.unchanged,
            unrepaired=unrepaired,
        )

    def _withdrawn_repairs(self, periods: Sequence[str]) -> int:
        """Of the charges that are about to go, those that somebody had repaired."""
        manifest = self._manifest
        shapes = self._books.shapes(manifest.table, manifest.source)
        seen = {shapes[period].commit for period in periods if period in shapes}
        repairs = {each.commit for commit in seen for each in self._books.get(commit).entry.repairs}
        states = [self._books.get(commit).applied for commit in sorted(repairs)]
        known = [state for state in states if state is not None]
        replaces = manifest.mode == "replace"
        return self._charges.removed_of(known) if known and replaces else 0

    def _set_aside(self, periods: list[str], verdict: Verdict) -> Delivery:
        number = self._charges.keep_unseen(self._delivery.commit)
        if verdict.state is State.HELD:
            self._supersede_held(periods, whole=True)
        aside = replace(self._delivery, periods=periods, kept=number)
        counted, self._kind = self._charges.kept(number), verdict.kind
        told = self._told(aside, verdict.state, counted, reason=verdict.reason)
        return told.settled(closed_periods=[*verdict.closed])

    def _supersede_held(self, periods: Sequence[str], *, whole: bool = False) -> None:
        """Settle what waits for a person, where a newer state of the same source came.

        `whole`: only where that is a newer state of all its periods.
        """
        mine, scope = self._manifest, set(periods)
        if mine.mode == "append":
            return
        reason = f"commit {self._delivery.commit} is a newer state"
        for entry in self._books.in_state(State.HELD):
            same = (entry.table, entry.source) == (mine.table, mine.source)
            other = entry.commit != self._delivery.commit
            if not (same and other and entry.generation <= mine.generation):
                continue
            held = self._books.get(entry.commit)
            covered = set(held.periods)
            replaced = covered <= scope or (not whole and covered & scope)
            if held.manifest.mode == "replace" and replaced:
                self._overtaken.append(held.settled(state=State.SUPERSEDED, reason=reason))

    def _count_visible(self, periods: Sequence[str], number: int | None) -> Counted:
        """What readers see of this delivery now: its scope, or what was appended as `number`."""
        if self._manifest.mode == "append":
            return self._charges.brought(number)
        return self._charges.visible(periods)

    def _told(
        self,
        delivery: Delivery,
        state: State,
        counted: Counted,
        *,
        reason: str | None = None,
        **counts: int,
    ) -> Delivery:
        """The ledger's entry, counted from what is stored."""
        claimed = self._manifest.rows
        stored, sums = counted
        rows = Rows(
            read=claimed.read,
            stored=stored,
            quarantined=claimed.quarantined + self._refused.rows,
            erased=self._erased.rows,
            repaired=self._mended.rows,
            **counts,
        )
        lines = settle_sums(self._manifest, sums, self._refused, self._erased, self._mended)
        return delivery.settled(
            state=state,
            rows=rows,
            sums=lines,
            balanced=balances(rows, lines),
            reason=reason,
        )


def _by_label(periods: Sequence[PresentPeriod]) -> dict[str, set[datetime]]:
    """label -> the ends that its charges name"""
    ends: dict[str, set[datetime]] = {}
    for label, _, end in periods:
        told = ends.setdefault(label, set())
        if end is not None:
            told.add(end.replace(tzinfo=None))
    return ends
