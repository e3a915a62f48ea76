"""Names of columns in SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_db_handler.names import json_name, quoted, sql_names
from costwire_focus.columns import COLUMNS


def test_focus_columns_keep_their_names() -> None:
    assert sql_names(COLUMNS, {}) == {name: name for name in COLUMNS}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x_Team", "x_Team"),
        ("a.b", "a_b"),
        ("a[0]", "a_0_"),
        ("a\nb\x7f", "a_b_"),
        ("_id", "column_id"),
        ("", "column"),
        (".", "column_"),
        ("billedcost", "billedcost_2"),
        ("TAGSJSON", "TAGSJSON_2"),
        ("Kosten pro Stück", "Kosten pro Stück"),
    ],
)
def test_other_names_become_legal(name: str, expected: str) -> None:
    assert sql_names([name], {}) == {name: expected}


def test_names_that_sql_would_take_for_one_are_numbered_as_they_come() -> None:
    assert sql_names(["team", "Team", "a.b", "a_b", "TEAM"], {}) == {
        "team": "team",
        "Team": "Team_2",
        "a.b": "a_b",
        "a_b": "a_b_2",
        "TEAM": "TEAM_3",
    }


def test_name_that_looks_like_a_numbered_one_is_moved_on() -> None:
    assert list(sql_names(["a", "a_2", "A"], {}).values()) == ["a", "a_2", "A_3"]


def test_known_names_never_change() -> None:
    known = sql_names(["Team"], {})
    assert sql_names(["team", "Team"], known) == {"Team": "Team", "team": "team_2"}


def test_focus_column_that_comes_later_keeps_its_name() -> None:
    known = sql_names(["skuid", "tagsjson"], {})
    assert sql_names(["SkuId", "Tags"], known)["SkuId"] == "SkuId"
    assert "tagsjson" not in {name.lower() for name in known.values()}


@given(st.lists(st.text(), unique=True))
def test_names_are_apart_and_legal_on_every_engine(names: list[str]) -> None:
    mapped = sql_names(names, {})
    folded = [name.lower() for name in mapped.values()]
    assert len(set(folded)) == len(names)
    for name in mapped.values():
        assert name
        assert not name.startswith("_")
        assert not set(name) & set(".[]\n\r\t\0")


def test_json_text_stands_beside_tags() -> None:
    assert json_name("Tags") == "TagsJson"


def test_identifier_is_quoted() -> None:
    assert quoted('say "hi"') == '"say ""hi"""'
