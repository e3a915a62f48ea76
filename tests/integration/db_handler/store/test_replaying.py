"""Repaired rows come back into their delivery: exactly, at once, and as often as one likes."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import (
    OCTOBER,
    Report,
    a_broken_row,
    a_charge,
    a_report,
    a_torn_row,
    an_unusable_row,
    charges,
)

from costwire_db_handler import repair_sheet
from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.decide import ClosedPeriods
from costwire_db_handler.erasing import ErasureRequest
from costwire_db_handler.errors import BadSheet, CannotReplay, RowsBroken
from costwire_db_handler.ledger import Act, Entry, State
from costwire_db_handler.repair_sheet import Replayed, ReplayRequest
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.repairs import SheetRow, cut, write_sheet

Shop = Any
MakeShop = Callable[..., Any]
Cells = Mapping[str, str | None]

WRONG = a_broken_row(3, BilledCost="abc", ResourceId="wrong")
OTHER = a_broken_row(4, BilledCost="7", ListCost="n/a", ResourceId="other") | {"column": "ListCost"}
TORN = a_torn_row(9)
BROKEN = [WRONG, OTHER, TORN]
THREE = a_report(charges(3), quarantine=BROKEN)


def sheet(shop: Shop, repairs: Mapping[str, Cells], commit: int = 1) -> bytes:
    """The sheet of these rows, each with the cells that somebody changed."""
    known = {row["row"]: row for row in shop.store.quarantine(commit)}
    rows = []
    for number, changes in repairs.items():
        row = known.get(number, {"reason": "", "cells": None})
        cells = {**(row["cells"] or {}), **changes}
        told = {name: cell for name, cell in cells.items() if cell is not None}
        rows.append(SheetRow(number, row["reason"], told))
    return "".join(write_sheet(shop.store.columns(commit), rows, raw=False)).encode()


def replay(shop: Shop, repairs: Mapping[str, Cells], commit: int = 1, **how: Any) -> Replayed:
    dry_run = how.pop("dry_run", False)
    request = ReplayRequest(sheet(shop, repairs, commit), **how)
    told: Replayed = shop.store.replay(commit, request, shop.tick, dry_run=dry_run)
    return told


def left(shop: Shop, commit: int) -> list[str]:
    return [row["row"] for row in shop.store.quarantine(commit)]


def billed(entry: Entry, currency: str = "USD") -> dict[str, str]:
    line = entry.sums[currency]["BilledCost"]
    assert line is not None
    return line.model_dump()


@pytest.fixture
def delivered(shop: Shop) -> Shop:
    """Three charges, two rows that broke a rule, and one that could not be cut into cells."""
    entry = shop.deliver(THREE)
    assert (entry.state, entry.balanced, entry.rows.quarantined) == (State.COMMITTED, True, 3)
    return shop


def test_repaired_rows_enter_their_delivery_as_a_further_state(delivered: Shop) -> None:
    shop = delivered
    told = replay(shop, {"1": {"BilledCost": "0.50"}})
    assert (told.rows, told.corrected, told.unchanged, told.broken) == (1, 0, 0, [])
    entry = told.entry
    assert (entry.commit, entry.replays, entry.id) == (2, 1, THREE.manifest.id)
    assert (entry.state, entry.balanced) == (State.COMMITTED, True)
    rows = entry.rows
    assert (rows.read, rows.stored, rows.quarantined, rows.repaired) == (6, 4, 2, 1)
    assert (rows.added, rows.removed, rows.unchanged) == (1, 0, 3)
    assert billed(entry) == {
        "read": "13.75",
        "stored": "7.25",
        "quarantined": "7",
        "erased": "0",
        "repaired": "0.5",
    }
    (decision,) = entry.decisions
    assert decision.act is Act.REPLAYED
    (repair,) = entry.repairs
    assert (repair.commit, repair.rows, repair.at) == (2, 1, decision.at)
    assert repair.sums["USD"]["BilledCost"].model_dump() == {"was": "0", "now": "0.5"}
    assert shop.store.delivery(2) == entry
    assert ("wrong", "0.5") in shop.costs()
    assert left(shop, 2) == ["2", "3"]


def test_what_was_told_of_a_delivery_holds_for_its_repaired_rows(shop: Shop) -> None:
    shop.deliver(THREE.but(currency="EUR", dates="mdy"))
    start, end = "ChargePeriodStart", "ChargePeriodEnd"
    cells = {**a_charge(ResourceId="torn"), "BillingCurrency": None, start: "9/2/24", end: "9/3/24"}
    told = replay(shop, {"3": cells})
    assert (told.rows, told.broken) == (1, [])
    assert told.entry.repairs[0].sums.keys() == {"EUR"}
    asked = "SELECT ResourceId FROM charges WHERE BillingCurrency = ? AND ChargePeriodStart = ?"
    assert ("torn",) in shop.ask(asked, "EUR", "2024-09-02T00:00:00")


def test_a_torn_row_is_refused_as_it_was_cut_also_where_its_currency_was_told(shop: Shop) -> None:
    shop.deliver(THREE.but(currency="EUR"))
    columns = shop.store.columns(1)
    with pytest.raises(RowsBroken, match="could not be cut into cells"):
        replay(shop, {"3": cut(b"1.5,1.25,2", columns)})


def test_the_delivery_as_it_was_stays_readable(delivered: Shop) -> None:
    shop = delivered
    before = shop.store.delivery(1)
    replay(shop, {"1": {"BilledCost": "1"}})
    assert shop.store.delivery(1) == before
    assert left(shop, 1) == ["1", "2", "3"]
    counts = "SELECT count(*) FROM charges__versions WHERE _commit <= {0} AND _last >= {0}"
    assert [shop.ask(counts.format(state)) for state in (1, 2)] == [[(3,)], [(4,)]]
    states = shop.ask('SELECT "commit" FROM charges__states ORDER BY state')
    assert states == [(1,), (2,)]


def test_the_same_sheet_again_changes_nothing(delivered: Shop) -> None:
    shop = delivered
    first = replay(shop, {"1": {"BilledCost": "1.5"}})
    seen, ledger = shop.costs(), shop.store.deliveries()
    for commit, amount in ((1, "1.5"), (2, "1.50"), (1, "15E-1")):
        request = ReplayRequest(sheet(shop, {"1": {**WRONG["cells"], "BilledCost": amount}}))
        again = shop.store.replay(commit, request, shop.tick)
        assert (again.rows, again.corrected, again.unchanged) == (0, 0, 1)
        assert again.entry == first.entry
    assert (shop.costs(), shop.store.deliveries()) == (seen, ledger)


def test_other_cells_for_a_repaired_row_correct_it(delivered: Shop) -> None:
    shop = delivered
    replay(shop, {"1": {"BilledCost": "100"}})
    told = replay(shop, {"1": {"BilledCost": "10", "BillingCurrency": "EUR"}})
    entry = told.entry
    assert (told.rows, told.corrected, entry.rows.corrected) == (0, 1, 0)
    assert (entry.rows.added, entry.rows.removed, entry.rows.stored) == (1, 1, 4)
    assert entry.balanced
    assert billed(entry, "EUR")["repaired"] == "10"
    assert billed(entry, "EUR")["read"] == "0"
    assert billed(entry)["repaired"] == "0"
    assert [cost for name, cost in shop.costs() if name == "wrong"] == ["10"]
    assert [repair.corrected for repair in entry.repairs] == [0, 1]
    again = replay(shop, {"1": {**WRONG["cells"], "BilledCost": "100"}})
    assert (again.corrected, again.entry.balanced) == (1, True)
    assert again.entry.sums["EUR"]["BilledCost"] is None


def test_a_correction_takes_one_of_identical_charges(shop: Shop) -> None:
    twin = a_charge(ResourceId="twin", BilledCost="5")
    rows = [a_broken_row(line, ResourceId="twin", BilledCost="x") for line in (3, 4)]
    shop.deliver(a_report([twin, twin], quarantine=rows))
    both = {number: {"BilledCost": "5"} for number in ("1", "2")}
    assert replay(shop, both).entry.rows.stored == 4
    told = replay(shop, {"2": {**rows[1]["cells"], "BilledCost": "6"}})
    assert (told.corrected, told.entry.balanced) == (1, True)
    assert [cost for _, cost in shop.costs()] == ["5", "5", "5", "6"]


def test_broken_rows_keep_the_others_out(delivered: Shop) -> None:
    shop = delivered
    seen, ledger = shop.costs(), shop.store.deliveries()
    repairs = {"1": {"BilledCost": "1"}, "2": {"BilledCost": "none"}}
    with pytest.raises(RowsBroken, match="first line 3") as refused:
        replay(shop, repairs)
    (row,) = refused.value.extensions["rows"]
    assert (row["row"], row["line"], row["column"]) == ("2", 3, "BilledCost")
    assert row["rule"] == "CW-AmountUnreadable"
    tried = replay(shop, repairs, dry_run=True)
    assert (tried.rows, [broken.row for broken in tried.broken]) == (1, ["2"])
    assert (shop.costs(), shop.store.deliveries()) == (seen, ledger)


def test_partial_replay_leaves_broken_rows_in_quarantine(delivered: Shop) -> None:
    shop = delivered
    repairs = {"1": {"BilledCost": "1"}, "2": {"BilledCost": "none"}}
    told = replay(shop, repairs, partial=True)
    assert (told.rows, len(told.broken), told.entry.balanced) == (1, 1, True)
    assert left(shop, told.entry.commit) == ["2", "3"]


@pytest.mark.parametrize(
    ("repairs", "why"),
    [
        ({"99": {**a_charge()}}, "no quarantined row 99"),
        ({"h1": {**a_charge()}}, "no quarantined row h1"),
        (
            {"3": {"BilledCost": "1.5", "EffectiveCost": "1.25", "ListCost": "2"}},
            "could not be cut into cells",
        ),
        ({"1": {"BilledCost": "1" * 30 + "." + "1" * 20}}, "digits"),
    ],
    ids=["unknown", "of-handler", "torn-as-it-was", "too-many-digits"],
)
def test_a_row_that_cannot_come_back_is_told(
    delivered: Shop, repairs: Mapping[str, Cells], why: str
) -> None:
    with pytest.raises(RowsBroken, match=why):
        replay(delivered, repairs)
    assert len(delivered.store.deliveries()) == 1


def test_a_torn_row_comes_back_once_its_cells_are_right(delivered: Shop) -> None:
    told = replay(delivered, {"3": a_charge(ResourceId="torn", BilledCost="0.5")})
    assert (told.rows, told.entry.balanced) == (1, True)
    assert billed(told.entry)["repaired"] == "0.5"
    assert ("torn", "0.5") in delivered.costs()


def test_a_row_twice_in_a_sheet_is_in_doubt(delivered: Shop) -> None:
    shop = delivered
    text = sheet(shop, {"1": {"BilledCost": "1"}})
    head, row = text.splitlines(keepends=True)
    both = head + row + row.replace(b",1,", b",2,", 1)
    told = shop.store.replay(1, ReplayRequest(both, partial=True), shop.tick)
    assert (told.rows, len(told.broken)) == (0, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace(b"costwire:row", b"row"), "no column costwire:row"),
        (lambda text: text.replace(b",BilledCost", b",Cost"), "lost the column 'BilledCost'"),
        (lambda text: text.replace(b"costwire:reason", b"x_Mine"), "no column 'x_Mine'"),
        (lambda _: b"", "no header"),
    ],
    ids=["number", "lost", "more", "empty"],
)
def test_what_is_no_sheet_is_refused(
    delivered: Shop, change: Callable[[bytes], bytes], why: str
) -> None:
    text = change(sheet(delivered, {"1": {"BilledCost": "1"}}))
    with pytest.raises(BadSheet, match=why):
        delivered.store.replay(1, ReplayRequest(text), delivered.tick)


def test_rows_that_the_handler_quarantined_come_back_too(shop: Shop) -> None:
    long = "1" * 30 + "." + "2" * 20
    entry = shop.deliver(a_report([a_charge(), a_charge(BilledCost=long, ResourceId="long")]))
    assert (entry.rows.quarantined, entry.balanced) == (1, True)
    assert left(shop, 1) == ["h1"]
    told = replay(shop, {"h1": {"BilledCost": "2"}})
    assert (told.rows, told.entry.rows.quarantined, told.entry.balanced) == (1, 0, True)
    assert billed(told.entry)["quarantined"] == "0"
    assert ("long", "2") in shop.costs()


def test_a_report_of_which_every_row_was_broken(shop: Shop) -> None:
    row = a_broken_row(2, BilledCost="x")
    report = a_report([], columns=list(a_charge()), quarantine=[row])
    assert shop.deliver(report).rows.stored == 0
    assert [each.entry.commit for each in shop.store.quarantines()] == [1]
    told = replay(shop, {"1": {"BilledCost": "1"}})
    assert (told.entry.rows.stored, told.entry.balanced) == (1, True)
    assert shop.store.quarantines() == []
    assert shop.deliver(report.generated(hours=1)).state is State.UNCHANGED


def test_the_same_report_again_keeps_the_repairs(delivered: Shop) -> None:
    shop = delivered
    repaired = replay(shop, {"1": {"BilledCost": "1"}}).entry
    seen = shop.costs()
    again = shop.deliver(THREE.generated(hours=1))
    assert (again.state, again.balanced) == (State.UNCHANGED, True)
    assert (again.rows.stored, again.rows.quarantined, again.rows.repaired) == (4, 2, 1)
    assert (again.sums, again.repairs) == (repaired.sums, repaired.repairs)
    assert shop.costs() == seen
    more = replay(shop, {"2": {"ListCost": "3"}}, commit=1)
    assert (more.entry.replays, more.entry.rows.stored) == (again.commit, 5)
    assert more.entry.balanced
    assert left(shop, more.entry.commit) == ["3"]


def test_a_new_report_takes_repairs_back_and_says_so(shop: Shop) -> None:
    shop.deliver(a_report(charges(9), quarantine=BROKEN))
    told = replay(shop, {"1": {"BilledCost": "1"}})
    entry = shop.deliver(a_report(charges(10), quarantine=BROKEN).generated(hours=1))
    assert (entry.state, entry.rows.unrepaired, entry.rows.removed) == (State.COMMITTED, 1, 1)
    assert "takes back 1 charges that were repaired" in (entry.reason or "")
    assert entry.decisions[-1].reason == entry.reason
    with pytest.raises(CannotReplay, match=f"since delivery {entry.commit} came"):
        replay(shop, {"2": {"ListCost": "3"}}, commit=told.entry.commit)
    repaired = [*charges(10), a_charge(ResourceId="wrong", BilledCost="1")]
    assert replay(shop, {"1": {"BilledCost": "1"}}, commit=entry.commit).entry.balanced
    last = shop.deliver(a_report(repaired).generated(hours=2))
    assert (last.rows.unrepaired, last.reason) == (0, None)


def test_a_held_delivery_that_is_accepted_tells_the_repairs_it_takes_back(shop: Shop) -> None:
    shop.deliver(a_report(charges(9), quarantine=BROKEN))
    replay(shop, {"1": {"BilledCost": "1"}})
    held = shop.deliver(a_report(charges(2)).generated(hours=1))
    assert held.state is State.HELD
    accepted = shop.store.accept(held.commit, shop.tick)
    assert (accepted.state, accepted.rows.unrepaired) == (State.COMMITTED, 1)
    assert "takes back 1 charges" in (accepted.reason or "")


def test_only_what_readers_see_can_be_repaired(shop: Shop) -> None:
    base = a_report(charges(30), quarantine=BROKEN)
    opened = shop.open(base)
    with pytest.raises(CannotReplay, match="still open; commit it first"):
        replay(shop, {}, commit=opened.commit)
    shop.store.abort(opened.commit, shop.tick)
    with pytest.raises(CannotReplay, match="aborted"):
        replay(shop, {}, commit=opened.commit)
    shop.deliver(base)
    held = shop.deliver(a_report(charges(2), quarantine=BROKEN).generated(hours=1))
    with pytest.raises(CannotReplay, match="held; accept it first"):
        replay(shop, {}, commit=held.commit)
    shop.store.reject(held.commit, shop.tick)
    with pytest.raises(CannotReplay, match="rejected"):
        replay(shop, {}, commit=held.commit)
    late = shop.deliver(a_report(charges(29), quarantine=BROKEN).generated(hours=-1))
    assert late.state is State.SUPERSEDED
    with pytest.raises(CannotReplay, match="superseded"):
        replay(shop, {}, commit=late.commit)


def test_appended_rows_are_refused_with_what_to_do(shop: Shop) -> None:
    shop.deliver(a_report(charges(3), quarantine=BROKEN, mode="append"))
    with pytest.raises(CannotReplay, match="--mode append"):
        replay(shop, {"1": {"BilledCost": "1"}})


def test_a_closed_billing_period_changes_only_when_that_is_said(make_shop: MakeShop) -> None:
    shop = make_shop(closed=ClosedPeriods(through="2024-09"))
    shop.deliver(THREE)
    seen = shop.costs()
    with pytest.raises(CannotReplay, match="2024-09 is closed"):
        replay(shop, {"1": {"BilledCost": "1"}})
    assert shop.costs() == seen
    told = replay(shop, {"1": {"BilledCost": "1"}}, into_closed=True)
    assert told.entry.rows.stored == 4


def test_rows_of_a_month_that_another_delivery_tells_are_refused(shop: Shop) -> None:
    shop.deliver(a_report(charges(3, **OCTOBER)))
    first = shop.deliver(THREE.generated(hours=1))
    with pytest.raises(CannotReplay, match="whose state is delivery 1"):
        replay(shop, {"1": {**OCTOBER, "BilledCost": "1"}}, commit=first.commit)


def test_declared_months_hold_for_repaired_rows(shop: Shop) -> None:
    shop.deliver(a_report(charges(3), quarantine=BROKEN, declared=["2024-09"]))
    with pytest.raises(RowsBroken, match="2024-09, which the delivery declares"):
        replay(shop, {"1": {**OCTOBER, "BilledCost": "1"}})


def test_erased_rows_do_not_come_back(delivered: Shop) -> None:
    shop = delivered
    told = replay(shop, {"1": {"BilledCost": "1", "ResourceId": "wrong"}}).entry
    request = ErasureRequest("charges", Condition.read("ResourceId = 'wrong'"), quarantine=True)
    shop.of(shop.user).erase(request, shop.tick)
    entries = shop.store.deliveries()
    assert all(entry.balanced for entry in entries)
    assert shop.store.delivery(told.commit).rows.erased == 1
    assert shop.store.delivery(1).rows.erased == 0
    rows = list(shop.store.quarantine(told.commit))
    assert [(row["raw"], row["cells"]) for row in rows] == [("", None)] * 2
    with pytest.raises(RowsBroken, match="the row was erased"):
        replay(shop, {"2": a_charge()}, commit=told.commit)


def test_rows_of_an_exporter_that_told_no_cells(shop: Shop) -> None:
    names = list(a_charge())
    whole = ",".join(a_charge(BilledCost="7", ListCost="n/a").values()).encode()  # type: ignore[arg-type]
    row = an_unusable_row(4, raw=base64.b64encode(whole).decode(), column="ListCost")
    counted = a_broken_row(4, BilledCost="7", ListCost="n/a")
    report = a_report(charges(3), quarantine=[counted], columns=names)
    old = Report(report.manifest, report.parts, [row])
    shop.deliver(old)
    told = replay(shop, {"1": a_charge(BilledCost="7", ListCost="8", ResourceId="late")})
    assert (told.rows, told.entry.balanced) == (1, True)
    assert billed(told.entry)["quarantined"] == "0"


def test_rows_whose_money_cannot_be_told_again_are_refused(shop: Shop) -> None:
    row = an_unusable_row(4, raw=base64.b64encode(b"cut,elsewhere").decode())
    shop.deliver(a_report(charges(3), quarantine=[row], quarantined_cost="7"))
    with pytest.raises(CannotReplay, match="deliver the report anew"):
        replay(shop, {"1": a_charge()})


def test_what_is_in_quarantine_by_rule_and_column(delivered: Shop) -> None:
    shop = delivered
    (found,) = shop.store.quarantines()
    rule = "CW-AmountUnreadable"
    told = {(each.rule, each.column, each.rows, each.unknown) for each in found.rules}
    assert told == {
        *((rule, "BilledCost", 1, 1), (rule, "ListCost", 1, 0), ("CW-FieldCount", None, 1, 1))
    }
    assert (found.entry.commit, found.unknown) == (1, 2)
    replay(shop, {"1": {"BilledCost": "1"}, "3": a_charge(ResourceId="torn")})
    (found,) = shop.store.quarantines("charges")
    assert [(each.column, each.rows) for each in found.rules] == [("ListCost", 1)]
    assert (found.entry.commit, found.unknown) == (2, 0)
    assert shop.store.quarantines("elsewhere") == []
    shop.deliver(a_report(charges(4)).generated(hours=1))


def test_rows_of_many_pages_come_back_and_the_others_stay(shop: Shop) -> None:
    number = 11_000  # more than two pages, on both stores
    rows = [a_broken_row(line, ResourceId=f"r{line}", ListCost="n/a") for line in range(number)]
    entry = shop.deliver(a_report(charges(2), quarantine=rows))
    assert (entry.rows.quarantined, entry.balanced) == (number, True)
    wanted = [1, 2_000, 2_001, 5_000, 5_001, 9_999, number]
    told = replay(shop, {str(at): {"ListCost": "1"} for at in wanted})
    assert (told.rows, told.entry.balanced) == (len(wanted), True)
    assert told.entry.rows.quarantined == number - len(wanted)
    again = replay(
        shop,
        {str(at): {**rows[at - 1]["cells"], "ListCost": "1"} for at in wanted[:4]}
        | {"3": {"ListCost": "1"}},
        commit=told.entry.commit,
    )
    assert (again.rows, again.unchanged, again.entry.balanced) == (1, 4, True)
    assert left(shop, again.entry.commit) == [
        str(at) for at in range(1, number + 1) if at not in {*wanted, 3}
    ]
    assert [each.rows for each in shop.store.quarantines()[0].rules] == [number - len(wanted) - 1]


def test_long_rows_are_read_a_page_at_a_time(shop: Shop) -> None:
    long = "x" * (1 << 20)
    rows = [a_broken_row(line, ListCost="n/a", x_Note=long) for line in range(30)]
    names = [*a_charge(), "x_Note"]
    shop.deliver(a_report(charges(1), columns=names, quarantine=rows))
    fine = {"ListCost": "1", "x_Note": "short"}
    text = sheet(shop, {str(at): {**a_charge(), **fine} for at in range(1, 31)})
    tracemalloc.start()
    try:
        told = shop.store.replay(1, ReplayRequest(text), shop.tick)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (told.rows, told.entry.balanced) == (30, True)
    assert peak < 45 << 20  # all of them have 70 MiB, a page has 8


def test_a_sheet_of_too_many_rows_is_refused_with_what_to_do(
    delivered: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair_sheet, "MOST_ROWS", 1)
    with pytest.raises(BadSheet, match="more than 1 rows; make several"):
        replay(delivered, {"1": {"BilledCost": "1"}, "2": {"ListCost": "1"}})
    assert replay(delivered, {"1": {"BilledCost": "1"}}).rows == 1


def test_two_at_once_repair_a_row_once(delivered: Shop) -> None:
    shop = delivered
    request = ReplayRequest(sheet(shop, {"1": {"BilledCost": "1"}}))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(shop.store.replay, 1, request, shop.tick) for _ in range(4)]
        told = [each.result(timeout=90) for each in asked]
    assert sorted(each.rows for each in told) == [0, 0, 0, 1]
    assert {each.entry.commit for each in told} == {2}
    assert sum(name == "wrong" for name, _ in shop.costs()) == 1


def test_a_delivery_that_was_under_way_replaces_as_a_newer_state(shop: Shop) -> None:
    shop.deliver(a_report(charges(9), quarantine=BROKEN))
    newer = a_report(charges(10), quarantine=BROKEN).generated(hours=1)
    opened = shop.open(newer)
    shop.stage(opened.commit, newer)
    assert replay(shop, {"1": {"BilledCost": "1"}}).entry.balanced
    entry = shop.store.commit(opened.commit, shop.tick)
    assert (entry.state, entry.rows.unrepaired, entry.balanced) == (State.COMMITTED, 1, True)
    assert left(shop, entry.commit) == ["1", "2", "3"]


AMOUNTS = st.decimals(min_value=-1000, max_value=1000, places=3, allow_nan=False).map(str)
STEPS = st.lists(
    st.dictionaries(
        st.integers(1, 6).map(str),
        st.tuples(AMOUNTS, st.sampled_from(["USD", "EUR", None])),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(AMOUNTS, min_size=6, max_size=6), STEPS)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_replays_balance_to_the_last_digit(
    lasting_shop: Callable[[], tuple[Shop, str]],
    amounts: list[str],
    steps: list[dict[str, tuple[str, str | None]]],
) -> None:
    shop, table = lasting_shop()
    rows = [
        a_broken_row(line, ResourceId=f"r{line}", BilledCost=amount, ListCost="n/a")
        for line, amount in enumerate(amounts, 2)
    ]
    first = shop.deliver(a_report(charges(2), quarantine=rows, table=table, source=table))
    commit, repaired = first.commit, dict[str, tuple[str, str | None]]()
    for step in steps:
        known = {str(at): row["cells"] for at, row in enumerate(rows, 1)}
        changes = {
            number: {
                **known[number],
                "BilledCost": amount,
                "BillingCurrency": currency,
                "ListCost": "1",
            }
            for number, (amount, currency) in step.items()
        }
        entry = replay(shop, changes, commit=commit).entry
        repaired |= step
        assert entry.balanced
        assert entry.rows.stored + entry.rows.quarantined == entry.rows.read == 8
        assert entry.rows.repaired == len(repaired)
        expected = {"USD": Decimal("3.5")}
        for amount, currency in repaired.values():
            name = currency or "XXX"
            expected[name] = expected.get(name, Decimal(0)) + Decimal(amount)
        aside = sum(
            (Decimal(a) for n, a in enumerate(amounts, 1) if str(n) not in repaired), Decimal(0)
        )
        for currency, stored in expected.items():
            if not stored and entry.sums[currency]["BilledCost"] is None:
                continue  # a currency that nobody read, and that comes to nothing
            line = billed(entry, currency)
            assert Decimal(line["stored"]) == stored
            assert Decimal(line["quarantined"]) == (aside if currency == "USD" else 0)
        for name in COST_COLUMNS:
            assert all(
                line is None
                or Decimal(line.read) + Decimal(line.repaired)
                == Decimal(line.stored) + Decimal(line.quarantined)
                for line in (lines[name] for lines in entry.sums.values())
            )
