"""A table that the original's statements made and filled is taken over, to the last digit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.factories import OCTOBER, a_report, charges, clock
from tests.integration.db_handler.cratedb.deliver import deliver
from tests.support import original_table
from tests.support.cratedb import superuser
from tests.support.cratedb_store import forget_all
from tests.support.original_table import Labels, stored

from costwire_db_handler.decide import Thresholds
from costwire_db_handler.errors import TableTaken
from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores import CostStore, StoreLimits
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials, Session
from costwire_db_handler.stores.cratedb.store import CrateDBOptions, CrateDBStore
from costwire_focus.amounts import COST_COLUMNS
from costwire_focus.canonical import canonical_text, exact_sum

TABLE = "costs_of_old"
ROWS, RESTATED = 16_000, 500
LONGEST_SECONDS = 240.0
FILLED_EMPTY = {"ListCost", "ConsumedQuantity", "ContractedUnitPrice", "ListUnitPrice"}


@dataclass
class Adopted:
    """A table before and after."""

    session: Session
    store: CostStore
    sent: list[Labels]
    """What the table holds, as it was sent; the costs of the first are restated."""
    before: list[Any]
    refused: str
    entry: Entry

    def ask(self, statement: str, *arguments: Any) -> list[list[Any]]:
        """What a reader sees."""
        return self.session.execute(statement, arguments).rows


@pytest.fixture(scope="module")
def adopted(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adopted]:
    """16,000 charges, uploaded twice as a scrape repeats them, and taken over."""
    forget_all(url)
    with ExitStack() as opened:
        session = opened.enter_context(superuser(url))
        sent = original_table.a_bill(ROWS)
        original_table.make(session, TABLE)
        original_table.upload(session, TABLE, sent)
        restated = [{**labels, "BilledCost": "7.7", "ListCost": "1"} for labels in sent[:RESTATED]]
        original_table.upload(session, TABLE, restated)
        for labels in sent[:RESTATED]:  # the original restates this one column alone
            labels["BilledCost"] = "7.7"
        store = CrateDBStore.open(
            CrateDBOptions(ClusterOptions([url]), Credentials("crate", "")),
            tmp_path_factory.mktemp("handler"),
            thresholds=Thresholds(),
            limits=StoreLimits(),
        )
        opened.callback(store.close)
        with pytest.raises(TableTaken) as refused:
            store.own.open_delivery(a_report(charges(3), table=TABLE).manifest, clock)
        before = content(session, TABLE)
        started = time.monotonic()
        entry = store.own.adopt(TABLE, clock)
        seconds = time.monotonic() - started
        print(f"{ROWS} rows taken over in {seconds:.1f} s")  # noqa: T201
        assert seconds < LONGEST_SECONDS
        yield Adopted(session, store.own, sent, before, str(refused.value), entry)


def content(session: Session, table: str) -> list[Any]:
    """All rows of a table, in an order of their own."""
    session.execute(f'REFRESH TABLE "{table}"')
    rows = session.execute(f'SELECT * FROM doc."{table}" LIMIT 1000000').rows  # noqa: S608
    return sorted(rows, key=repr)


def test_delivery_was_refused_with_a_way_out(adopted: Adopted) -> None:
    assert f"costwire adopt --table {TABLE}" in adopted.refused


def test_ledger_has_one_entry_that_balances(adopted: Adopted) -> None:
    entry = adopted.entry
    assert (entry.source, entry.state) == (f"adopted:{TABLE}", State.COMMITTED)
    assert (entry.rows.read, entry.rows.stored, entry.rows.quarantined) == (ROWS, ROWS, 0)
    assert entry.balanced
    assert [each.commit for each in adopted.store.deliveries(TABLE)] == [entry.commit]


@pytest.mark.parametrize("column", COST_COLUMNS)
@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_sums_are_those_of_the_doubles_exactly(
    adopted: Adopted, column: str, currency: str
) -> None:
    mine = [labels for labels in adopted.sent if labels["BillingCurrency"] == currency]
    expected = exact_sum(stored(labels[column]) for labels in mine)
    line = adopted.entry.sums[currency][column]
    assert line is not None
    assert line.stored == line.read == canonical_text(expected)
    ((seen,),) = adopted.ask(
        f"SELECT sum({column})::text FROM {TABLE} WHERE BillingCurrency = ?",  # noqa: S608
        currency,
    )
    ((old,),) = adopted.ask(
        f"SELECT sum({column}::text::numeric)::text FROM {TABLE}__original "  # noqa: S608
        "WHERE billingcurrency = ?",
        currency,
    )
    assert Decimal(seen) == Decimal(old) == expected


@pytest.mark.parametrize("at", [0, 1, 27, RESTATED, 8_191, ROWS - 1])
def test_whole_rows_are_the_same(adopted: Adopted, at: int) -> None:
    labels = adopted.sent[at]
    names = [name for name in labels if name != "Tags"]
    shown = ", ".join(
        f"{name}::text" if name in {*COST_COLUMNS, *FILLED_EMPTY, "PricingQuantity"} else name
        for name in names
    )
    key = ["ResourceId", "ChargePeriodStart", "SkuPriceId", "ResourceName"]
    values = [expected(labels, name) for name in key]
    where = " AND ".join(f"{name} IS NOT DISTINCT FROM ?" for name in key)
    (row, *more) = adopted.ask(
        f"SELECT {shown}, tagsjson FROM {TABLE} WHERE {where} AND pricingquantity = '{at}'",  # noqa: S608
        *values,
    )
    assert not more
    *cells, tags = row
    assert tags_of(labels) == json.loads(tags)
    for name, cell in zip(names, cells, strict=True):
        wanted = expected(labels, name)
        assert (Decimal(cell) if isinstance(wanted, Decimal) else cell) == wanted, name


def expected(labels: Labels, name: str) -> Any:
    """A cell as a reader is to see it."""
    told = labels[name]
    if name in {*COST_COLUMNS, *FILLED_EMPTY, "PricingQuantity"}:
        return stored(told)
    if name.endswith(("PeriodStart", "PeriodEnd")):  # the original dropped the offset
        bare = datetime.fromisoformat(told.replace("Z", "").replace("+02:00", ""))
        return int(bare.replace(tzinfo=UTC).timestamp() * 1000)
    return None if told in {"", "NULL"} else told


def tags_of(labels: Labels) -> dict[str, str]:
    text = labels["Tags"]
    return dict(pair.split(": ") for pair in text.split(";")) if text else {}


def test_tags_are_found_as_before(adopted: Adopted) -> None:
    for key, value in (("org", "o1"), ("team", "blå 3")):
        wanted = sum(tags_of(labels).get(key) == value for labels in adopted.sent)
        for table in (TABLE, f"{TABLE}__original"):
            ((found,),) = adopted.ask(
                f"SELECT count(*) FROM {table} WHERE tags['{key}'] = ?",  # noqa: S608
                value,
            )
            assert found == wanted > 0


def test_columns_of_the_original_s_own_are_there(adopted: Adopted) -> None:
    ((filled, misspelt, rows),) = adopted.ask(
        f"SELECT count(x_costcenter), count(contractedunitcost), count(*) FROM {TABLE}"  # noqa: S608
    )
    assert (filled, misspelt, rows) == (ROWS, 0, ROWS)


def test_old_table_is_kept_as_it_was(adopted: Adopted) -> None:
    assert len(adopted.before) == ROWS
    assert content(adopted.session, f"{TABLE}__original") == adopted.before


def test_adopting_again_answers_the_same_entry(adopted: Adopted) -> None:
    again = adopted.store.adopt(TABLE, clock)
    assert again.to_json() == adopted.entry.to_json()
    assert adopted.ask(f"SELECT count(*) FROM {TABLE}") == [[ROWS]]  # noqa: S608


def test_table_takes_deliveries_from_then_on(adopted: Adopted) -> None:
    entry = deliver(adopted.store, a_report(charges(3, **OCTOBER), table=TABLE))
    assert (entry.state, entry.balanced) == (State.COMMITTED, True)
    assert adopted.ask(f"SELECT count(*) FROM {TABLE}") == [[ROWS + 3]]  # noqa: S608
    assert adopted.store.adopt(TABLE, clock).commit == adopted.entry.commit


def test_scratch_is_left_empty(adopted: Adopted, tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    assert [*Path(base).glob("handler*/scratch/*")] == []
