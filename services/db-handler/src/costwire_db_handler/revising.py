"""Settling a delivery by what it changes of another one, of which readers see all.

What comes of it is what the whole would come to. Wherever that is not certain the whole is wanted.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from costwire_db_handler.books import Books
from costwire_db_handler.charges import verify
from costwire_db_handler.charges.hashes import HASH
from costwire_db_handler.charges.prepare import HASHES
from costwire_db_handler.charges.refused import refused_rows
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import ChangesDoNotApply
from costwire_db_handler.ledger import SHOWN, State
from costwire_db_handler.settle import Settlement
from costwire_focus.manifest import Changes, Manifest


class Revision(Settlement):
    """One delivery being settled by its changes; raises `ChangesDoNotApply`."""

    def commit_changes(self, added: StagedParts, removed: StagedParts, now: datetime) -> Delivery:
        """Settle an open delivery; `now` tells which billing periods are closed."""
        changes, base = self._manifest.changes, changed_state(self._books, self._manifest)
        if changes is None or base is None:
            raise self._not_applied("readers do not see the delivery that it changes")
        self._verify_changes(changes, added, removed)
        fit = self._charges.load_staged(added, verify.default_period(self._manifest))
        if [*refused_rows(added, fit), *removed.quarantine()]:
            raise self._not_applied("it has rows that cannot be stored")
        named = self._charges.named_periods()
        periods = sorted({*base.periods, *named})
        difference = self._charges.add_beside(periods, _contents(removed))
        left = {each.label for each in difference.periods if each.removed == each.before}
        if left - named:
            raise self._not_applied("it no longer names a billing period, whose charges stay")
        verdict = self._judge(added, periods, difference, now)
        if verdict.state is not State.COMMITTED:
            raise self._not_applied(f"it is not to be seen yet: {verdict.reason}")
        settled = self._make_visible(periods, difference)
        if not settled.entry.balanced:
            raise self._not_applied("what stands there then is not what the manifest says")
        return settled

    def _verify_changes(self, changes: Changes, added: StagedParts, removed: StagedParts) -> None:
        for parts, promised in ((added, changes.added), (removed, changes.removed)):
            parts.verify()
            rows = sum(parts.sizes().values())
            if rows != promised.samples:
                raise self._not_applied(f"{rows} charges arrived instead of {promised.samples}")
        verify.verify_scope(self._manifest, added.summary)

    def _not_applied(self, why: str) -> ChangesDoNotApply:
        return ChangesDoNotApply(
            f"commit the changes of {self._delivery.commit}: {why}; send the whole of it"
        )


def changed_state(books: Books, manifest: Manifest) -> Delivery | None:
    """The state that a delivery tells the changes of, if readers see it as it was read."""
    if manifest.changes is None or manifest.mode == "append" or manifest.rows.quarantined:
        return None
    same = books.same_content(manifest.model_copy(update={"id": manifest.changes.since}), SHOWN)
    if not same:
        return None
    base = books.get(same[-1])
    rows = base.entry.rows
    if rows.quarantined or rows.erased or rows.retired or base.entry.repairs:
        return None
    if _told(base.manifest) != _told(manifest):
        return None
    shapes = books.shapes(manifest.table, manifest.source)
    mine = {period for period, other in shapes.items() if other.commit == base.commit}
    return base if base.periods and mine == set(base.periods) else None


def _told(manifest: Manifest) -> tuple[object, ...]:
    """What gives the same charges another meaning."""
    columns = {column.name for column in manifest.columns}
    return manifest.mode, manifest.focus_version, columns, manifest.scope.declared


def _contents(parts: StagedParts) -> pa.Array:
    name = HASHES[0]
    chunks = [chunk for part in parts.read([name]) for chunk in part.column(name).chunks]
    return pa.chunked_array(chunks, HASH).combine_chunks()
