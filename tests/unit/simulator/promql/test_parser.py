"""Queries, read."""

from __future__ import annotations

import pytest

from costwire_simulator.promql.errors import ParseError
from costwire_simulator.promql.expressions import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Matching,
    Negation,
    Number,
    Range,
    Selector,
)
from costwire_simulator.promql.parser import parse


def a_selector(name: str) -> Selector:
    return Selector((Matcher("__name__", "=", name),))


A, B, C = map(a_selector, "abc")


@pytest.mark.parametrize(
    ("promql", "tree"),
    [
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a ^ b ^ c", Binary("^", A, Binary("^", B, C))),
        ("-a ^ b", Negation(Binary("^", A, B))),
        ("-a * b", Binary("*", Negation(A), B)),
        ("a or b and c", Binary("or", A, Binary("and", B, C))),
        ("a and b unless c", Binary("unless", Binary("and", A, B), C)),
        ("a == b + c", Binary("==", A, Binary("+", B, C))),
        ("(a + b) * c", Binary("*", Binary("+", A, B), C)),
        ("+a", A),
        ("a AND b", Binary("and", A, B)),
        ("a # not b\n", A),
    ],
)
def test_operators_bind_as_in_prometheus(promql: str, tree: object) -> None:
    assert parse(promql) == tree


@pytest.mark.parametrize(
    ("promql", "tree"),
    [
        ("sum by (a, b) (c)", Aggregate("sum", C, ("a", "b"))),
        ("sum(c) by (a, b,)", Aggregate("sum", C, ("a", "b"))),
        ("MAX without () (c)", Aggregate("max", C, (), without=True)),
        ("count(c)", Aggregate("count", C)),
        ("a > bool 0", Binary(">", A, Number(0), as_number=True)),
        (
            "a * on (x) group_left (y) b",
            Binary("*", A, B, False, Matching(("x",), True, "left", ("y",))),
        ),
        (
            "a * ignoring (x) group_right b",
            Binary("*", A, B, False, Matching(("x",), False, "right")),
        ),
        ("rate(a[1h30m])", Call("rate", (Range(A, 5400),))),
        ("rate(a[1500ms])", Call("rate", (Range(A, 1.5),))),
        ("vector(-Inf)", Call("vector", (Negation(Number(float("inf"))),))),
        ("0x1F", Number(31)),
        ("1e3", Number(1000)),
        (".5", Number(0.5)),
        ("sum", a_selector("sum")),
        ("job:up:sum", a_selector("job:up:sum")),
    ],
)
def test_modifiers_and_literals_mean_what_they_do_in_prometheus(promql: str, tree: object) -> None:
    assert parse(promql) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b\\c\n"', 'a"b\\c\n'),
        (r"'it\'s'", "it's"),
        (r"`\n`", r"\n"),
        (r'"\x41\u00e9\U0001F600\101"', "Aé😀A"),
    ],
)
def test_strings_are_unquoted_as_in_go(text: str, value: str) -> None:
    assert parse(f"a{{b={text}}}") == Selector((A.matchers[0], Matcher("b", "=", value)))


@pytest.mark.parametrize(
    ("promql", "place", "word"),
    [
        ("", "1:1", "no expression"),
        ("a +\n  )", "2:3", 'unexpected ")"'),
        ("quantile(0.9, a)", "1:1", "quantile"),
        ("avg by (x) (a)", "1:1", "avg"),
        ("a offset 5m", "1:3", "offset"),
        ("a @ 5", "1:3", "@"),
        ("rate(a[5m:1m])", "1:10", "subqueries"),
        ("a atan2 b", "1:3", "atan2"),
        ("a[5m]", "1:1", "range vector"),
        ("'text'", "1:1", "string"),
        (r'a{b="\q"}', "1:6", "escape"),
        ('a{b="c}', "1:5", "unexpected character"),
        ("1.5.2", "1:1", "unexpected character"),
        ('{b=~"x*"}', "1:1", "non-empty"),
        ("rate(sum(a)[5m])", "1:12", "vector selectors"),
        ("1 > 2", "1:3", "BOOL"),
    ],
)
def test_what_cannot_be_answered_is_refused_where_it_stands(
    promql: str, place: str, word: str
) -> None:
    with pytest.raises(ParseError) as refused:
        parse(promql)
    assert str(refused.value).startswith(f'invalid parameter "query": {place}: parse error: ')
    assert word in str(refused.value)


@pytest.mark.parametrize(
    "pattern",
    ["(", "(?=a)", "(?<!a)", "(?i)a", r"(a)\1", "a++", "a{,3}", "[[:alpha:]]", "[a--b]", r"\pL"],
)
def test_patterns_that_mean_something_else_in_python_are_refused(pattern: str) -> None:
    with pytest.raises(ParseError, match=r"1:6: parse error: .*reg(ular |)exp"):
        parse(f"a{{b=~`{pattern}`}}")


def test_queries_are_not_endlessly_deep() -> None:
    assert parse("(" * 99 + "a" + ")" * 99) == A
    with pytest.raises(ParseError, match="within each other"):
        parse("(" * 5_000 + "a" + ")" * 5_000)
