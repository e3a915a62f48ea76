"""CrateDB's words become the engine's, and nothing else changes."""

import pytest

from costwire_db_handler.sql.rewording import reworded


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 7 / 2, a/b FROM t", "SELECT 7 // 2, a//b FROM t"),
        ("SELECT 7 // 2", "SELECT 7 // 2"),
        ("SELECT '1/2', \"a/b\" /* 1/2 */ -- 1/2", "SELECT '1/2', \"a/b\" /* 1/2 */ -- 1/2"),
        ("SELECT 1 / /* half */ 2", "SELECT 1 // /* half */ 2"),
        ("ORDER BY a DESC, b desc", "ORDER BY a DESC NULLS FIRST, b desc NULLS FIRST"),
        ("ORDER BY a DESC NULLS LAST, b ASC", "ORDER BY a DESC NULLS LAST, b ASC"),
        ("DESC charges", "DESC charges"),
        ("SELECT 'x DESC', \"desc\"", "SELECT 'x DESC', \"desc\""),
    ],
)
def test_division_and_order_are_cratedbs(statement: str, expected: str) -> None:
    assert reworded(statement) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{a = 'x'}", "MAP {'a': CAST( 'x' AS VARCHAR)}"),
        (
            '{a=1, "B c"=f(1, 2)}',
            "MAP {'a': CAST(1 AS VARCHAR), 'B c': CAST(f(1, 2) AS VARCHAR)}",
        ),
        (
            "{a={b=1}, c=[1, 2]}",
            "MAP {'a': CAST(to_json(MAP {'b': CAST(1 AS VARCHAR)}) AS VARCHAR),"
            " 'c': CAST(to_json([1, 2]) AS VARCHAR)}",
        ),
        ("{}", "MAP(CAST([] AS VARCHAR[]), CAST([] AS VARCHAR[]))"),
        ("{'a': 1, 'b': {'c': 2}}", "{'a': 1, 'b': {'c': 2}}"),
        ("MAP {'a': b = 1}", "MAP {'a': b = 1}"),
        ("'{a = 1}'", "'{a = 1}'"),
        ("{a = 1", "MAP {'a': CAST( 1"),
        ("a = 1}", "a = 1}"),
    ],
)
def test_objects_are_maps_of_texts(given: str, expected: str) -> None:
    assert reworded(given) == expected


def test_what_was_reworded_stays() -> None:
    once = reworded("SELECT {a = 1 / 2} FROM t ORDER BY x DESC")
    assert reworded(once) == once
