"""Names of the views beside a table."""

import pytest

from costwire_db_handler.beside import in_the_way, is_view_name, require_table_name, views_of
from costwire_db_handler.errors import TableTaken


def test_views_are_called_by_their_table() -> None:
    assert views_of("charges") == ("charges__versions", "charges__states")


@pytest.mark.parametrize("table", views_of("x"))
def test_name_of_a_view_is_for_no_table(table: str) -> None:
    assert is_view_name(table)
    with pytest.raises(TableTaken, match=f"deliver to {table}: .* use another"):
        require_table_name(table)


@pytest.mark.parametrize("table", ["charges", "versions", "x_versions", "x__versions_2", "states"])
def test_other_names_are_for_tables(table: str) -> None:
    require_table_name(table)
    assert not is_view_name(table)


def test_reason_says_whose_table_is_in_the_way() -> None:
    told = in_the_way("charges", "charges__states", "rita has").detail
    assert told.startswith("deliver to charges: rita has a table charges__states, ")
    assert "rita has a table of this name" in in_the_way("c", "c", "rita has").detail
