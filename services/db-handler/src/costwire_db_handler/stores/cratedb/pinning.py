"""Pins one state of versioned tables for the whole of a statement, by rewriting its text. No IO.

Readers query a view whose state a pointer chooses. CrateDB reads the pointer anew for each
reference, so a statement that reads a table twice may see two states: each reference becomes a
subselect over the table's versions. They are found in the tree of CrateDB's own grammar.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from threading import Lock
from time import thread_time
from typing import Any

from costwire_db_handler.names import quoted
from costwire_db_handler.sql.errors import SqlParse, UnsupportedFeature

_SCHEMA = "doc"
_QUALIFIERS = ((), (_SCHEMA,), ("crate", _SCHEMA))
_MAX_PARSED_CHARACTERS = 64 * 1024
_MAX_PARSING_SECONDS = 5.0  # of the processor
_MAX_LEARNED = 3_000

# What CrateDB's lexer takes for one token where a name could stand or hide.
_TOKEN = re.compile(
    r"""
      [eE]'(?:[^'\\]|''|\\+[^\\])*'
    | '[^']*(?:''[^']*)*'
    | --[^\r\n]*
    | /\*.*?\*/
    | \$(?P<tag>(?:[A-Za-z_][A-Za-z0-9_@]*)?)\$.*?\$(?P=tag)\$
    | [0-9][\w@]*
    | "(?P<quoted>[^"]*(?:""[^"]*)*)"
    | (?P<word>[A-Za-z_][A-Za-z0-9_@]*)
    """,
    re.VERBOSE | re.DOTALL,
)
# CrateDB reserves COSTS for these options alone, and then no table can be called so without quotes.
_RESERVED = "costs"
_EXPLAIN_OPTIONS = re.compile(
    r"\s*explain\s*(?:\(\s*(?:analyze|costs|verbose)\b[^)]*\)\s*)+", re.IGNORECASE
)


class Unreadable(SqlParse):
    """Our grammar cannot read the statement, so it cannot be pinned; it must not run as it is.

    The caller asks CrateDB to `EXPLAIN` it. What is wrong for CrateDB as well is then sent as it
    is, for CrateDB's own error; what CrateDB understands is answered with this one.
    """


@dataclass(frozen=True)
class Pinned:
    """A versioned table, one of its states (a commit), and its public columns in order."""

    table: str
    state: int
    columns: Sequence[str]

    @property
    def subselect(self) -> str:
        """The charges of the state, in parentheses."""
        columns = ", ".join(quoted(column) for column in self.columns)
        versions = f"{_SCHEMA}.{quoted(self.table + '__versions')}"
        state = int(self.state)
        return f"(SELECT {columns} FROM {versions} WHERE _commit <= {state} AND _last >= {state})"


def spelled(statement: str) -> str:
    """The statement with every bare `costs` in quotes: CrateDB would take it for its own word."""
    if _RESERVED not in statement.lower():
        return statement
    options = _EXPLAIN_OPTIONS.match(statement)
    places = [
        word.span()
        for word in _TOKEN.finditer(statement, options.end() if options else 0)
        if (word["word"] or "").lower() == _RESERVED
    ]
    return _edited(statement, [_Edit(*place, quoted(_RESERVED)) for place in places])


def names_versioned(statement: str, tables: Collection[str]) -> int:
    """How often the name of a versioned table occurs outside of strings and comments."""
    folded = statement.lower()
    if not any(table.lower() in folded for table in tables):
        return 0
    return sum(name in tables for name in _names(statement))


def may_mix(statement: str, tables: Collection[str]) -> bool:
    """Whether one run may read versioned tables more than once; if not, it need not be pinned.

    One mention is enough where CrateDB may run it again: in a CTE (it puts the query in place of
    each use) and in a subquery (once for each row, when it is correlated).
    """
    named = names_versioned(statement, tables)
    if named != 1:
        return named > 1
    words = [(word["word"] or "").lower() for word in _TOKEN.finditer(statement)]
    return words.count("select") > 1 or "with" in words


def pinned(statement: str, states: Mapping[str, Pinned]) -> str:
    """The statement with every reference to a versioned table reading the state given for it.

    The keys of `states` are names of tables in schema `doc`, which is the caller's first one. What
    a statement changes, and the definition of a view (it is evaluated later), stay as they are.

    Raises: `Unreadable`; `UnsupportedFeature` where a table hides behind a name of the statement.
    """
    statement = spelled(statement)
    if len(statement) > _MAX_PARSED_CHARACTERS:
        raise UnsupportedFeature(
            "a statement that reads a cost table more than once may have "
            f"{_MAX_PARSED_CHARACTERS:,} characters: values belong into the arguments"
        )
    try:
        references = _References(statement, states)
        references.walk(_tree(statement), _Sight())
    except RecursionError:
        raise UnsupportedFeature("the statement is nested too deeply") from None
    return _edited(statement, references.edits)


def _names(statement: str) -> Iterator[str]:
    for token in _TOKEN.finditer(statement):
        if token["word"]:
            yield token["word"].lower()
        elif token["quoted"]:
            yield token["quoted"].replace('""', '"')


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def _edited(statement: str, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        statement = statement[: edit.start] + edit.text + statement[edit.end :]
    return statement


@dataclass(frozen=True)
class _Sight:
    """The names in sight of a part: those that hide tables, and pinned tables without an alias.

    CTEs hide tables, and so do, in CrateDB, aliases of the same FROM and of all around it.
    """

    hiding: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()


class _References:
    """Walks a tree and collects what must be reworded."""

    def __init__(self, statement: str, states: Mapping[str, Pinned]) -> None:
        self.edits: list[_Edit] = []
        self._statement = statement
        self._states = states

    def walk(self, node: Any, sight: _Sight) -> None:
        """Any part of the tree."""
        visit = getattr(self, "_" + type(node).__name__, None)
        if visit is not None:
            visit(node, sight)
        else:
            self._children(node, sight)

    def _children(self, node: Any, sight: _Sight) -> None:
        for child in getattr(node, "children", None) or ():
            self.walk(child, sight)

    def _CreateViewContext(self, node: Any, sight: _Sight) -> None:
        """Evaluated later, at the state of that time."""

    def _UpdateContext(self, node: Any, sight: _Sight) -> None:
        for child in node.children:
            if child is not _target(node):
                self.walk(child, sight)

    _DeleteContext = _UpdateContext

    def _QueryContext(self, node: Any, sight: _Sight) -> None:
        with_ = node.with_()
        for named in with_.namedQuery() if with_ else ():
            self.walk(named.query(), sight)
            sight = _hiding(sight, _name(named.name))
        self.walk(node.queryNoWith(), sight)

    def _QueryNoWithContext(self, node: Any, sight: _Sight) -> None:
        body = node.queryTerm()
        spec = body.querySpec() if type(body).__name__ == "QueryTermDefaultContext" else None
        if type(spec).__name__ == "DefaultQuerySpecContext":
            after = self._query_spec(spec, sight)
        else:
            self.walk(body, sight)
            after = sight
        for child in node.children:
            if child is not body:
                self.walk(child, after)

    def _DefaultQuerySpecContext(self, node: Any, sight: _Sight) -> None:
        self._query_spec(node, sight)

    def _query_spec(self, node: Any, sight: _Sight) -> _Sight:
        """One SELECT; gives what its ORDER BY sees."""
        relations = node.relation()
        for relation in relations:
            sight = self._relation(relation, sight)
        for child in node.children:
            if child not in relations:
                self.walk(child, sight)
        return sight

    def _relation(self, node: Any, sight: _Sight) -> _Sight:
        """One item of FROM; gives what the items after it see."""
        kind = type(node).__name__
        if kind == "JoinRelationContext":
            for side in (node.left, node.right or node.rightRelation):
                sight = self._relation(side, sight)
            if node.joinCriteria():
                self.walk(node.joinCriteria(), sight)
            return sight
        if kind == "RelationDefaultContext":
            return self._relation(node.aliasedRelation(), sight)
        return self._aliased(node, sight)

    def _aliased(self, node: Any, sight: _Sight) -> _Sight:
        primary, alias = node.relationPrimary(), node.ident()
        kind = type(primary).__name__
        if kind == "ParenthesizedRelationContext":
            sight = self._relation(primary.relation(), sight)
        elif kind == "TableRelationContext" and _is_name(primary.table()):
            sight = self._table(primary.table().qname(), alias, sight)
        else:
            self.walk(primary, sight)
        return _hiding(sight, _name(alias)) if alias else sight

    def _table(self, qname: Any, alias: Any, sight: _Sight) -> _Sight:
        *schema, table = (_name(part) for part in qname.ident())
        pin = self._states.get(table) if tuple(schema) in _QUALIFIERS else None
        if pin is None or (not schema and table in sight.hiding):
            return sight
        if alias:
            self._replace(qname, pin.subselect)
            return sight
        if table in sight.hiding:
            raise UnsupportedFeature(
                f"{table} has two meanings in the statement: give {_SCHEMA}.{table} an alias"
            )
        self._replace(qname, f"{pin.subselect} AS {quoted(table)}")
        return replace(sight, bare=sight.bare | {table})

    def _SelectSingleContext(self, node: Any, sight: _Sight) -> None:
        known = len(self.edits)
        self.walk(node.expr(), sight)
        if node.ident() is None and any(edit.text.startswith("(") for edit in self.edits[known:]):
            # CrateDB calls a column by its expression: by the user's, not by ours.
            start, end = _span(node)
            self.edits.append(_Edit(end, end, f" AS {quoted(self._statement[start:end])}"))

    def _SelectAllContext(self, node: Any, sight: _Sight) -> None:
        if node.qname():
            self._without_schema(node.qname().ident(), sight, parts=1)

    def _DereferenceContext(self, node: Any, sight: _Sight) -> None:
        self._without_schema(node.ident(), sight, parts=2)

    def _without_schema(self, idents: Sequence[Any], sight: _Sight, *, parts: int) -> None:
        """`doc.costs.x` becomes `costs.x`: a subselect has no schema."""
        names = [_name(ident) for ident in idents]
        for at in range(1, len(names) - parts + 1):
            if tuple(names[:at]) in _QUALIFIERS and names[at] in sight.bare:
                self.edits.append(_Edit(_span(idents[0])[0], _span(idents[at])[0], ""))
                return

    def _replace(self, node: Any, text: str) -> None:
        self.edits.append(_Edit(*_span(node), text))


def _target(node: Any) -> Any:
    return node.aliasedRelation()


def _is_name(table: Any) -> bool:
    return type(table).__name__ == "TableNameContext"


def _hiding(sight: _Sight, name: str) -> _Sight:
    return replace(sight, hiding=sight.hiding | {name})


def _span(node: Any) -> tuple[int, int]:
    return node.start.start, node.stop.stop + 1


def _name(ident: Any) -> str:
    text: str = ident.getText()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text.lower()


_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_one_at_a_time = Lock()


def _tree(statement: str) -> Any:
    """The statement as a tree of CrateDB's grammar.

    Raises: `Unreadable`, or `UnsupportedFeature` when reading takes too long.
    """
    with _one_at_a_time:  # What a parser learns is kept for all parsers, and nothing guards it.
        return _grammar().read(statement)


@cache
def _grammar() -> _Grammar:
    return _Grammar()


class _Grammar:
    """CrateDB's grammar in Python: loaded when the first statement wants it, in 0.1 s."""

    def __init__(self) -> None:
        # Neither package has type hints.
        self._antlr: Any = import_module("antlr4")
        self._modes: Any = import_module("antlr4.atn.PredictionMode").PredictionMode
        self._bail: Any = import_module("antlr4.error.ErrorStrategy").BailErrorStrategy
        self._dfa: Any = import_module("antlr4.dfa.DFA").DFA
        self._cancelled: Any = import_module("antlr4.error.Errors").ParseCancellationException
        # The lexer is complete only with what this module adds to it.
        self._crate: Any = import_module("cratedb_sqlparse.parser")

    def read(self, statement: str) -> Any:
        """The tree of one statement; places in it count characters of its text."""
        try:
            for mode in (self._modes.SLL, self._modes.LL):  # The first is quick, the other sure.
                try:
                    return self._parse(statement, mode)
                except self._cancelled:
                    continue
        finally:
            self._forget()
        raise Unreadable("the statement cannot be read")

    def _parse(self, statement: str, mode: int) -> Any:
        text = self._antlr.InputStream(statement)
        # Its own stream for letters of any case cannot take those that have no single capital.
        text.data = [ord(character) for character in statement.translate(_UPPER)]
        lexer = self._crate.SqlBaseLexer(text)
        lexer.tags = []  # Else all lexers share one list, and an open `$$` is left in it.
        lexer.removeErrorListeners()
        parser = self._crate.SqlBaseParser(self._antlr.CommonTokenStream(lexer))
        parser.removeErrorListeners()
        parser.addParseListener(_Deadline(thread_time() + _MAX_PARSING_SECONDS))
        parser._errHandler = self._bail()
        parser._interp.predictionMode = mode
        return parser.singleStatement()

    def _forget(self) -> None:
        """Keep what parsers learn of ever new statements within 40 MB (a state takes 11 kB)."""
        parser = self._crate.SqlBaseParser
        if sum(len(dfa.states) for dfa in parser.decisionsToDFA) > _MAX_LEARNED:
            states = parser.atn.decisionToState
            parser.decisionsToDFA[:] = [self._dfa(state, at) for at, state in enumerate(states)]
            parser.sharedContextCache.cache.clear()


class _Deadline:
    """Ends the parsing of a statement that takes too long; antlr4 calls it at each rule."""

    def __init__(self, until: float) -> None:
        self._until = until

    def enterEveryRule(self, _rule: Any) -> None:
        if thread_time() > self._until:
            raise UnsupportedFeature("the statement takes too long to read: write it more simply")

    def exitEveryRule(self, _rule: Any) -> None: ...

    def visitTerminal(self, _token: Any) -> None: ...

    def visitErrorNode(self, _token: Any) -> None: ...
