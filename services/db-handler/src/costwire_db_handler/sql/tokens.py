"""Cuts a statement into tokens: to see its first words, quoted names, and a table's definition.

Nothing is allowed because of what is read here: every text that runs is parsed and checked again by
the engine's own parser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from costwire_db_handler.sql.errors import SqlParse

_TOKEN = re.compile(
    r"""
      (?P<blank>[\s\u00a0\u2000-\u200b\u3000\ufeff]+ | --[^\n]*)
    | (?P<comment>/\*)
    | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
    | (?P<number>[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)? | \.[0-9]+)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
MAX_TOKENS = 50_000
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Token:
    """One token: kind (`text`, `quoted`, `dollar`, `number`, `word`, `sign`), text, place."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The word in capitals; other tokens as they stand."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def name(self) -> str | None:
        """The identifier: an unquoted one folded to lower case, a quoted one as it is."""
        if self.kind == "word":
            return fold(self.text)
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return None


def fold(name: str) -> str:
    """Lower case as the engine understands it: of ASCII letters alone."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def quote(name: str) -> str:
    """Render an identifier so that it is taken exactly."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Render a text literal."""
    return "'" + text.replace("'", "''") + "'"


def tokens(statement: str) -> list[Token]:
    """All tokens of a statement, comments and blanks left out.

    Raises: `SqlParse` for a comment without an end, and for more tokens than are worth parsing.
    """
    found = list(islice(_scan(statement), MAX_TOKENS + 1))
    if len(found) > MAX_TOKENS:
        raise SqlParse("the statement has too many parts: send the values as bulk arguments")
    return found


def _scan(statement: str) -> Iterator[Token]:
    at = 0
    while found := _TOKEN.match(statement, at):
        kind = found.lastgroup if found.lastgroup != "tag" else "dollar"
        if kind == "comment":
            at = _comment_end(statement, found.end())
            continue
        at = found.end()
        if kind != "blank":
            yield Token(str(kind), found.group(), found.start(), at)


def _comment_end(statement: str, at: int) -> int:
    depth = 1
    while edge := _COMMENT_EDGE.search(statement, at):
        at = edge.end()
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return at
    raise SqlParse("a comment that begins with /* has no end")


def quoted_names(statement: str) -> frozenset[str]:
    """Every name that stands in double quotes: its spelling is meant."""
    return frozenset(
        token.name for token in tokens(statement) if token.kind == "quoted" and token.name
    )
