"""Opening, sending and committing: every step can be repeated, nothing wrong gets in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from tests.factories import (
    OCTOBER,
    Report,
    a_charge,
    a_report,
    an_unusable_row,
    as_table,
    charges,
    without_numbers,
)

from costwire_db_handler import quarantined
from costwire_db_handler.errors import (
    BadPart,
    DeliveryNotOpen,
    MemoryTooSmall,
    OutsideScope,
    PartDiffers,
    TooManyOpen,
    Unbalanced,
    UnknownDelivery,
)
from costwire_db_handler.ledger import Rows, State
from costwire_db_handler.stores import StoreLimits
from costwire_focus.manifest import CostSum, RowCounts

Shop = Any
MakeShop = Callable[..., Any]
OpenShop = Callable[..., Any]


def staged_files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "data" / "staging").rglob("*") if path.is_file()]


def test_open_delivery_is_in_the_ledger_and_shows_nothing(shop: Shop) -> None:
    report = a_report(charges(5), findings={"CW-X": 2})
    entry = shop.open(report)
    assert (entry.state, entry.rows, entry.findings) == (State.OPEN, Rows(read=5), {"CW-X": 2})
    assert not entry.balanced
    shop.stage(entry.commit, report)
    assert shop.store.deliveries() == [entry]


def test_same_manifest_finds_the_same_open_delivery(shop: Shop) -> None:
    report = a_report(charges(5))
    first = shop.open(report)
    again = shop.open(report.read_again(hours=1))
    assert again.commit == first.commit
    assert again.times.read == first.times.read + timedelta(hours=1)
    assert shop.open(report).times.read == again.times.read


def test_other_generation_is_another_delivery(shop: Shop) -> None:
    report = a_report(charges(5))
    assert shop.open(report).commit != shop.open(report.generated(hours=1)).commit


def test_staged_parts_outlive_a_restart(shop: Shop) -> None:
    report = a_report(charges(30), part_rows=10)
    entry = shop.open(report)
    shop.store.stage_part(entry.commit, 1, report.parts[1], "digest")
    shop.reopen()
    assert shop.open(report).commit == entry.commit
    assert shop.store.staged_parts(entry.commit) == [1]


def test_same_part_again_is_the_same_part(shop: Shop) -> None:
    report = a_report(charges(30))
    entry = shop.open(report)
    shop.stage(entry.commit, report)
    shop.stage(entry.commit, report)
    assert shop.store.commit(entry.commit, shop.tick).rows.stored == 30


def test_part_with_other_bytes_is_refused(shop: Shop) -> None:
    report = a_report(charges(30))
    entry = shop.open(report)
    shop.stage(entry.commit, report)
    with pytest.raises(PartDiffers, match="stage part 0: it was staged before with other bytes"):
        shop.store.stage_part(entry.commit, 0, report.parts[0], "other")


def test_part_that_two_send_at_once_is_taken_once(shop: Shop) -> None:
    report = a_report(charges(300), part_rows=300)
    entry = shop.open(report)

    def send(digest: str) -> str:
        try:
            shop.store.stage_part(entry.commit, 0, report.parts[0], digest)
        except PartDiffers:
            return "differs"
        return "taken"

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, ["same"] * 4)) == ["taken"] * 4
    other = shop.open(report.generated(hours=1))
    entry = other
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, "abcd")) == ["differs"] * 3 + ["taken"]
    assert shop.store.commit(other.commit, shop.tick).rows.stored == 300


def test_column_that_the_manifest_lacks_is_refused(shop: Shop) -> None:
    entry = shop.open(a_report(charges(5)))
    part = as_table([a_charge(x_Other="1")])
    with pytest.raises(BadPart, match="stage part 0: the manifest has no column 'x_Other'"):
        shop.store.stage_part(entry.commit, 0, part, "digest")


def test_commit_is_idempotent(shop: Shop) -> None:
    report = a_report(charges(5))
    entry = shop.deliver(report)
    assert shop.store.commit(entry.commit, shop.tick) == entry
    assert len(shop.costs()) == 5


def test_committed_delivery_takes_no_more(shop: Shop, tmp_path: Path) -> None:
    report = a_report(charges(5))
    entry = shop.deliver(report)
    for late in (
        lambda: shop.store.stage_part(entry.commit, 7, report.parts[0], "digest"),
        lambda: shop.store.set_quarantine(entry.commit, []),
        lambda: shop.store.abort(entry.commit, shop.tick),
    ):
        with pytest.raises(DeliveryNotOpen):
            late()
    assert staged_files(tmp_path) == []


def test_aborted_delivery_leaves_its_line_in_the_ledger(shop: Shop, tmp_path: Path) -> None:
    report = a_report(charges(5))
    entry = shop.open(report)
    shop.stage(entry.commit, report)
    shop.store.abort(entry.commit, shop.tick)
    shop.store.abort(entry.commit, shop.tick)
    assert shop.store.delivery(entry.commit).state is State.ABORTED
    assert staged_files(tmp_path) == []
    with pytest.raises(DeliveryNotOpen, match="it was aborted; open it anew"):
        shop.store.commit(entry.commit, shop.tick)
    assert shop.deliver(report).rows.stored == 5


def test_unknown_delivery_is_told_as_such(shop: Shop) -> None:
    for act in (
        lambda: shop.store.delivery(7),
        lambda: shop.store.commit(7, shop.tick),
        lambda: shop.store.abort(7, shop.tick),
        lambda: shop.store.stage_part(7, 0, as_table([]), ""),
        lambda: list(shop.store.quarantine(7)),
    ):
        with pytest.raises(UnknownDelivery, match="no delivery has the number 7"):
            act()


def other_sum(report: Report, column: str) -> Report:
    lines = report.manifest.sums["USD"]
    wrong = CostSum(read="0.1", published="0.1", quarantined="0")
    return report.but(sums={"USD": {**lines, column: wrong}})


def other_rows(report: Report, published: int, quarantined: int) -> Report:
    rows = RowCounts(read=published + quarantined, published=published, quarantined=quarantined)
    return report.but(rows=rows)


TEN = a_report(charges(10))
UNBALANCED = {
    "a charge too few": (other_rows(TEN, 11, 0), "10 charges arrived .* manifest has 11"),
    "a charge too many": (other_rows(TEN, 9, 0), "10 charges arrived .* manifest has 9"),
    "a quarantined row too few": (other_rows(TEN, 10, 1), "0 quarantined rows .* has 1"),
    "BilledCost": (other_sum(TEN, "BilledCost"), "BilledCost in USD arrived as 57.5"),
    "EffectiveCost": (other_sum(TEN, "EffectiveCost"), "EffectiveCost in USD"),
    "ListCost": (other_sum(TEN, "ListCost"), "ListCost in USD"),
    "ContractedCost": (other_sum(TEN, "ContractedCost"), "ContractedCost in USD"),
    "a currency": (TEN.but(sums={"EUR": TEN.manifest.sums["USD"]}), "BilledCost in EUR"),
    "no currency": (TEN.but(sums={}), "BilledCost in USD arrived as 57.5.* has none"),
}


@pytest.mark.parametrize("wrong", UNBALANCED)
def test_what_differs_from_the_manifest_is_refused(
    lasting_shop: Callable[[], tuple[Shop, str]], wrong: str
) -> None:
    shop, table = lasting_shop()
    report, message = UNBALANCED[wrong]
    shop.deliver(a_report(charges(9), table=table))
    before = shop.costs(table)
    with pytest.raises(Unbalanced, match=message):
        shop.deliver(report.generated(hours=1).but(table=table))
    assert shop.costs(table) == before
    states = [entry.state for entry in shop.store.deliveries(table)]
    assert states == [State.COMMITTED, State.OPEN]


def test_quarantined_rows_are_replaced_by_those_sent_later(shop: Shop) -> None:
    rows = [an_unusable_row(line, raw="YQ==") for line in (9, 3)]
    report = a_report(charges(5), quarantine=rows, quarantined_cost="2.5")
    entry = shop.open(report)
    shop.store.set_quarantine(entry.commit, [an_unusable_row(line) for line in range(50)])
    shop.stage(entry.commit, report)
    settled = shop.store.commit(entry.commit, shop.tick)
    assert settled.balanced
    assert settled.rows == Rows(read=7, stored=5, quarantined=2, added=5)
    assert settled.sums["USD"]["BilledCost"].quarantined == "2.5"
    listed = without_numbers(shop.store.quarantine(entry.commit))
    assert listed == sorted(rows, key=lambda row: row["line"])


def test_quarantined_rows_are_listed_in_order_whatever_a_page_holds(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantined, "_PIECE_BYTES", 2_000)
    rows = [
        an_unusable_row(line * 37 % 100, raw="YWJj" * length, file=file)
        for line, length in zip(range(100), cycle([0, 1, 400, 40, 499, 500, 501, 3]), strict=False)
        for file in ("b.csv", "a.csv")
    ]
    report = a_report(charges(1), quarantine=rows)
    entry = shop.deliver(report)
    assert entry.rows.quarantined == 200
    listed = without_numbers(shop.store.quarantine(entry.commit))
    assert listed == sorted(rows, key=lambda row: (row["file"], row["line"]))


def test_quarantined_rows_may_be_longer_than_the_memory(duckdb_shop: Shop) -> None:
    number = 5_000
    entry = duckdb_shop.open(a_report(charges(1)))
    rows = (an_unusable_row(at * 7 % number, raw="YWJj" * 7_000) for at in range(number))
    duckdb_shop.store.set_quarantine(entry.commit, rows)
    lines = [row["line"] for row in duckdb_shop.store.quarantine(entry.commit)]
    assert lines == list(range(number))


def test_charges_outside_the_declared_months_are_refused(shop: Shop) -> None:
    shop.deliver(a_report(charges(5, **OCTOBER)))
    wide = a_report([*charges(5), a_charge(**OCTOBER)], declared=["2024-09"])
    with pytest.raises(OutsideScope, match=r"begins 2024-10-01T00:00:00Z.* declares 2024-09"):
        shop.deliver(wide.generated(hours=1))
    assert len(shop.costs()) == 5


def test_dry_run_tells_and_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.deliver(a_report(charges(30)))
    finer = [*charges(29), a_charge(BilledCost="1e-24", x_new="1")]
    told = shop.deliver(a_report(finer).generated(hours=1), dry_run=True)
    assert (told.state, told.rows.added, told.rows.removed) == (State.COMMITTED, 1, 1)
    repeated = shop.deliver(a_report(charges(30)), dry_run=True)
    assert (repeated.state, repeated.rows.unchanged) == (State.UNCHANGED, 30)
    assert len(shop.store.deliveries()) == 1
    assert len(shop.costs()) == 30
    assert staged_files(tmp_path) == []
    with pytest.raises(UnknownDelivery):
        shop.store.delivery(told.commit)


def test_dry_run_leaves_the_open_delivery_of_the_same_content_alone(shop: Shop) -> None:
    report = a_report(charges(30))
    entry = shop.open(report)
    shop.stage(entry.commit, report)
    assert shop.deliver(report, dry_run=True).rows.added == 30
    assert shop.store.commit(entry.commit, shop.tick, dry_run=True).state is State.COMMITTED
    assert shop.store.delivery(entry.commit).state is State.OPEN
    assert shop.store.commit(entry.commit, shop.tick).rows.added == 30


def test_deliveries_that_nobody_finishes_are_given_up(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = make_shop(StoreLimits(open_hours=1))
    report = a_report(charges(5))
    forsaken = shop.open(report)
    shop.stage(forsaken.commit, report)
    shop.now += timedelta(hours=2)
    fresh = shop.open(report.generated(hours=1))
    states = {entry.commit: entry.state for entry in shop.store.deliveries()}
    assert states == {forsaken.commit: State.ABORTED, fresh.commit: State.OPEN}
    (heard,) = shop.heard
    assert (heard.commit, heard.state, heard.decisions[-1].by) == (
        forsaken.commit,
        State.ABORTED,
        None,
    )
    assert staged_files(tmp_path) == []


def test_open_deliveries_are_bounded(make_shop: MakeShop) -> None:
    shop = make_shop(StoreLimits(open_deliveries=2))
    for hours in (1, 2):
        shop.open(TEN.generated(hours=hours))
    with pytest.raises(TooManyOpen, match="2 are open") as refused:
        shop.open(TEN.generated(hours=3))
    assert refused.value.headers["Retry-After"] == "60"
    assert shop.open(TEN.generated(hours=1)).state is State.OPEN


def test_one_user_leaves_room_for_the_deliveries_of_others(make_shop: MakeShop) -> None:
    shop = make_shop(StoreLimits(open_deliveries=4, open_deliveries_per_user=2))
    user, name = shop.of(shop.user), shop.user.name
    manifests = [TEN.generated(hours=hours).manifest for hours in (1, 2, 3)]
    assert [user.open_delivery(each, shop.tick).by for each in manifests[:2]] == [name, name]
    with pytest.raises(TooManyOpen, match=f"2 of {name} are open"):
        user.open_delivery(manifests[2], shop.tick)
    assert shop.open(TEN.generated(hours=4)).by is None


def test_report_too_wide_for_the_memory_is_told_and_goes_on_with_more(
    tmp_path: Path, open_duckdb: OpenShop
) -> None:
    wide = a_report(
        [
            row | {f"x_Column{n}": f"{n} of {row['ResourceId']}" for n in range(200)}
            for row in charges(3_000)
        ]
    )
    small = open_duckdb(tmp_path, StoreLimits(memory_bytes=16 << 20))
    entry = small.open(wide)
    small.stage(entry.commit, wide)
    with pytest.raises(
        MemoryTooSmall, match=r"16 MiB of memory are too little.*HANDLER_MEMORY_MIB"
    ):
        small.store.commit(entry.commit, small.tick)
    assert small.store.deliveries()[0].state is State.OPEN
    small.close()
    shop = open_duckdb(tmp_path)
    assert shop.store.staged_parts(entry.commit) == list(range(len(wide.parts)))
    assert shop.store.commit(entry.commit, shop.tick).rows == Rows(
        read=3_000, stored=3_000, added=3_000
    )
    shop.close()
