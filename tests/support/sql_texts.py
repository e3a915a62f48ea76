"""Random statements of CrateDB that can run, with the number of references to a table in each."""

# ruff: noqa: S608 - texts of statements are what this makes

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st

_Value = TypeVar("_Value")
COLUMNS = ("id", "amount", "service")


@dataclass(frozen=True)
class SqlText:
    """A query with columns id, amount and service, and how often it refers to the table."""

    text: str
    references: int


@dataclass
class _Writer:
    """Writes one statement; every alias is used once."""

    draw: Callable[[st.SearchStrategy[_Value]], _Value]
    table: str
    others: Sequence[str]
    aliases: int = 0
    hidden: list[str] = field(default_factory=list)

    def query(self, depth: int) -> SqlText:
        """A query, perhaps with a CTE, which may have the table's name."""
        if depth == 0 or not self._maybe():
            return self._union(depth)
        name = self._one_of([self.table, "named"])
        common = self.query(depth - 1)
        self.hidden.append(name)
        body = self._union(depth)
        self.hidden.pop()
        text = f"WITH {name} AS ({common.text}) {body.text}"
        return SqlText(text, common.references + body.references)

    def _union(self, depth: int) -> SqlText:
        first = self._select(depth)
        if depth == 0 or not self._maybe():
            return first
        second = self._select(depth - 1)
        text = f"{first.text} UNION ALL {second.text}"
        return SqlText(text, first.references + second.references)

    def _select(self, depth: int) -> SqlText:
        relations = [self._relation(depth) for _ in range(self._one_of([1, 1, 2]))]
        (name, first), *rest = relations
        joined = first.text
        for other, relation in rest:
            joined += self._one_of(
                [
                    f", {relation.text}",
                    f" CROSS JOIN {relation.text}",
                    f" LEFT JOIN {relation.text} ON {name}.id = {other}.id",
                    f"\nJOIN {relation.text} ON {name}.id = {other}.id AND {other}.id > 0",
                ]
            )
        condition = self._condition(name, depth)
        shape = self._one_of(["{0}.{1} AS {1}", "max({0}.{1}) AS {1}"])
        columns = ", ".join(shape.format(name, column) for column in COLUMNS)
        references = condition.references + sum(r.references for _, r in relations)
        return SqlText(f"SELECT {columns} FROM {joined}{condition.text}", references)

    def _relation(self, depth: int) -> tuple[str, SqlText]:
        """An item of FROM and the name by which its columns are called."""
        self.aliases += 1
        alias = f"r{self.aliases}"
        as_alias = self._one_of(
            [f" AS {alias}", f" {alias}", f' "{alias}"', f"/* {self.table} */{alias}"]
        )
        kind = self._one_of(["table", "table", "query", "hidden", "other", "parenthesis"])
        if kind == "query" and depth > 0:
            inner = self.query(depth - 1)
            return alias, SqlText(f"({inner.text}){as_alias}", inner.references)
        if kind == "hidden" and self.hidden:
            return alias, SqlText(f"{self._one_of(self.hidden)}{as_alias}", 0)
        if kind == "other":
            return alias, SqlText(f"{self._one_of(self.others)}{as_alias}", 0)
        spelling = self._one_of(
            [f"doc.{self.table}", f'"doc" . "{self.table}"', f"crate.doc.{self.table.upper()}"]
            + ([] if self.table in self.hidden else [self.table, f'"{self.table}"'])
        )
        if kind == "parenthesis":
            spelling = f"({spelling} AS x{alias})"
        return alias, SqlText(spelling + as_alias, 1)

    def _condition(self, name: str, depth: int) -> SqlText:
        kind = self._one_of(["none", "text", "comment", "in", "scalar", "correlated"])
        if kind == "text":
            return SqlText(f" WHERE {name}.service <> 'it''s FROM {self.table}'", 0)
        if kind == "comment":
            return SqlText(f" -- FROM {self.table}\n WHERE {name}.amount > 0::numeric(38,18)", 0)
        if kind == "none" or depth == 0:
            return SqlText("", 0)
        self.aliases += 1
        inner, alias = self.query(depth - 1), f"s{self.aliases}"
        conditions = {
            "in": f"{name}.id IN (SELECT {alias}.id FROM ({inner.text}) {alias})",
            "scalar": f"{name}.amount <= (SELECT max(amount) FROM ({inner.text}) {alias})",
            "correlated": f"(SELECT count(*) FROM ({inner.text}) {alias}"
            f" WHERE {alias}.id = {name}.id) >= 0",
        }
        return SqlText(f" WHERE {conditions[kind]}", inner.references)

    def _maybe(self) -> bool:
        return self.draw(st.integers(0, 3)) == 0

    def _one_of(self, values: Sequence[_Value]) -> _Value:
        return self.draw(st.sampled_from(values))


@st.composite
def sql_texts(
    draw: Callable[[st.SearchStrategy[_Value]], _Value], table: str, *others: str
) -> SqlText:
    """Queries over `table` and others of the same columns."""
    return _Writer(draw, table, others).query(draw(st.integers(0, 3)))  # type: ignore[arg-type]
