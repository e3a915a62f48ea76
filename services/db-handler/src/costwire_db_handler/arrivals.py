"""What to do with a manifest that arrives: go on with a delivery, repeat one, or open one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from costwire_db_handler import decide
from costwire_db_handler.books import Books
from costwire_db_handler.delivery import Delivery
from costwire_db_handler.errors import TooManyOpen
from costwire_db_handler.ledger import SHOWN, Entry, HeldFor, Rows, State, Times, sums_read
from costwire_focus.manifest import Manifest, ManifestTimes

if TYPE_CHECKING:
    from costwire_db_handler.stores import StoreLimits

FORSAKEN = "nobody finished it in time"
_OF_THE_RENDERING = ("exposition", "changes", "findings")
"""Fields that differ where an exporter told one content by its changes, and another the whole."""
_ASIDE = (State.HELD, State.SUPERSEDED, State.REJECTED)


def continued(books: Books, manifest: Manifest) -> Delivery | None:
    """The open delivery of the same manifest, if there is one.

    An exporter that was restarted reads its source anew, so the time of reading may differ; the
    latest one counts.
    """
    for commit in books.same_content(manifest, [State.OPEN]):
        opened = books.get(commit)
        if opened.entry.state is not State.OPEN:  # since it was asked for
            continue
        known = opened.manifest
        if _is_same(known, manifest):
            read = max(known.times.read, manifest.times.read)
            return opened.read_at(ManifestTimes(read=read))
    return None


def _is_same(known: Manifest, manifest: Manifest, *but: str) -> bool:
    """Whether two manifests of one content are alike but for when it was read, and these fields.

    The id stands for what was told of it, which exporters of earlier versions do not tell.
    """
    names = ("times", "currency", "dates", *but)
    return known.model_copy(update={name: getattr(manifest, name) for name in names}) == manifest


def shown_already(
    books: Books, manifest: Manifest, *, whatever_age: bool = False
) -> Delivery | None:
    """The newest state of the same content, if readers see it as it is.

    Not one of which charges were erased: where the source still has them, they come back. Appended
    ones do not, since all of the others would be appended once more. Nor one for which the content
    comes too late, unless `whatever_age`: what readers see would become as old as what came.
    """
    same = books.same_content(manifest, SHOWN)
    if not same:
        return None
    last = books.get(same[-1])
    if manifest.mode == "append":
        return last if _stands_whole(books, last) else None
    if last.entry.rows.erased:
        return None
    shapes = books.shapes(manifest.table, manifest.source)
    mine = {period: other for period, other in shapes.items() if other.commit == last.commit}
    if not last.periods or mine.keys() != set(last.periods):
        return None
    if not whatever_age and decide.late(manifest.generation, manifest.times.read, True, mine):
        return None
    return last


def aside_already(books: Books, manifest: Manifest) -> Delivery | None:
    """The delivery of the same manifest that was set aside and would be so again, if there is one.

    A scraper that was restarted brings it anew: that is no second delivery, and asks nobody to
    decide again. Not one whose charges have left, or for which nothing newer is there any more.
    """
    for commit in reversed(books.same_content(manifest, _ASIDE)):
        aside = books.get(commit)
        rows = aside.entry.rows
        if (
            not _is_same(aside.manifest, manifest, *_OF_THE_RENDERING)
            or rows.retired
            or rows.erased
        ):
            continue
        if not _is_for_its_age(aside.entry) or _is_late(books, manifest, aside):
            return aside
    return None


def _is_for_its_age(entry: Entry) -> bool:
    """Whether a delivery was set aside because a newer state was there."""
    by_kind = bool(entry.decisions) and entry.decisions[-1].kind is HeldFor.OLDER
    return entry.state is State.SUPERSEDED or by_kind


def _is_late(books: Books, manifest: Manifest, aside: Delivery) -> bool:
    """Whether it would be set aside for its age as it was before."""
    shapes = books.shapes(manifest.table, manifest.source)
    mine = {period: shapes[period] for period in aside.periods if period in shapes}
    known = bool(books.same_content(manifest, SHOWN))
    verdict = decide.late(manifest.generation, manifest.times.read, known, mine)
    return verdict is not None and verdict.state is aside.entry.state


def _stands_whole(books: Books, appended: Delivery) -> bool:
    """Whether no later delivery took away any of what was appended."""
    brought = books.get(appended.brought_by)
    present, _ = books.charges(appended.manifest).brought(brought.applied)
    return present == appended.entry.rows.stored


def forsaken(
    opened: Sequence[Entry], now: datetime, limits: StoreLimits, by: str | None
) -> list[Entry]:
    """Of open deliveries those that nobody finished in time.

    Raises `TooManyOpen` where the others are too many for one more, in all or of this user.
    """
    hours = timedelta(hours=limits.open_hours)
    late = [entry for entry in opened if now - entry.times.opened > hours]
    held = [entry for entry in opened if now - entry.times.opened <= hours]
    own = [entry for entry in held if by is not None and entry.by == by]
    for found, most, whose in (
        (held, limits.open_deliveries, ""),
        (own, limits.open_deliveries_per_user, f" of {by}"),
    ):
        if len(found) >= most:
            raise TooManyOpen(
                f"open a delivery: {most}{whose} are open; commit them or abort them "
                "(DELETE /deliveries/<commit>)"
            )
    return late


def new_delivery(
    books: Books,
    manifest: Manifest,
    now: datetime,
    *,
    by: str | None = None,
    dry_run: bool = False,
) -> Delivery:
    """An open delivery with a number of its own; raises `TableTaken`. `by`: who brings it."""
    books.require_free(manifest.table)
    entry = Entry(
        commit=books.next_number(),
        id=manifest.id,
        table=manifest.table,
        source=manifest.source,
        state=State.OPEN,
        generation=manifest.generation,
        focus_version=manifest.focus_version,
        billing_periods=manifest.scope.billing_periods,
        rows=Rows(read=manifest.rows.read, quarantined=manifest.rows.quarantined),
        sums=sums_read(manifest),
        findings={rule: finding.count for rule, finding in manifest.findings.items()},
        mapped=manifest.mapped,
        by=by,
        times=Times(read=manifest.times.read, opened=now),
    )
    return Delivery(manifest, entry, dry_run=dry_run)
