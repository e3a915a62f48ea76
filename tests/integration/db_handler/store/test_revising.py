"""A delivery told by its changes comes to what the whole of it comes to, or changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import (
    OCTOBER,
    Changed,
    Report,
    a_broken_row,
    a_charge,
    a_report,
    as_changes,
    charges,
)

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.erasing import ErasureRequest
from costwire_db_handler.errors import ChangesDoNotApply
from costwire_db_handler.ledger import Entry, State
from costwire_focus.manifest import CostSum

Shop = Any
Rows = list[dict[str, str | None]]
NAMES = ("BilledCost", "BillingCurrency", "ServiceName", "BillingPeriodStart", "Tags", "x_Note")

contents = st.fixed_dictionaries(
    {
        "BilledCost": st.sampled_from(["0.1", "1E-3", "-3", None]),
        "BillingCurrency": st.sampled_from(["USD", "EUR", None]),
        "ServiceName": st.sampled_from(["Storage", "Compute"]),
        "BillingPeriodStart": st.sampled_from(["2024-09-01T00:00:00Z", "2024-10-01T00:00:00Z"]),
        "Tags": st.sampled_from([None, '{"team": "a"}', '{"team": "b", "env": null}']),
        "x_Note": st.sampled_from([None, "a"]),
    }
)
reports = st.lists(st.lists(contents, min_size=1, max_size=9), min_size=2, max_size=6)


def told(entry: Entry) -> Any:
    return entry.state, entry.rows, entry.sums, entry.balanced, entry.reason


def settled(shop: Shop, commit: int, changed: Changed, report: Report) -> Entry:
    """Commit as a scraper does: the whole where changes do not do."""
    if shop.store.takes_changes(commit):
        shop.stage_changes(commit, changed)
        with suppress(ChangesDoNotApply):
            return shop.store.commit_changes(commit, shop.tick)
    shop.stage(commit, report)
    return shop.store.commit(commit, shop.tick)


def seen(shop: Shop, table: str) -> Counter[Any]:
    columns = "BilledCost::text, BillingCurrency, ServiceName, BillingPeriodStart, x_note, Tags"
    return Counter(map(repr, shop.ask(f"SELECT {columns} FROM {table}")))  # noqa: S608


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(reports)
def test_changes_come_to_what_the_whole_comes_to(
    tmp_path_factory: pytest.TempPathFactory, open_duckdb: Callable[..., Shop], days: list[Rows]
) -> None:
    shop = open_duckdb(tmp_path_factory.mktemp("store") / "data", withdrawn_share=1)
    try:
        shown: Report | None = None
        for day, rows in enumerate(days):
            whole = a_report(rows, columns=NAMES, table="whole", part_rows=3).generated(hours=day)
            report = a_report(rows, columns=NAMES, table="changes").generated(hours=day)
            expected = shop.deliver(whole)
            if shown is None:
                found = shop.deliver(report)
            else:
                changed = as_changes(report, shown)
                opened = shop.open(changed.report)
                if opened.state is not State.OPEN:
                    found = opened
                else:
                    found = settled(shop, opened.commit, changed, report)
            shown = report
            assert told(found) == told(expected)
            assert seen(shop, "changes") == seen(shop, "whole")
            assert seen(shop, "changes__versions") == seen(shop, "whole__versions")
    finally:
        shop.close()


@pytest.fixture
def month(duckdb_shop: Shop) -> Shop:
    """A store that shows nine charges of September."""
    duckdb_shop.deliver(BEFORE)
    return duckdb_shop


BEFORE = a_report(charges(9))
ROWS = [*charges(8), a_charge(ResourceId="disk-9", BilledCost="10")]
AFTER = a_report(ROWS).generated(hours=1)
CHANGED = as_changes(AFTER, BEFORE)


def test_one_changed_charge_is_one_charge_on_the_way(month: Shop) -> None:
    assert (CHANGED.added.num_rows, CHANGED.removed.num_rows) == (1, 1)
    entry = month.deliver_changes(CHANGED)
    assert entry.state is State.COMMITTED
    assert (entry.rows.added, entry.rows.removed, entry.rows.unchanged) == (1, 1, 8)
    assert month.costs()[-1] == ("disk-9", "10")


def test_changes_that_were_staged_outlive_a_restart(month: Shop) -> None:
    entry = month.open(CHANGED.report)
    month.stage_changes(entry.commit, CHANGED)
    month.reopen()
    assert month.store.commit_changes(entry.commit, month.tick).state is State.COMMITTED


def test_repeated_commit_of_changes_answers_the_same_entry(month: Shop) -> None:
    entry = month.deliver_changes(CHANGED)
    assert month.store.commit_changes(entry.commit, month.tick) == entry


def test_changes_of_changes_follow_one_another(month: Shop) -> None:
    month.deliver_changes(CHANGED)
    later = a_report([*ROWS, a_charge(ResourceId="disk-10")]).generated(hours=2)
    changed = as_changes(later, AFTER)
    opened = month.open(changed.report)
    assert month.store.takes_changes(opened.commit)
    month.stage_changes(opened.commit, changed)
    assert month.store.commit_changes(opened.commit, month.tick).rows.stored == 10


def without_a_charge(changed: Changed) -> Changed:
    return replace(changed, removed=changed.removed.slice(0, 0))


def of_another_charge(changed: Changed) -> Changed:
    index = changed.removed.column_names.index("ServiceName")
    other = changed.removed.set_column(index, "ServiceName", [["Another"]])
    return replace(changed, removed=other)


def with_another_sum(changed: Changed) -> Changed:
    sums = dict(changed.report.manifest.sums)
    wrong = CostSum(read="1", published="1", quarantined="0")
    sums["USD"] = {**sums["USD"], "ListCost": wrong}
    return replace(changed, report=changed.report.but(sums=sums))


def of_another_delivery(changed: Changed) -> Changed:
    changes = changed.report.manifest.changes
    assert changes is not None
    other = changes.model_copy(update={"since": "f" * 64})
    return replace(changed, report=changed.report.but(changes=other))


@pytest.mark.parametrize(
    "spoilt", [without_a_charge, of_another_charge, with_another_sum, of_another_delivery]
)
def test_changes_that_do_not_fit_change_nothing_and_the_whole_is_taken(
    month: Shop, spoilt: Callable[[Changed], Changed]
) -> None:
    before, changed = month.costs(), spoilt(CHANGED)
    entry = month.open(changed.report)
    month.stage_changes(entry.commit, changed)
    with pytest.raises(ChangesDoNotApply, match="send the whole of it"):
        month.store.commit_changes(entry.commit, month.tick)
    assert month.costs() == before
    assert month.store.delivery(entry.commit).state is State.OPEN
    if spoilt is with_another_sum:
        return
    month.stage(entry.commit, AFTER)
    assert month.store.commit(entry.commit, month.tick).rows.added == 1
    assert month.costs()[-1] == ("disk-9", "10")


def a_delivery_between(shop: Shop) -> None:
    shop.deliver(a_report(charges(8)).generated(minutes=30))


def an_erasure(shop: Shop) -> None:
    condition = Condition.read("ResourceId = 'disk-1'")
    shop.store.erase(ErasureRequest("charges", condition), shop.tick)


@pytest.mark.parametrize("between", [a_delivery_between, an_erasure])
def test_changes_of_what_readers_see_no_more_are_not_taken(
    month: Shop, between: Callable[[Shop], None]
) -> None:
    between(month)
    entry = month.open(CHANGED.report)
    assert not month.store.takes_changes(entry.commit)
    month.stage_changes(entry.commit, CHANGED)
    with pytest.raises(ChangesDoNotApply, match="readers do not see"):
        month.store.commit_changes(entry.commit, month.tick)


def test_what_came_while_changes_were_sent_is_minded(month: Shop) -> None:
    entry = month.open(CHANGED.report)
    assert month.store.takes_changes(entry.commit)
    month.stage_changes(entry.commit, CHANGED)
    a_delivery_between(month)
    with pytest.raises(ChangesDoNotApply):
        month.store.commit_changes(entry.commit, month.tick)
    assert len(month.costs()) == 8


def test_delivery_with_quarantined_rows_is_not_told_by_changes(duckdb_shop: Shop) -> None:
    duckdb_shop.deliver(a_report(charges(9), quarantine=[a_broken_row()]))
    before = a_report(charges(9), quarantine=[a_broken_row()])
    entry = duckdb_shop.open(as_changes(AFTER, before).report)
    assert not duckdb_shop.store.takes_changes(entry.commit)


def test_changes_that_would_be_held_are_wanted_as_a_whole(make_duckdb: Callable[..., Shop]) -> None:
    shop = make_duckdb(withdrawn_share=0.1)
    shop.deliver(BEFORE)
    smaller = a_report(charges(4)).generated(hours=1)
    changed = as_changes(smaller, BEFORE)
    entry = shop.open(changed.report)
    shop.stage_changes(entry.commit, changed)
    with pytest.raises(ChangesDoNotApply, match="not to be seen yet"):
        shop.store.commit_changes(entry.commit, shop.tick)
    shop.stage(entry.commit, smaller)
    assert shop.store.commit(entry.commit, shop.tick).state is State.HELD


def test_trial_wants_the_whole(month: Shop) -> None:
    entry = month.open(CHANGED.report, dry_run=True)
    assert not month.store.takes_changes(entry.commit)


def test_changes_that_no_manifest_tells_are_not_staged(month: Shop) -> None:
    entry = month.open(AFTER)
    with pytest.raises(ChangesDoNotApply, match="tells no changes"):
        month.stage_changes(entry.commit, CHANGED)


def test_month_that_begins_with_changes_is_part_of_the_scope(month: Shop) -> None:
    later = a_report([*charges(9), a_charge(**OCTOBER)]).generated(hours=1)
    entry = month.deliver_changes(as_changes(later, BEFORE))
    assert entry.rows.added == 1
    again = month.deliver(a_report(charges(9)).generated(hours=2))
    assert again.rows.removed == 0  # it names September alone


def test_tags_of_changes_are_read_as_those_of_the_whole(month: Shop) -> None:
    rows = [*charges(9), a_charge(ResourceId="disk-t", Tags='{"team":"a"}')]
    before = a_report([{**row, "Tags": None} for row in charges(9)]).generated(minutes=1)
    month.deliver(before)
    after = a_report(rows, columns=[c.name for c in before.manifest.columns]).generated(minutes=2)
    entry = month.deliver_changes(as_changes(after, before))
    assert entry.rows.added == 1
    assert month.ask("SELECT ResourceId FROM charges WHERE Tags['team'] = 'a'") == [("disk-t",)]


def test_store_of_several_handlers_takes_the_whole(shop: Shop, request: Any) -> None:
    shop.deliver(BEFORE)
    entry = shop.open(CHANGED.report)
    is_embedded = "duckdb" in request.node.callspec.id
    assert shop.store.takes_changes(entry.commit) is is_embedded
    if not is_embedded:
        with pytest.raises(ChangesDoNotApply):
            shop.stage_changes(entry.commit, CHANGED)
        with pytest.raises(ChangesDoNotApply):
            shop.store.commit_changes(entry.commit, shop.tick)
        shop.stage(entry.commit, AFTER)
        assert shop.store.commit(entry.commit, shop.tick).rows.added == 1
