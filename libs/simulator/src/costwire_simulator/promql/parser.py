"""Queries read: text in, a checked tree out. What is known to Prometheus alone is refused."""

from __future__ import annotations

import re

from costwire_simulator.promql.errors import ParseError
from costwire_simulator.promql.expressions import (
    AGGREGATES,
    COMPARISONS,
    FUNCTIONS,
    NAME,
    SETS,
    Aggregate,
    Binary,
    Call,
    Expression,
    How,
    Kind,
    Matcher,
    Matching,
    Negation,
    Number,
    Range,
    Selector,
    String,
    kind_of,
)
from costwire_simulator.promql.lexer import Token, seconds, tokens, unquoted

_LEVELS = {"or": 1, "and": 2, "unless": 2, "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "^": 6} | (
    dict.fromkeys(COMPARISONS, 3)
)
_POWER = 6
_RESERVED = frozenset({*SETS, "by", "without", "on", "ignoring", "offset", "bool"})
"""Words that no operand begins with."""
_DEEPEST = 100
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_HOWS: dict[str, How] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_NOT_OF_RE2 = re.compile(r"\(\?(?!:|P<)|\\[1-9Z]|[*+?}]\+|\{,|\[\[|--|&&|~~|\|\|")
"""What Python reads where RE2 does not, or in another way."""


def parse(text: str) -> Expression:
    """The tree of a query. Raises: `ParseError`."""
    return _Parser(text).whole()


def pattern_of(text: str) -> re.Pattern[str]:
    """A regular expression as matchers and functions take it. Raises: `ValueError`."""
    if found := _NOT_OF_RE2.search(text):
        raise ValueError(f"{found[0]!r} in a regular expression is not known here")
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise ValueError(f"error parsing regexp: {error}") from error


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*tokens(text)]
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        if self._peek().kind == "end":
            raise self._refusal("no expression found in input")
        expression = self._expression()
        if self._peek().kind != "end":
            raise self._unexpected()
        if isinstance(expression, Range | String):
            raise self._refusal(f"a {kind_of(expression)} is no answer here", self._tokens[0])
        return expression

    # Words.

    def _peek(self) -> Token:
        return self._tokens[self._at]

    @property
    def _word(self) -> str:
        """The next word in lower case, as keywords may be written; a sign; or nothing."""
        token = self._peek()
        return token.text.lower() if token.kind in ("word", "sign") else ""

    def _take(self) -> Token:
        token = self._peek()
        self._at += token.kind != "end"
        return token

    def _takes(self, *words: str) -> bool:
        """Take the next word if it is one of these."""
        if self._word in words:
            self._take()
            return True
        return False

    def _expect(self, sign: str, where: str) -> None:
        if not self._takes(sign):
            raise self._unexpected(where, f'"{sign}"')

    def _unexpected(self, where: str = "", wanted: str = "") -> ParseError:
        behind = f" in {where}" if where else ""
        hint = f", expected {wanted}" if wanted else ""
        return self._refusal(f"unexpected {self._peek()}{behind}{hint}")

    def _refusal(self, message: str, token: Token | None = None) -> ParseError:
        return ParseError(self._text, (token or self._peek()).offset, message)

    # Operators.

    def _expression(self, least: int = 1) -> Expression:
        """What binds at least as strongly."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refusal(f"more than {_DEEPEST} expressions within each other")
        left = self._unary()
        while (level := _LEVELS.get(self._word, 0)) >= least:
            token = self._take()
            as_number, matching = self._modifiers(token)
            right = self._expression(level if level == _POWER else level + 1)
            left = self._binary(token, left, right, as_number, matching)
        if self._word == "atan2":
            raise self._refusal('the operator "atan2" is not known here')
        self._depth -= 1
        return left

    def _unary(self) -> Expression:
        token = self._peek()
        if not self._takes("+", "-"):
            return self._behind(self._primary())
        operand = self._expression(_POWER)
        if kind_of(operand) not in ("scalar", "instant vector"):
            raise self._refusal(
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f'got "{kind_of(operand)}"',
                token,
            )
        return operand if token.text == "+" else Negation(operand)

    def _modifiers(self, operator: Token) -> tuple[bool, Matching | None]:
        as_number = self._takes("bool")
        if as_number and operator.text not in COMPARISONS:
            raise self._refusal("bool modifier can only be used on comparison operators", operator)
        if self._word not in ("on", "ignoring"):
            return as_number, None
        on = self._take().text.lower() == "on"
        labels = self._labels()
        include: tuple[str, ...] = ()
        many = {"group_left": "left", "group_right": "right"}.get(self._word, "")
        if many:
            if operator.text.lower() in SETS:
                raise self._refusal(f'no grouping allowed for "{operator.text}" operation')
            self._take()
            include = self._labels() if self._word == "(" else ()
            if on and (twice := [label for label in include if label in labels]):
                raise self._refusal(
                    f'label "{twice[0]}" must not occur in ON and GROUP clause at once'
                )
        return as_number, Matching(labels, on, many, include)  # type: ignore[arg-type]

    def _binary(
        self,
        token: Token,
        left: Expression,
        right: Expression,
        as_number: bool,
        matching: Matching | None,
    ) -> Binary:
        operator, kinds = token.text.lower(), (kind_of(left), kind_of(right))
        if not {*kinds} <= {"scalar", "instant vector"}:
            raise self._refusal(
                "binary expression must contain only scalar and instant vector types", token
            )
        if "scalar" in kinds:
            if operator in SETS:
                raise self._refusal(
                    f'set operator "{operator}" not allowed in binary scalar expression', token
                )
            if matching is not None:
                raise self._refusal("vector matching only allowed between instant vectors", token)
            if operator in COMPARISONS and not as_number and kinds == ("scalar", "scalar"):
                raise self._refusal("comparisons between scalars must use BOOL modifier", token)
        return Binary(operator, left, right, as_number, matching or Matching())

    # Operands.

    def _primary(self) -> Expression:
        token = self._take()
        if token.kind == "number":
            return Number(float(_number(token.text)))
        if token.kind == "string":
            return String(unquoted(self._text, token))
        if token.text == "(":
            inner = self._expression()
            self._expect(")", "parentheses")
            return inner
        if token.text == "{":
            return self._selector("", token)
        if token.kind == "word":
            return self._named(token)
        self._at -= token.kind != "end"
        raise self._unexpected()

    def _named(self, token: Token) -> Expression:
        lower = token.text.lower()
        if lower in _RESERVED:
            self._at -= 1
            raise self._unexpected()
        if self._word in ("(", "by", "without"):
            return self._aggregate(lower) if lower in AGGREGATES else self._call(token)
        if lower in ("inf", "nan"):
            return Number(float(lower))
        return self._selector(token.text, token)

    def _behind(self, operand: Expression) -> Expression:
        """What stands behind an operand."""
        if self._word == "[":
            bracket = self._take()
            if not isinstance(operand, Selector):
                raise self._refusal("ranges only allowed for vector selectors", bracket)
            if self._peek().kind != "duration":
                raise self._unexpected("subquery or range", "duration")
            length = seconds(self._take().text)
            if self._peek().text.startswith(":"):
                raise self._refusal("subqueries are not known here")
            self._expect("]", "subquery or range")
            if not length:
                raise self._refusal("duration must be greater than 0", bracket)
            operand = Range(operand, length)
        if self._word in ("offset", "@"):
            raise self._refusal(f'the modifier "{self._word}" is not known here')
        return operand

    def _aggregate(self, operator: str) -> Aggregate:
        grouping = self._grouping()
        start = self._peek()
        self._expect("(", "aggregation")
        if self._takes(")"):
            raise self._refusal("no arguments for aggregate expression provided", start)
        inner = self._expression()
        if self._word == ",":
            raise self._refusal(f'wrong number of arguments for "{operator}", expected 1')
        self._expect(")", "aggregation")
        self._check_kind(inner, "instant vector", f'aggregation expression "{operator}"', start)
        without, labels = grouping or self._grouping() or (False, ())
        return Aggregate(operator, inner, labels, without)

    def _grouping(self) -> tuple[bool, tuple[str, ...]] | None:
        if self._word not in ("by", "without"):
            return None
        without = self._take().text.lower() == "without"
        return without, self._labels()

    def _labels(self) -> tuple[str, ...]:
        self._expect("(", "grouping opts")
        labels = []
        while not self._takes(")"):
            token = self._peek()
            if token.kind != "word" or not _LABEL.fullmatch(token.text):
                raise self._unexpected("grouping opts", "label")
            labels.append(self._take().text)
            if not self._takes(",") and self._word != ")":
                raise self._unexpected("grouping opts", '"," or ")"')
        return tuple(labels)

    def _call(self, name: Token) -> Call:
        if name.text not in FUNCTIONS:
            raise self._refusal(f'the function "{name.text}" is not known here', name)
        self._expect("(", "function call")
        arguments: list[Expression] = []
        starts: list[Token] = []
        while not self._takes(")"):
            starts.append(self._peek())
            arguments.append(self._expression())
            if not self._takes(",") and self._word != ")":
                raise self._unexpected("function call", '"," or ")"')
        wanted = FUNCTIONS[name.text][0]
        if len(arguments) != len(wanted):
            raise self._refusal(
                f'expected {len(wanted)} argument(s) in call to "{name.text}", '
                f"got {len(arguments)}",
                name,
            )
        for argument, kind, start in zip(arguments, wanted, starts, strict=True):
            self._check_kind(argument, kind, f'call to function "{name.text}"', start)
        return Call(name.text, tuple(arguments))

    def _check_kind(self, expression: Expression, kind: Kind, where: str, start: Token) -> None:
        if (found := kind_of(expression)) != kind:
            raise self._refusal(f"expected type {kind} in {where}, got {found}", start)

    # Selectors.

    def _selector(self, name: str, start: Token) -> Selector:
        matchers = [Matcher(NAME, "=", name)] if name else []
        if not name or self._takes("{"):
            while not self._takes("}"):
                matcher = self._matcher()
                if name and matcher.label == NAME:
                    raise self._refusal(f'metric name must not be set twice: "{name}"', start)
                matchers.append(matcher)
                if not self._takes(",") and self._word != "}":
                    raise self._unexpected("label matching", '"," or "}"')
        if all(matcher.fits("") for matcher in matchers):
            raise self._refusal(
                "vector selector must contain at least one non-empty matcher", start
            )
        return Selector(tuple(matchers))

    def _matcher(self) -> Matcher:
        label = self._peek()
        if label.kind != "word" or not _LABEL.fullmatch(label.text):
            raise self._unexpected("label matching", 'identifier or "}"')
        self._take()
        if (how := _HOWS.get(self._word)) is None:
            raise self._unexpected("label matching", "label matching operator")
        self._take()
        value = self._peek()
        if value.kind != "string":
            raise self._unexpected("label matching", "string")
        text = unquoted(self._text, self._take())
        try:
            pattern = pattern_of(text) if how in ("=~", "!~") else None
        except ValueError as error:
            raise self._refusal(str(error), value) from error
        return Matcher(label.text, how, text, pattern)


def _number(text: str) -> float | int:
    return int(text, 16) if text[:2].lower() == "0x" else float(text)
