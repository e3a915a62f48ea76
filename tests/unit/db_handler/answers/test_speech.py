"""A relation names the columns that a statement speaks of, and no others."""

from __future__ import annotations

from costwire_db_handler.answers.speech import Relation, TableColumn
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech
from costwire_focus.columns import ValueType

SPEECH = DuckDBSpeech(
    "charges",
    [
        TableColumn("RegionId", ValueType.TEXT, '"RegionId"'),
        TableColumn('x_"Quoted" Name', ValueType.TEXT, '"x_""Quoted"" Name"'),
        TableColumn("Tags", ValueType.TAGS, '"Tags"', json_sql='"TagsJson"'),
    ],
)


def named(relation: Relation, *texts: str) -> list[str]:
    """What is selected from the first table beside what always is."""
    selected = relation.wanted_by(*texts).split(" FROM ", 1)[0]
    return selected.removeprefix(f"(SELECT {relation.always}").strip(", ").split(", ")


def test_columns_that_a_statement_speaks_of_are_named() -> None:
    visible = SPEECH.visible(3)

    assert named(visible, 'count(*), "Tags"[?]', "\"RegionId\" = 'x'") == ['"RegionId"', '"Tags"']
    assert named(visible, 'max("TagsJson")') == ['"TagsJson"']
    assert named(visible, "count(*)") == [""]


def test_name_with_quotes_is_told_from_its_pieces() -> None:
    assert named(SPEECH.visible(3), '"x_""Quoted"" Name"') == ['"x_""Quoted"" Name"']


def test_both_tables_have_the_same_columns() -> None:
    for relation in (SPEECH.visible(3), SPEECH.either(3, 4), SPEECH.came(5), SPEECH.only(4, 3)):
        told = relation.wanted_by('"Tags" "RegionId"').removeprefix("(")
        current, history = (each.split(" FROM ")[0] for each in told.split(" UNION ALL "))
        columns = f'SELECT {relation.always}, "RegionId", "Tags"'
        assert current.startswith(columns)
        assert history.startswith(columns)


def test_earlier_state_alone_has_closed_charges_only() -> None:
    assert "charges__current" in SPEECH.only(4, 3).wanted_by()
    assert "charges__current" not in SPEECH.only(3, 4).wanted_by()
