"""Reads CREATE, DROP and ALTER TABLE in CrateDB's words and writes them anew in the engine's.

The engine is never given the user's text: names are quoted, types come from a table, and the few
expressions (DEFAULT, CHECK) are checked like any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costwire_db_handler.sql.dialect import defined_type, type_words
from costwire_db_handler.sql.errors import InvalidName, SqlParse, UnsupportedFeature
from costwire_db_handler.sql.tokens import Token, quote

_MAX_NAME = 255
_MAX_COLUMNS = 1_000
_RESERVED_PREFIXES = ("costwire", "duckdb_", "information_schema", "pg_", "pragma_", "sqlite_")
_RESERVED = frozenset({"doc", "main", "memory", "sys", "system", "temp"})
_IGNORED_CLAUSES = frozenset({"CLUSTERED", "PARTITIONED", "WITH"})

Expression = Callable[[str], str]


@dataclass(frozen=True)
class Definition:
    """A table's definition: `lenient` is IF (NOT) EXISTS, `query` what follows AS."""

    table: str
    sql: str
    lenient: bool = False
    query: str | None = None


class Reader:
    """Goes through the tokens of one definition; `expression` checks one and renders it."""

    def __init__(self, statement: str, found: Sequence[Token], expression: Expression) -> None:
        self._statement = statement
        self._tokens = found
        self._at = 0
        self._expression = expression

    def create_table(self) -> Definition:
        """Read `CREATE TABLE`, up to its end.

        Raises: `SqlParse` at the first word that is not understood.
        """
        self._expect("CREATE", "TABLE")
        lenient = self._accept("IF", "NOT", "EXISTS")
        table = self._new_table()
        if self._accept("AS"):
            return Definition(table, f"CREATE TABLE main.{quote(table)} AS ", lenient, self._rest())
        self._expect("(")
        parts = [self._column_or_constraint()]
        while self._accept(","):
            parts.append(self._column_or_constraint())
        if len(parts) > _MAX_COLUMNS:
            raise SqlParse(f"create table {table}: at most {_MAX_COLUMNS:,} columns")
        self._expect(")")
        while self._peek().upper in _IGNORED_CLAUSES:
            self._skip_clause()
        self._expect_end()
        return Definition(table, f"CREATE TABLE main.{quote(table)} ({', '.join(parts)})", lenient)

    def drop_table(self) -> Definition:
        """Read `DROP TABLE [IF EXISTS] name`."""
        self._expect("DROP", "TABLE")
        lenient = self._accept("IF", "EXISTS")
        table = self.table_name()
        self._expect_end()
        return Definition(table, f"DROP TABLE main.{quote(table)}", lenient)

    def add_column(self) -> Definition:
        """Read `ALTER TABLE name ADD [COLUMN] name type`: no other change can be used."""
        self._expect("ALTER", "TABLE")
        table = self.table_name()
        if not self._accept("ADD"):
            raise UnsupportedFeature("of ALTER TABLE only ADD COLUMN can be used")
        self._accept("COLUMN")
        lenient = self._accept("IF", "NOT", "EXISTS")
        words = "IF NOT EXISTS " if lenient else ""
        column = f"{quote(self._column_name())} {self._type()}"
        self._expect_end()
        return Definition(table, f"ALTER TABLE main.{quote(table)} ADD COLUMN {words}{column}")

    def refreshed(self) -> list[str]:
        """Read `REFRESH TABLE name, ...`."""
        self._expect("REFRESH", "TABLE")
        names = [self.table_name()]
        while self._accept(","):
            names.append(self.table_name())
        self._expect_end()
        return names

    def table_name(self) -> str:
        """Read a table's name; its schema may be `doc` or `main`."""
        name = self._identifier()
        if self._accept("."):
            if name.lower() not in {"doc", "main"}:
                raise InvalidName(f"schema {name!r}: tables of users are in schema doc")
            name = self._identifier()
        return name

    def _new_table(self) -> str:
        name = self.table_name()
        folded = name.lower()
        if (
            not name
            or len(name) > _MAX_NAME
            or any(c in name for c in ".* \t\r\n")
            or folded in _RESERVED
            or folded.startswith(_RESERVED_PREFIXES)
        ):
            raise InvalidName(f"Relation name {name!r} is invalid.")
        return name

    def _column_or_constraint(self) -> str:
        if self._accept("CONSTRAINT"):
            self._identifier()
            return self._constraint()
        if self._peek().upper in {"PRIMARY", "CHECK", "UNIQUE"}:
            return self._constraint()
        column = f"{quote(self._column_name())} {self._type()}"
        while self._peek().text not in {",", ")"}:
            column += self._column_rule()
        return column

    def _constraint(self) -> str:
        if self._accept("CHECK"):
            return f"CHECK ({self._checked_parenthesis()})"
        kind = "UNIQUE" if self._accept("UNIQUE") else "PRIMARY KEY"
        if kind == "PRIMARY KEY":
            self._expect("PRIMARY", "KEY")
        self._expect("(")
        names = [quote(self._identifier())]
        while self._accept(","):
            names.append(quote(self._identifier()))
        self._expect(")")
        return f"{kind} ({', '.join(names)})"

    def _column_rule(self) -> str:
        if self._accept("PRIMARY", "KEY"):
            return " PRIMARY KEY"
        if self._accept("NOT", "NULL"):
            return " NOT NULL"
        if self._accept("NULL"):
            return ""
        if self._accept("CHECK"):
            return f" CHECK ({self._checked_parenthesis()})"
        if self._accept("DEFAULT"):
            return f" DEFAULT ({self._expression(self._until_rule())})"
        if self._accept("INDEX"):
            if not self._accept("OFF"):
                self._expect("USING")
                self._identifier()
            self._skip_options()
            return ""
        if self._accept("STORAGE"):
            self._skip_options()
            return ""
        raise self._unexpected()

    def _type(self) -> str:
        if self._accept("ARRAY", "("):
            inner = self._type()
            self._expect(")")
            return f"{inner}[]"
        if self._accept("OBJECT"):
            if self._peek().text == "(":
                self._skip_parenthesis()
            if self._accept("AS"):
                self._skip_parenthesis()
            return "MAP(VARCHAR, VARCHAR)"
        for name in type_words():
            if self._accept(*name.split()):
                return defined_type(name, self._sizes())
        raise self._unexpected("a type")

    def _sizes(self) -> list[int]:
        sizes: list[int] = []
        if not self._accept("("):
            return sizes
        while not sizes or self._accept(","):
            token = self._next()
            if not token.text.isdigit():
                raise self._unexpected("a number")
            sizes.append(int(token.text))
        self._expect(")")
        return sizes

    def _until_rule(self) -> str:
        start, depth = self._peek().start, 0
        ends = {",", ")", "PRIMARY", "NOT", "NULL", "CHECK", "INDEX", "STORAGE"}
        first = True
        while depth or first or self._peek().upper not in ends:
            text = self._next().text
            depth += (text in "([{") - (text in ")]}")
            first = False
        return self._statement[start : self._tokens[self._at - 1].end]

    def _checked_parenthesis(self) -> str:
        start = self._peek().end
        self._skip_parenthesis()
        return self._expression(self._statement[start : self._tokens[self._at - 1].start])

    def _skip_clause(self) -> None:
        self._next()
        while self._at < len(self._tokens) and self._peek().upper not in _IGNORED_CLAUSES:
            if self._peek().text == "(":
                self._skip_parenthesis()
            elif self._next().upper not in {"BY", "INTO", "SHARDS"} | _digits(self._tokens):
                self._at -= 1
                raise self._unexpected()

    def _skip_options(self) -> None:
        if self._accept("WITH"):
            self._skip_parenthesis()

    def _skip_parenthesis(self) -> None:
        self._expect("(")
        depth = 1
        while depth:
            text = self._next().text
            depth += (text == "(") - (text == ")")

    def _column_name(self) -> str:
        name = self._identifier()
        if not name or len(name) > _MAX_NAME or any(c in name for c in ".[]\t\r\n"):
            raise InvalidName(f'"{name}" cannot be a column\'s name')
        return name

    def _identifier(self) -> str:
        token = self._next()
        if token.name is None:
            self._at -= 1
            raise self._unexpected("a name")
        return token.name

    def _rest(self) -> str:
        start = self._peek().start
        self._at = len(self._tokens)
        return self._statement[start:]

    def _peek(self) -> Token:
        if self._at < len(self._tokens):
            return self._tokens[self._at]
        return Token("sign", "", len(self._statement), len(self._statement))

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise SqlParse("the statement ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, *words: str) -> bool:
        ahead = self._tokens[self._at : self._at + len(words)]
        if [token.upper for token in ahead] != list(words):
            return False
        self._at += len(words)
        return True

    def _expect(self, *words: str) -> None:
        for word in words:
            if not self._accept(word):
                raise self._unexpected(word)

    def _expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise self._unexpected("the end")

    def _unexpected(self, wanted: str = "") -> SqlParse:
        token = self._peek()
        line = self._statement.count("\n", 0, token.start) + 1
        column = token.start - self._statement.rfind("\n", 0, token.start)
        expected = f", expected {wanted}" if wanted else ""
        found = f"unexpected '{token.text}'" if token.text else "unexpected end"
        return SqlParse(f"line {line}:{column}: {found}{expected}")


def _digits(found: Sequence[Token]) -> set[str]:
    return {token.text for token in found if token.kind == "number"}
