"""Erased charges are in no version any more, and the ledger balances all the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import (
    OCTOBER,
    SEPTEMBER,
    a_charge,
    a_report,
    an_unusable_row,
    charges,
    without_numbers,
)
from tests.support.versions import as_of, versions

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.erasing import Erasure, ErasureRequest
from costwire_db_handler.errors import BadQuestion, UnknownTable
from costwire_db_handler.ledger import Act, State

Shop = Any
ZAPHOD = json.dumps({"person": "Zaphod"})
WHERE = "Tags['person'] = 'Zaphod'"


def erase(
    shop: Shop, where: str = WHERE, *, table: str = "charges", dry_run: bool = False, **how: Any
) -> Erasure:
    request = ErasureRequest(table, Condition.read(where), **how)
    erasure: Erasure = shop.store.erase(request, shop.tick, dry_run=dry_run)
    return erasure


def a_month(number: int, cost: str = "1", **changes: str | None) -> list[dict[str, str | None]]:
    """Charges of which the first is Zaphod's."""
    rows = charges(number, **{"BilledCost": cost, "Tags": "{}", **changes})
    return [{**rows[0], "ResourceId": "zaphod", "Tags": ZAPHOD}, *rows[1:]]


def entry_of(shop: Shop, commit: int) -> Any:
    return shop.store.delivery(commit)


def counted(entry: Any) -> tuple[int, int, int]:
    return entry.rows.read, entry.rows.stored, entry.rows.erased


def billed(entry: Any) -> tuple[str, str, str]:
    line = entry.sums["USD"]["BilledCost"]
    return line.read, line.stored, line.erased


def test_charges_leave_current_and_closed_versions(shop: Shop) -> None:
    first = shop.deliver(a_report(a_month(30, "1.5")))
    second = shop.deliver(a_report(a_month(30, "2")).generated(hours=1))
    erasure = erase(shop, reason="asked for")
    assert not [each for each in versions(shop.store) if each.resource == "zaphod"]
    assert len(versions(shop.store)) == 29 + 29
    assert erasure.entry.rows.erased == 2
    assert erasure.entry.sums["USD"]["BilledCost"].erased == "3.5"
    assert [(each.commit, each.erased) for each in erasure.affected] == [
        (first.commit, 1),
        (second.commit, 1),
    ]
    assert counted(entry_of(shop, first.commit)) == (30, 29, 1)
    assert billed(entry_of(shop, first.commit)) == ("45", "43.5", "1.5")
    assert billed(entry_of(shop, second.commit)) == ("60", "58", "2")
    assert all(entry.balanced for entry in shop.store.deliveries())
    assert len(shop.costs()) == 29


def test_erasure_is_an_entry_of_its_own(shop: Shop) -> None:
    first = shop.deliver(a_report(a_month(30)))
    erasure = erase(shop, reason="asked for")
    entries = shop.store.deliveries()
    assert [entry.state for entry in entries] == [State.COMMITTED, State.ERASED]
    told = entries[-1]
    assert told.commit > first.commit
    assert told == erasure.entry
    assert (told.source, told.reason, told.balanced) == ("costwire:erasure", "asked for", True)
    assert told.by
    assert told.condition == "Tags['person'] = ?"
    assert "Zaphod" not in told.to_json()


def test_erasure_is_no_older_than_the_states_before_it(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    open_ = shop.open(a_report(a_month(31)).generated(hours=1))
    newest = shop.store.deliveries()[0].times.committed
    shop.now -= timedelta(days=1)
    assert erase(shop).entry.times.committed == newest
    assert entry_of(shop, open_.commit).decisions[-1].at == newest


def test_delivery_that_an_erasure_gave_up_tells_who_and_why(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    open_ = shop.open(a_report(a_month(31)).generated(hours=1))
    erasure = erase(shop)
    (told,) = entry_of(shop, open_.commit).decisions
    assert (told.act, told.reason) == (Act.ABORTED, "an erasure; deliver it anew")
    assert told.by == erasure.entry.by
    assert told.by


def test_repeated_erasure_removes_nothing_more(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    erase(shop)
    before = versions(shop.store)
    again = erase(shop)
    assert (again.entry.rows.erased, again.entry.sums, list(again.affected)) == (0, {}, [])
    assert versions(shop.store) == before


def test_dry_run_tells_and_changes_nothing(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    before = versions(shop.store), shop.store.deliveries()
    tried = erase(shop, dry_run=True)
    assert tried.entry.rows.erased == 1
    assert [each.erased for each in tried.affected] == [1]
    assert (versions(shop.store), shop.store.deliveries()) == before


def test_charges_of_held_and_superseded_deliveries_leave(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    held = shop.deliver(a_report(a_month(3, "7")).generated(hours=2))
    late = shop.deliver(a_report(a_month(29, "9")).generated(hours=-1))
    assert (held.state, late.state) == (State.HELD, State.SUPERSEDED)
    erasure = erase(shop)
    assert erasure.entry.rows.erased == 3
    assert counted(entry_of(shop, held.commit)) == (3, 2, 1)
    assert counted(entry_of(shop, late.commit)) == (29, 28, 1)
    assert all(entry.balanced for entry in shop.store.deliveries())


def test_held_delivery_is_accepted_without_what_was_erased(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    held = shop.deliver(a_report(a_month(3, "7")).generated(hours=2))
    erase(shop)
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.state, accepted.balanced) == (State.COMMITTED, True)
    assert counted(accepted) == (3, 2, 1)
    assert billed(accepted) == ("21", "14", "7")
    assert [cost for _, cost in shop.costs()] == ["7", "7"]


def test_accepted_delivery_keeps_its_scope_where_all_charges_of_it_were_erased(
    shop: Shop,
) -> None:
    shop.deliver(a_report([*charges(30), *charges(30, **OCTOBER)]))
    zaphods = [a_charge(Tags=ZAPHOD, **SEPTEMBER), a_charge(Tags=ZAPHOD, **OCTOBER)]
    held = shop.deliver(a_report([*zaphods, a_charge(BilledCost="5")]).generated(hours=2))
    assert held.state is State.HELD
    erase(shop)
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.state, accepted.balanced) == (State.COMMITTED, True)
    assert [cost for _, cost in shop.costs()] == ["5"]


def test_delivery_of_nothing_but_erased_charges_withdraws_no_other_period(shop: Shop) -> None:
    shop.deliver(a_report(charges(30, **OCTOBER)))
    shop.deliver(a_report(charges(30)).generated(hours=1))
    held = shop.deliver(a_report([a_charge(Tags=ZAPHOD)]).generated(hours=2))
    assert held.state is State.HELD
    erase(shop)
    accepted = shop.store.accept(held.commit, shop.tick)
    assert counted(accepted) == (1, 0, 1)
    assert len(shop.costs()) == 30


def test_source_that_still_has_the_charge_brings_it_back(shop: Shop) -> None:
    report = a_report(a_month(30))
    first = shop.deliver(report)
    erase(shop)
    again = shop.deliver(report)
    assert (again.state, again.rows.added, again.rows.unchanged) == (State.COMMITTED, 1, 29)
    assert counted(again) == (30, 30, 0)
    assert shop.deliver(report).state is State.UNCHANGED
    assert counted(entry_of(shop, first.commit)) == (30, 29, 1)
    assert all(entry.balanced for entry in shop.store.deliveries())
    # The first delivery's entry does not count what came back later.
    assert erase(shop).entry.rows.erased == 1
    assert counted(entry_of(shop, first.commit)) == (30, 29, 1)
    assert counted(entry_of(shop, again.commit)) == (30, 29, 1)
    assert all(entry.balanced for entry in shop.store.deliveries())


def test_erased_charge_that_was_appended_stays_away(shop: Shop) -> None:
    """Else all the others would be appended once more."""
    report = a_report(a_month(3), mode="append")
    first = shop.deliver(report)
    erase(shop)
    again = shop.deliver(report)
    assert (again.state, again.balanced) == (State.UNCHANGED, True)
    assert counted(again) == counted(entry_of(shop, first.commit)) == (3, 2, 1)
    assert billed(again) == ("3", "2", "1")
    assert len(shop.costs()) == 2


def test_repeats_count_for_themselves(shop: Shop) -> None:
    report = a_report(a_month(30))
    entries = [shop.deliver(report), shop.deliver(report), shop.deliver(report)]
    assert [entry.state.value for entry in entries] == ["committed", "unchanged", "unchanged"]
    erasure = erase(shop)
    assert erasure.entry.rows.erased == 1
    for entry in entries:
        assert counted(entry_of(shop, entry.commit)) == (30, 29, 1)
        assert entry_of(shop, entry.commit).balanced


def test_other_sources_and_periods_are_not_concerned(shop: Shop) -> None:
    one = shop.deliver(a_report(a_month(30)))
    other = shop.deliver(a_report(charges(30, BilledCost="3")).of("gcp"))
    later = shop.deliver(a_report(charges(30, **OCTOBER)).generated(hours=1))
    erasure = erase(shop)
    assert [each.commit for each in erasure.affected] == [one.commit]
    assert entry_of(shop, other.commit) == other
    assert entry_of(shop, later.commit) == later


def test_open_deliveries_of_the_table_are_given_up(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    report = a_report(a_month(30, "3")).generated(hours=1)
    opened = shop.open(report)
    shop.stage(opened.commit, report)
    tried = shop.open(report, dry_run=True)
    elsewhere = shop.open(a_report(charges(3), table="others"))
    erasure = erase(shop)
    assert sorted(erasure.aborted) == sorted([opened.commit, tried.commit])
    assert entry_of(shop, opened.commit).state is State.ABORTED
    assert entry_of(shop, opened.commit).reason == "an erasure; deliver it anew"
    assert shop.store.staged_parts(opened.commit) == []
    assert entry_of(shop, elsewhere.commit).state is State.OPEN
    assert shop.deliver(report).state is State.COMMITTED


def test_quarantined_rows_lose_what_was_read_only_when_asked(shop: Shop) -> None:
    raw = base64.b64encode(b"abc,USD,Zaphod").decode()
    row = an_unusable_row(raw=raw, reason="no amount: 'Zaphod'")
    entry = shop.deliver(a_report(a_month(30), quarantine=[row]))
    erase(shop)
    assert without_numbers(shop.store.quarantine(entry.commit)) == [row]
    tried = erase(shop, quarantine=True, dry_run=True)
    assert tried.quarantined == 1
    assert without_numbers(shop.store.quarantine(entry.commit)) == [row]
    assert erase(shop, quarantine=True).quarantined == 1
    assert without_numbers(shop.store.quarantine(entry.commit)) == [
        row | {"raw": "", "reason": "the row was erased"}
    ]
    assert erase(shop, quarantine=True).quarantined == 0
    assert all(entry.balanced for entry in shop.store.deliveries())


def test_what_cannot_be_asked_changes_nothing(shop: Shop) -> None:
    shop.deliver(a_report(a_month(3)))
    opened = shop.open(a_report(charges(3, BilledCost="8")).generated(hours=1))
    before = versions(shop.store), shop.store.deliveries()
    with pytest.raises(BadQuestion):
        erase(shop, "")
    with pytest.raises(BadQuestion):
        erase(shop, "NoSuchColumn = 'x'")
    with pytest.raises(UnknownTable):
        erase(shop, table="nothing")
    assert (versions(shop.store), shop.store.deliveries()) == before
    assert entry_of(shop, opened.commit).state is State.OPEN


def test_null_costs_and_several_currencies_balance(shop: Shop) -> None:
    rows = [
        a_charge(Tags=ZAPHOD, BilledCost=None, ResourceId="a"),
        a_charge(Tags=ZAPHOD, BillingCurrency="EUR", BilledCost="-0.1", ResourceId="b"),
        a_charge(Tags=ZAPHOD, BillingCurrency=None, BilledCost="1e-18", ResourceId="c"),
        a_charge(Tags="{}", BilledCost="2", ResourceId="d"),
    ]
    entry = shop.deliver(a_report(rows))
    erasure = erase(shop)
    assert erasure.entry.rows.erased == 3
    told = entry_of(shop, entry.commit)
    assert counted(told) == (4, 1, 3)
    assert told.balanced
    assert told.sums["EUR"]["BilledCost"].stored == "0"
    assert told.sums["EUR"]["BilledCost"].erased == "-0.1"
    assert told.sums["XXX"]["BilledCost"].erased == "0.000000000000000001"


def test_erased_charges_stay_away_after_a_restart(shop: Shop) -> None:
    shop.deliver(a_report(a_month(30)))
    erase(shop)
    before = versions(shop.store), shop.store.deliveries()
    shop.reopen()
    assert (versions(shop.store), shop.store.deliveries()) == before
    assert shop.deliver(a_report(a_month(30, "3")).generated(hours=1)).state is State.COMMITTED


_rows = st.lists(
    st.tuples(
        st.sampled_from(["0.1", "0.2", "3"]),
        st.sampled_from(["a", "b", "Zaphod"]),
        st.sampled_from(["2024-09-01T00:00:00Z", "2024-10-01T00:00:00Z"]),
    ),
    min_size=1,
    max_size=6,
)
_steps = st.one_of(
    st.tuples(
        st.just("deliver"),
        st.sampled_from(["aws", "gcp"]),
        _rows,
        st.sampled_from(["replace", "replace", "append"]),
        st.integers(0, 3),
        st.booleans(),
    ),
    st.tuples(st.just("erase"), st.sampled_from(["Zaphod", "a"])),
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_steps, min_size=2, max_size=8))
def test_every_state_lacks_exactly_the_erased_charges(
    lasting_shop: Callable[[], tuple[Shop, str]], steps: list[Any]
) -> None:
    """Whatever was delivered, the ledger balances, exactly, and the past is as it was but for them.

    What an entry counts is its report, without what was erased since.
    """
    shop, table = lasting_shop()
    names = ("BilledCost", "ResourceId", "BillingPeriodStart")
    expected: dict[int, list[tuple[str | None, Decimal | None]]] = {}
    counts: dict[int, list[tuple[str, str, str]]] = {}
    appended: dict[tuple[str, Any], int] = {}
    first = ("deliver", "aws", [("1", "first", "2024-09-01T00:00:00Z")], "replace", 0, True)
    for read, step in enumerate([first, *steps, ("erase", "Zaphod")]):
        if step[0] == "erase":
            name = step[1]
            before = versions(shop.store, table)
            erasure = erase(shop, f"ResourceId = '{name}'", table=table)
            assert erasure.entry.rows.erased == sum(each.resource == name for each in before)
            assert versions(shop.store, table) == [x for x in before if x.resource != name]
            expected = {
                state: [row for row in rows if row[0] != name] for state, rows in expected.items()
            }
            counts = {
                commit: [row for row in rows if row[1] != name] for commit, rows in counts.items()
            }
        else:
            _, source, rows, mode, hours, accepts = step
            report = _report(table, names, source, rows, mode)
            entry = shop.deliver(report.generated(hours=hours).read_again(minutes=read))
            repeats = mode == "append" and entry.state is State.UNCHANGED
            content = (source, tuple(rows))
            counts[entry.commit] = counts[appended[content]] if repeats else list(rows)
            if entry.state in (State.HELD, State.SUPERSEDED) and accepts:
                entry = shop.store.accept(entry.commit, shop.tick)
            if mode == "append" and entry.state in (State.COMMITTED, State.UNCHANGED):
                appended[content] = entry.commit
        found = versions(shop.store, table)
        newest = max((each.opened for each in found if not each.is_unseen), default=0)
        expected[newest] = as_of(found, newest)
        for state, told in expected.items():
            assert as_of(found, state) == told
        _check(shop.store.deliveries(table), counts)


def _check(entries: list[Any], counts: dict[int, list[tuple[str, str, str]]]) -> None:
    assert all(entry.balanced for entry in entries)
    for entry in entries:
        if entry.state is not State.ERASED:
            rows = counts[entry.commit]
            assert counted(entry) == (entry.rows.read, len(rows), entry.rows.read - len(rows))
            for columns in entry.sums.values():
                line = columns["BilledCost"]
                assert Decimal(line.stored) == sum(Decimal(cost) for cost, _, _ in rows)
                assert Decimal(line.read) == Decimal(line.stored) + Decimal(line.erased)


def _report(table: str, names: Any, source: str, rows: Any, mode: Any = "replace") -> Any:
    cells = [dict(zip(names, row, strict=True)) for row in rows]
    return a_report(cells, columns=names, source=source, table=table, mode=mode, part_rows=3)


def files_with(folder: Path, text: bytes) -> list[str]:
    return sorted(
        path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()
    )


def test_text_of_erased_charges_is_in_no_file(duckdb_shop: Shop, tmp_path: Path) -> None:
    shop, folder = duckdb_shop, tmp_path / "data"
    secret = "q9X-Zaphod-Beeblebrox-7f3a91"
    rows = a_month(200)
    rows[0]["Tags"] = json.dumps({"person": secret})
    rows[0]["x_Note"] = secret
    shop.deliver(a_report([{"x_Note": "none", **row} for row in rows]))
    shop.reopen()
    assert files_with(folder, secret.encode()) == ["store.duckdb"]
    shop.deliver(a_report([{"x_Note": "none", **row} for row in rows[1:]]).generated(hours=1))
    later = a_report([{"x_Note": "none", **row} for row in rows]).generated(hours=2)
    shop.stage(shop.open(later).commit, later)
    assert "store.duckdb" in files_with(folder, secret.encode())
    erasure = erase(shop, f"Tags['person'] = '{secret}'")
    assert erasure.entry.rows.erased == 1
    assert files_with(folder, secret.encode()) == []
    assert len(shop.costs()) == 199
    shop.reopen()
    assert files_with(folder, secret.encode()) == []
    assert len(shop.costs()) == 199
