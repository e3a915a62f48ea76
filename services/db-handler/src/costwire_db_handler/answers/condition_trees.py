"""Conditions as trees: parsed from their text, written in the words of an engine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation

from sqlglot import Dialect, exp
from sqlglot.errors import SqlglotError

from costwire_db_handler.answers.conditions import read_instant
from costwire_db_handler.answers.speech import Fragment, Speech, TableColumn, joined
from costwire_db_handler.errors import BadQuestion
from costwire_focus.amounts import MAX_INTEGER_DIGITS
from costwire_focus.canonical import canonical_text
from costwire_focus.columns import ValueType
from costwire_focus.typed import DIGITS

_MOST_DEPTH = 100
_COMPARED: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_READ = frozenset({"this", "expression", "expressions", "low", "high"})
"""What of a node's parts is read; one with any other is refused."""
_TEXTS = (ValueType.TEXT, ValueType.JSON)
_DIALECT = Dialect.get_or_raise("postgres")
_WIDE = Context(prec=400)


def tree_of(text: str) -> exp.Expr:
    """A condition's tree; raises `BadQuestion`, and `RecursionError` of one that is too deep."""
    try:
        trees = _DIALECT.parse_into(exp.Condition, text)
    except SqlglotError as wrong:
        raise _unreadable(wrong) from None
    if len(trees) != 1 or trees[0] is None:
        raise BadQuestion("read the condition: it is one condition, without a semicolon")
    return trees[0]


def written(tree: exp.Expr, speech: Speech) -> Fragment:
    """A tree in the words of an engine; raises `BadQuestion`, and `RecursionError`."""
    return _Writer(speech).write(tree, 0)


def without_values(tree: exp.Expr) -> str:
    """A tree's text with `?` in place of its values; names and keys of tags stay."""
    tree = tree.copy()
    for literal in list(tree.find_all(exp.Literal)):
        if not isinstance(literal.parent, exp.Bracket):
            literal.replace(exp.Placeholder())
    return tree.sql(comments=False)


def _unreadable(wrong: SqlglotError) -> BadQuestion:
    errors = getattr(wrong, "errors", None) or [{}]
    line, column = errors[0].get("line"), errors[0].get("col")
    where = f" at line {line}, column {column}" if line else ""
    told = {"line": line, "column": column} if line else {}
    return BadQuestion(
        f"read the condition: it cannot be read{where}; write it like "
        "ServiceName = 'Compute' AND Tags['env'] IN ('dev', 'test')",
        **told,
    )


class _Writer:
    """Writes one tree; whatever is not named here is refused."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def write(self, node: exp.Expr, depth: int) -> Fragment:
        if depth > _MOST_DEPTH:
            raise BadQuestion("read the condition: it is nested too deeply")
        if isinstance(node, exp.Paren):
            return self.write(node.this, depth + 1)
        if isinstance(node, exp.And | exp.Or):
            # A chain of one kind leans to the left, as deep as it is long.
            word = " AND " if isinstance(node, exp.And) else " OR "
            return joined([self.write(each, depth + 1) for each in node.flatten()], word)
        if isinstance(node, exp.Not):
            return _not(self.write(node.this, depth + 1))
        if node.args.get("negate"):  # NOT LIKE, IS NOT NULL
            plain = node.copy()
            plain.set("negate", None)
            return _not(self.write(plain, depth + 1))
        if any(value and name not in _READ for name, value in node.args.items()):
            raise _unknown(node)
        if type(node) in _COMPARED:
            return self._comparison(node)
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Between):
            told = self._compared(node.this)
            return joined([told(">=", node.args["low"]), told("<=", node.args["high"])], " AND ")
        if isinstance(node, exp.Like | exp.ILike):
            return self._like(node)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return self._is_null(node)
        raise _unknown(node)

    def _comparison(self, node: exp.Expr) -> Fragment:
        left, right, operator = node.this, node.expression, _COMPARED[type(node)]
        if _is_value(left) and not _is_value(right):
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        return self._compared(left)(operator, right)

    def _in(self, node: exp.In) -> Fragment:
        values = node.expressions
        if not values:
            raise _unknown(node)
        told = self._compared(node.this)
        return joined([told("=", value) for value in values], " OR ")

    def _like(self, node: exp.Expr) -> Fragment:
        side, pattern = self._side(node.this), node.expression
        if isinstance(side, TableColumn) and side.kind not in _TEXTS:
            raise BadQuestion(f"read the condition: {side.name} is no text; LIKE is for texts")
        told, text = self._text_of(side), _text_value(pattern)
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise BadQuestion("read the condition: a pattern of LIKE ends with a lone backslash")
        if isinstance(node, exp.ILike):  # CrateDB's own folds only the letters of ASCII
            folded = told.inside("lower(", ")")
            return Fragment(f"{folded.text} LIKE lower(?) ESCAPE '\\'", (*told.arguments, text))
        return Fragment(f"{told.text} LIKE ? ESCAPE '\\'", (*told.arguments, text))

    def _is_null(self, node: exp.Is) -> Fragment:
        side = self._side(node.this)
        told = Fragment(side.sql) if isinstance(side, TableColumn) else side
        return Fragment(f"{told.text} IS NULL", told.arguments)

    def _compared(self, node: exp.Expr) -> Callable[[str, exp.Expr], Fragment]:
        """How one side is compared with a value."""
        side = self._side(node)
        if isinstance(side, TableColumn):
            if side.kind is ValueType.AMOUNT:
                return lambda operator, value: self._amount(side, operator, value)
            if side.kind is ValueType.INSTANT:
                return lambda operator, value: self._instant(side, operator, value)
            if side.kind is ValueType.TAGS:
                raise BadQuestion(
                    f"read the condition: name a tag of {side.name}: {side.name}['key']"
                )
        told = self._text_of(side)
        return lambda operator, value: Fragment(
            f"{told.text} {operator} ?", (*told.arguments, _text_value(value))
        )

    def _text_of(self, side: TableColumn | Fragment) -> Fragment:
        return Fragment(self._speech.text(side)) if isinstance(side, TableColumn) else side

    def _side(self, node: exp.Expr) -> TableColumn | Fragment:
        """A column, or a tag."""
        if isinstance(node, exp.Paren):
            return self._side(node.this)
        if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
            owner = self._side(node.this)
            return self._tag(owner, _text_value(node.expressions[0]))
        if isinstance(node, exp.Column):
            parts = [part.name for part in node.parts]
            if len(parts) == 1:
                return self._speech.column(parts[0])
            return self._tag(self._speech.column(parts[0]), ".".join(parts[1:]))
        raise _unknown(node)

    def _tag(self, owner: TableColumn | Fragment, key: str) -> Fragment:
        if not isinstance(owner, TableColumn) or owner.kind is not ValueType.TAGS:
            raise BadQuestion("read the condition: only columns of tags have keys: Tags['key']")
        return self._speech.tag(owner, key)

    def _amount(self, column: TableColumn, operator: str, value: exp.Expr) -> Fragment:
        """Exact also where the value has more digits than the column: an engine would round it."""
        number, scale = _number(column.name, value), column.scale or 0
        down = number.quantize(Decimal(1).scaleb(-scale), ROUND_FLOOR, _WIDE)
        up = number.quantize(Decimal(1).scaleb(-scale), ROUND_CEILING, _WIDE)
        if max(up.copy_abs(), down.copy_abs()) >= Decimal(10) ** (DIGITS - scale):
            raise BadQuestion(
                f"read the condition: {canonical_text(number)} is beyond what {column.name} holds"
            )

        def told(word: str, bound: Decimal) -> Fragment:
            amount = self._speech.amount(canonical_text(bound), scale)
            return Fragment(f"{column.sql} {word} {amount.text}", amount.arguments)

        if down == up or operator in ("<", ">="):
            return told(operator, up)
        if operator in (">", "<="):
            return told(operator, down)
        # Between two neighbours: never equal. Null stays null.
        apart = joined([told("<=", down), told(">=", up)], " OR ")
        return apart if operator == "<>" else _not(apart)

    def _instant(self, column: TableColumn, operator: str, value: exp.Expr) -> Fragment:
        moment = self._speech.instant(read_instant(_text_value(value)))
        return Fragment(f"{column.sql} {operator} {moment.text}", moment.arguments)


def _not(piece: Fragment) -> Fragment:
    return piece.inside("NOT (", ")")


def _is_value(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal | exp.Neg | exp.Null)


def _text_value(node: exp.Expr) -> str:
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Null):
        raise BadQuestion("read the condition: nothing equals NULL; ask IS NULL or IS NOT NULL")
    raise _unknown(node)


def _number(name: str, node: exp.Expr) -> Decimal:
    sign = ""
    while isinstance(node, exp.Neg):
        node, sign = node.this, "" if sign else "-"
    try:
        number = Decimal(sign + _text_value(node))
        if not number.is_finite() or abs(number.adjusted()) > 2 * MAX_INTEGER_DIGITS:
            raise InvalidOperation
    except InvalidOperation:
        raise BadQuestion(
            f"read the condition: {name} is an amount, and is compared with a number"
        ) from None
    return number


def _unknown(node: exp.Expr) -> BadQuestion:
    return BadQuestion(
        f"read the condition: {node.sql()!r} is nothing that can be asked here; compare a column "
        "or a tag with a value, and join conditions with AND, OR and NOT"
    )
