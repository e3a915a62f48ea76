"""The statements that make versioned tables in CrateDB, as text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from cratedb_sqlparse import sqlparse

from costwire_db_handler.stores.cratedb.layout import (
    VIEWS,
    Layout,
    Storage,
    add_columns,
    copy_rows,
    create_table,
    create_views,
    hash_ranges,
    insert_rows,
    raise_limit,
)

NAMES = ["BilledCost", "ChargePeriodStart", "ServiceName", "Tags", "x_Note", 'say "hi"', "it's"]
LAYOUT = Layout(table="charges").with_columns(NAMES)


def parsed(statement: str) -> Any:
    """The statement as CrateDB's own grammar reads it."""
    (found,) = sqlparse(statement, raise_exception=True)
    return found


@pytest.mark.parametrize(
    "statement",
    [
        create_table(LAYOUT, Storage()),
        create_table(LAYOUT, Storage(by_month=False, shards=1, replicas="1")),
        add_columns(LAYOUT, {"billedcost"}) or "",
        *create_views(LAYOUT),
        copy_rows(LAYOUT, LAYOUT.rebuilt(2, {"BilledCost": 24}, ["ServiceName"], {}), -5, 5),
        raise_limit(LAYOUT, 7, Storage()),
        insert_rows(LAYOUT, ["billedcost"]),
    ],
)
def test_statements_are_of_cratedbs_grammar(statement: str) -> None:
    assert parsed(statement)


def test_names_are_folded_so_that_queries_need_no_quotes() -> None:
    assert LAYOUT.public() == [
        *("billedcost", "chargeperiodstart", "servicename", "tags", "tagsjson"),
        *("x_note", 'say "hi"', "it's"),
    ]


def test_names_that_fold_to_one_stay_apart() -> None:
    twins = Layout(table="t").with_columns(["x_a", "X_A", "billedcost"])
    assert len(set(twins.public())) == 3


def test_amounts_are_numeric_and_json_texts_have_no_index() -> None:
    statement = create_table(LAYOUT, Storage())
    assert '"billedcost" NUMERIC(38,18)' in statement
    assert '"tagsjson" TEXT INDEX OFF STORAGE WITH (columnstore = false)' in statement
    assert '"tags" OBJECT(IGNORED)' in statement


def test_readers_head_is_named_once() -> None:
    """Written twice, it might be read twice, with a flip between."""
    _, view = create_views(LAYOUT)
    assert view.count("SELECT head") == 1
    assert view.endswith('BETWEEN "_commit" AND "_last"')


def test_versions_show_the_states_of_each_row() -> None:
    versions, _ = create_views(LAYOUT)
    assert versions.startswith('CREATE OR REPLACE VIEW doc."charges__versions" AS SELECT')
    assert '"_commit" AS "_commit", "_commit" AS "_came", "_last"' in versions


def test_layout_of_an_earlier_version_wants_its_views_made() -> None:
    published = LAYOUT.model_copy(update={"published": True})
    assert not published.is_complete
    assert published.model_copy(update={"views": VIEWS}).is_complete


def test_rebuilt_table_is_another_one() -> None:
    wider = LAYOUT.rebuilt(2, {"BilledCost": 24}, ["ServiceName"], {})
    assert wider.physical != LAYOUT.physical
    assert (wider.by_name("BilledCost").scale, wider.by_name("ServiceName").plain) == (24, True)
    assert '"servicename" TEXT INDEX OFF' in create_table(wider, Storage())


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_ranges_hold_every_hash_once(count: int) -> None:
    ranges = list(hash_ranges(count))
    assert len(ranges) == count
    assert (ranges[0][0], ranges[-1][1]) == (-(2**63) + 1, 2**63 - 2)
    assert all(high + 1 == low for (_, high), (low, _) in pairwise(ranges))


def test_columns_are_shown_once_the_views_have_them() -> None:
    shown = LAYOUT.model_copy(update={"shown": len(LAYOUT.columns), "published": True})
    more = shown.with_columns([*NAMES, "x_New"])
    assert not more.published
    assert more.public()[-1] == "x_new"
    assert more.public_now() == LAYOUT.public()


def test_table_that_has_all_columns_gets_none() -> None:
    assert add_columns(LAYOUT, LAYOUT.public()) is None


def keys(*names: str, fine: bool = True) -> dict[str, bool]:
    return dict.fromkeys(names, fine)


def test_frequent_keys_of_tags_are_columns_as_many_as_may_be() -> None:
    layout = LAYOUT.with_tag_keys("tags", keys("env", "team", "app"), most=2)
    assert layout.tag_keys == {"tags": ("env", "team")}
    statement = add_columns(layout, LAYOUT.public()) or ""
    assert parsed(statement)
    assert statement.endswith("""ADD COLUMN "tags"['env'] TEXT, ADD COLUMN "tags"['team'] TEXT""")


def test_keys_that_came_when_there_was_no_room_are_never_declared() -> None:
    """CrateDB would no longer find the charges that came before."""
    full = LAYOUT.with_tag_keys("tags", keys("env", "team"), most=1)
    roomy = full.with_tag_keys("tags", keys("team", "new"), most=9)
    assert roomy.tag_keys == {"tags": ("env", "new")}


def test_keys_with_a_text_too_long_for_an_index_are_not_declared() -> None:
    layout = LAYOUT.with_tag_keys("tags", keys("long", fine=False), most=9)
    assert layout.tag_keys == {"tags": ()}
    assert layout.with_tag_keys("tags", keys("long"), most=9).tag_keys == {"tags": ()}


def test_a_key_that_gets_a_long_text_is_a_column_no_more() -> None:
    layout = LAYOUT.with_tag_keys("tags", keys("env", "note", "team"), most=9)
    rebuilt = layout.rebuilt(2, {}, (), {"tags": {"note"}})
    assert rebuilt.tag_keys == {"tags": ("env", "team")}
    again = rebuilt.with_tag_keys("tags", keys("note", "new"), most=9)
    assert again.tag_keys == {"tags": ("env", "team", "new")}


@pytest.mark.parametrize("key", ["a.b", "a[b", "a]b", "", " a", "a ", "_id", "a\tb", "x" * 300])
def test_keys_that_cratedb_refuses_are_not_declared(key: str) -> None:
    assert LAYOUT.with_tag_keys("tags", keys(key), most=9).tag_keys == {"tags": ()}


def test_too_many_keys_to_note_end_the_declaring() -> None:
    many = LAYOUT.with_tag_keys("tags", keys(*(f"k{n}" for n in range(3_000))), most=0)
    assert many.with_tag_keys("tags", keys("new"), most=9).tag_keys == {"tags": ()}


def test_layout_comes_back_from_its_text() -> None:
    layout = LAYOUT.with_tag_keys("tags", keys("env"), most=2)
    assert Layout.model_validate_json(layout.model_dump_json()) == layout
