"""Two tenants in one store, and random statements and questions by which one might see the other.

`hidden` finds what is B's in an answer: each text of B's rows holds `MARK`, each amount `DIGITS`.
"""

# ruff: noqa: S608 -- statements are what is made here
from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.factories import OCTOBER, SEPTEMBER

MARK, DIGITS = "zqb", "7731946"
WHERE = "SubAccountId = 'acc-a' AND Tags['team'] = 'a'"
Row = dict[str, str | None]


def rows_of_a(generation: int) -> list[Row]:
    """What tenant A has in a delivery: some of it stays, is corrected, moves, goes and comes."""
    found = []
    for number in range(12 + generation):
        moved = generation if number % 5 == 0 else 0
        corrected = generation if number % 4 == 1 else 0
        tags = {"team": "a", "env": "dev" if number % 3 else "prod", "n": str(moved)}
        found.append(
            _row(
                f"disk-{number}",
                f"{number}.{25 + corrected}",
                number,
                SubAccountId="acc-a",
                Tags=json.dumps(tags),
                x_unit=f"unit-{number % 2}",
            )
        )
    return found[generation:]


def rows_of_b(generation: int) -> list[Row]:
    """What is not A's: of B, without tags, of A's account but another team, and the reverse."""
    found = []
    for number in range(16):
        tags: dict[str, str] | None = {"team": MARK, f"{MARK}-key": f"{MARK}-{number}"}
        account: str | None = f"{MARK}-account"
        if number % 4 == 1:
            tags = None
        elif number % 4 == 2:
            account = "acc-a"
        elif number % 4 == 3:
            account, tags = (None, tags) if number % 8 == 3 else (account, {"team": "a"})
        cost = f"{DIGITS}{number:02d}.{generation + 1}5"
        told = None if tags is None else json.dumps(tags)
        found.append(
            _row(f"{MARK}-{number}", cost, number, SubAccountId=account, Tags=told, x_unit=MARK)
            | {"ServiceName": f"{MARK}-service", "InvoiceId": f"{MARK}-invoice"}
        )
    return found


def _row(resource: str, cost: str, number: int, **more: str | None) -> Row:
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": cost if number % 3 else None,
        "ContractedCost": cost,
        "BillingCurrency": "EUR" if number % 4 == 0 else "USD",
        **(OCTOBER if number % 3 == 0 else SEPTEMBER),
        "ChargePeriodStart": f"2024-09-{number % 20 + 1:02d}T00:00:00Z",
        "ChargePeriodEnd": f"2024-09-{number % 20 + 2:02d}T00:00:00Z",
        "ServiceName": ("Storage", "Compute")[number % 2],
        "InvoiceId": f"invoice-{number % 3}",
        "InvoiceIssuerName": "Acme",
        "ResourceId": resource,
        "ChargeCategory": "Usage",
        **more,
    }


def hidden(text: str) -> str | None:
    """What of B stands in a text; None is what should be."""
    folded = text.lower()
    return next((each for each in (MARK, DIGITS) if each in folded), None)


TEXTS = ("ResourceId", "ServiceName", "SubAccountId", "InvoiceId", "x_unit", "Tags['team']")
AMOUNTS = ("BilledCost", "EffectiveCost", "ListCost")
INSTANTS = ("ChargePeriodStart", "ChargePeriodEnd")
TABLES = ("charges", "charges__versions", "doc.charges", "main.charges__versions", "more")
SAFE_SUMS = ("sum({a})", "max({a})", "min({t})", "count(DISTINCT {t})", "count({a})", "max({i})")
FREE_SUMS = (
    *("any_value({t})", "string_agg({t})", "first({t})", "array_agg({a})", "mode({t})"),
    *("approx_quantile({a}, 0.5)", "histogram({t})", "arg_max({t}, {a})", "list({t})"),
)
CELLS = (
    *("{t}", "{a}", "{i}", "{a}::text", "upper({t})", "md5({t})", "hash({t})", "{a} * 2"),
    *("length({t})", "coalesce({t}, 'none')", "date_trunc('month', {i})", "map_keys(Tags)"),
    *("Tags", "TagsJson", "json_extract_string(TagsJson, '$.team')", "typeof({a})"),
)
PROBES = (
    *("CAST({t} AS INTEGER)", "CAST(replace({t}, 'disk-', '') AS INTEGER)", "error({t})"),
    *("CAST({a} AS TINYINT)", "strptime({t}, '%Y')", "{t}::DATE", "CAST(TagsJson AS INTEGER)"),
    *("factorial(CAST({a} AS INTEGER))", "1 // CAST({a} AS INTEGER)", "chr({a}::INTEGER)"),
)
ELSEWHERE = (
    *("hidden", "hidden__versions", "costwire.charges__current", "costwire.charges__history"),
    *("costwire.deliveries", "costwire.quarantine", "costwire.users", "store.main.charges"),
    *("duckdb_tables()", "duckdb_columns()", "duckdb_views()", "pragma_storage_info('charges')"),
    *("pragma_table_info('charges')", "duckdb_logs()", "duckdb_temporary_files()", "incoming"),
    *("pg_catalog.pg_class", "sqlite_master", "information_schema.views", "temp.main.charges"),
    *("read_csv('store.duckdb')", "'store.duckdb'", "query('FROM charges')", "duckdb_memory()"),
    *("query_table('charges')", "duckdb_settings()", "sys.jobs", "information_schema.tables"),
    *("information_schema.columns", "sys.nodes", "sys.cluster", "information_schema.schemata"),
)


@dataclass(frozen=True)
class Asked:
    """A statement, and whether its rows are the same wherever the same rows are stored."""

    text: str
    is_exact: bool


class Statements:
    """Random statements of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- to be repeated, not secret
        self._exact = True
        self._names = 0

    def next(self) -> Asked:
        """The next one."""
        self._exact = True
        told = self._one_of(
            *(self._query,) * 12, self._summary, self._plan, self._elsewhere, self._change
        )(0)
        return Asked(told, self._exact)

    def _one_of(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _loose(self, text: str) -> str:
        self._exact = False
        return text

    def _name(self) -> str:
        self._names += 1
        return f"q{self._names}"

    def _query(self, depth: int) -> str:
        if depth > 2:
            return self._select(depth)
        return str(
            self._one_of(
                *(self._select,) * 4,
                *(self._grouped,) * 2,
                *(self._set, self._common, self._recursive, self._windowed, self._pivot),
            )(depth)
        )

    def _relation(self, depth: int) -> str:
        """A relation with the columns of charges."""
        if depth < 3 and self._chance(0.2):
            inner = (
                f"SELECT * FROM {self._relation(depth + 1)} s WHERE {self._where('s', depth + 1)}"
            )
            return f"({inner})"
        return str(self._one_of(*TABLES))

    def _fill(self, template: str, alias: str) -> str:
        def named(columns: tuple[str, ...]) -> str:
            return f"{alias}.{self._one_of(*columns)}" if alias else str(self._one_of(*columns))

        told = template.replace("Tags", f"{alias}.Tags" if alias else "Tags")
        return told.format(t=named(TEXTS), a=named(AMOUNTS), i=named(INSTANTS))

    def _cell(self, alias: str) -> str:
        if self._chance(0.06):
            return self._loose(self._fill(str(self._one_of(*PROBES)), alias))
        return self._fill(str(self._one_of(*CELLS)), alias)

    def _where(self, alias: str, depth: int) -> str:
        fill = self._fill
        choice = self._random.randrange(11)
        if choice == 0 and depth < 3:
            inner, name = self._relation(depth + 1), self._name()
            how = self._one_of("EXISTS", "NOT EXISTS")
            same = f"{fill('{t}', name)} = {fill('{t}', alias)}"
            return f"{how} (SELECT 1 FROM {inner} {name} WHERE {same})"
        if choice == 1 and depth < 3:
            inner, name = self._relation(depth + 1), self._name()
            return f"{alias}.ResourceId IN (SELECT {name}.ResourceId FROM {inner} {name})"
        if choice == 2 and depth < 3:
            inner, name = self._relation(depth + 1), self._name()
            return f"{fill('{a}', alias)} > (SELECT avg({name}.BilledCost) FROM {inner} {name})"
        if choice == 3:
            return self._loose(f"{fill(str(self._one_of(*PROBES)), alias)} IS NOT NULL")
        if choice == 4:
            joined = self._one_of("AND", "OR")
            return f"({self._where(alias, depth + 1)} {joined} {self._where(alias, depth + 1)})"
        if choice == 5:
            return f"NOT ({self._where(alias, depth + 1)})"
        simple = (
            *("{t} IS NULL", "{a} > 5", "{t} LIKE '%q%'", "{t} ILIKE 'Z%'", "{a} > 1000", "true"),
            *("{t} <> 'a'", "{i} >= '2024-09-04'", "{a} BETWEEN 2 AND 1000000000", "{t} > 'y'"),
        )
        return fill(str(self._one_of(*simple)), alias)

    def _select(self, depth: int) -> str:
        name = self._name()
        cells = [self._cell(name) for _ in range(self._random.randint(1, 4))]
        if depth == 0 and self._chance(0.1):
            cells = [self._one_of("*", f"{name}.*", name, "COLUMNS('.*Id')")]
        source = f"{self._relation(depth)} {name}"
        if self._chance(0.3) and len(cells) > 1:
            other = self._name()
            how = self._one_of("JOIN", "LEFT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN")
            on = f"{other}.ResourceId = {name}.ResourceId"
            source += f" {how} {self._relation(depth)} {other} ON {on}"
        told = f"{', '.join(cells)} FROM {source} WHERE {self._where(name, depth)}"
        told = f"SELECT {self._one_of('', 'DISTINCT ')}{told}"
        if depth == 0 and self._chance(0.2):
            told = self._loose(f"{told} ORDER BY 1 LIMIT {self._random.randint(0, 5)}")
        return told

    def _grouped(self, depth: int) -> str:
        name = self._name()
        key = self._fill(str(self._one_of("{t}", "{i}", "{t} || 'x'")), name)
        sums = [self._fill(str(self._one_of(*SAFE_SUMS)), name) for _ in range(2)]
        if self._chance(0.2):
            sums.append(self._loose(self._fill(str(self._one_of(*FREE_SUMS)), name)))
        how = self._one_of(key, key, f"ROLLUP ({key})", f"CUBE ({key})")
        having = self._one_of("", " HAVING count(*) > 1", f" HAVING sum({name}.BilledCost) > 3")
        return (
            f"SELECT {key}, count(*), {', '.join(sums)} FROM {self._relation(depth)} {name} "
            f"WHERE {self._where(name, depth)} GROUP BY {how}{having}"
        )

    def _set(self, depth: int) -> str:
        word = self._one_of("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL")
        sides = []
        for _ in range(2):
            name = self._name()
            cells = self._fill("{t}, {a}", name)
            where = self._where(name, depth + 1)
            sides.append(f"SELECT {cells} FROM {self._relation(depth)} {name} WHERE {where}")
        return f" {word} ".join(sides)

    def _common(self, depth: int) -> str:
        name, alias = self._name(), self._name()
        how = self._one_of("", "MATERIALIZED ")
        shadow = self._one_of(name, "charges", "more")  # the name of a table may be a CTE's
        inner = f"SELECT * FROM {self._relation(depth + 1)} {alias}"
        outer = self._name()
        return (
            f"WITH {shadow} AS {how}({inner} WHERE {self._where(alias, depth + 1)}) "
            f"SELECT {self._fill('{t}, {a}', outer)} FROM {shadow} {outer}"
        )

    def _recursive(self, depth: int) -> str:
        name = self._name()
        table = self._relation(depth + 1)
        return (
            f"WITH RECURSIVE {name}(n, cost) AS (SELECT 1, max(BilledCost) FROM {table} x "
            f"UNION ALL SELECT n + 1, cost + 1 FROM {name} WHERE n < 4) SELECT * FROM {name}"
        )

    def _windowed(self, depth: int) -> str:
        name = self._name()
        over = f"(PARTITION BY {self._fill('{t}', name)})"
        call = self._one_of("sum({a})", "max({t})", "count(*)", "min({a})")
        ranked = self._one_of("", f", rank() OVER (ORDER BY {self._fill('{a}', name)})")
        if self._chance(0.2):
            ranked = self._loose(f", lag({self._fill('{t}', name)}) OVER ()")
        return (
            f"SELECT {self._fill('{t}', name)}, {self._fill(str(call), name)} OVER {over}{ranked} "
            f"FROM {self._relation(depth)} {name} WHERE {self._where(name, depth)}"
        )

    def _pivot(self, depth: int) -> str:
        value = self._one_of("'Storage', 'Compute'", "'Storage', 'none'")
        inner = f"(SELECT ServiceName, InvoiceId, BilledCost FROM {self._relation(depth)} p)"
        return f"SELECT * FROM {inner} PIVOT (sum(BilledCost) FOR ServiceName IN ({value}))"

    def _summary(self, depth: int) -> str:
        table = self._one_of("charges", "charges__versions", "more", "charges__states")
        verb = self._one_of("SUMMARIZE", "DESCRIBE", "TABLE", "FROM")
        return self._loose(f"{verb} {table}")

    def _plan(self, depth: int) -> str:
        return self._loose(f"EXPLAIN {self._one_of('', 'ANALYZE ')}{self._query(2)}")

    def _elsewhere(self, depth: int) -> str:
        found = self._one_of(*ELSEWHERE)
        return self._loose(f"SELECT * FROM {found}")

    def _change(self, depth: int) -> str:
        table = self._one_of("charges", "more", "mine", "hidden")
        return self._loose(
            str(
                self._one_of(
                    f"CREATE TABLE {table} AS {self._query(2)}",
                    f"INSERT INTO {table} {self._query(2)} RETURNING *",
                    f"UPDATE {table} SET x_unit = '' WHERE {self._where(table, 2)} RETURNING *",
                    f"DELETE FROM {table} WHERE {self._where(table, 2)} RETURNING *",
                    f"COPY {table} TO '/dev/stdout'",
                    f"REFRESH TABLE {table}",
                    f"SHOW CREATE TABLE {table}",
                )
            )
        )


FILTERS = (
    *(
        "",
        "",
        "BilledCost > 3",
        "ResourceId LIKE '%q%'",
        "NOT Tags['team'] = 'a'",
        "x_unit IS NULL",
    ),
    *(
        "Tags['team'] <> 'a' OR BilledCost > 0",
        "ServiceName IN ('Storage', 'none')",
        "1 = 1) OR (1",
    ),
    *(
        "SubAccountId IS NULL OR ListCost IS NULL",
        "BilledCost BETWEEN 3 AND 999999999999",
        "nosuch = 1",
    ),
)
BY = (
    *("", "ServiceName", "Tags.team", "month", "day", "ResourceId", "SubAccountId,x_unit"),
    *("InvoiceId,Tags.env", "Tags['n']", "BillingPeriodStart"),
)
MOMENTS = ("", "", "1", "1", "2", "2", "3", "2024-12-11", "2020-01-01", "99", "abcdef12")
PATHS = (
    *("/costs",) * 6,
    *("/changes",) * 6,
    *("/invoices",) * 4,
    *("/export",) * 3,
    *("/deliveries", "/deliveries/1", "/deliveries/3", "/deliveries/1/quarantine", "/rates"),
    *("/users", "/audit"),
)


def question(seed: int) -> tuple[str, dict[str, str]]:
    """A random path and its parameters."""
    chosen = random.Random(seed)  # noqa: S311
    path = chosen.choice(PATHS)
    told = {
        "table": chosen.choice(("charges",) * 6 + ("more",) * 2 + ("hidden", "nosuch")),
        "filter": chosen.choice(FILTERS),
        "from": chosen.choice(MOMENTS if path == "/changes" else ("", "2024-09", "2024-10")),
        "to": chosen.choice(MOMENTS if path == "/changes" else ("", "2024-10", "2024-11")),
        "currency": chosen.choice(("", "", "USD", "EUR")),
    }
    if path in {"/costs", "/changes"}:
        told |= {"by": chosen.choice(BY), "metric": chosen.choice(("", "ListCost", *AMOUNTS))}
        told |= {"limit": chosen.choice(("", "", "2")), "offset": chosen.choice(("", "1"))}
    if path != "/changes":
        told["as_of"] = chosen.choice(MOMENTS)
    if path == "/export":
        told |= {"format": chosen.choice(("", "csv")), "source": chosen.choice(("", "aws", "x"))}
    return path, {name: value for name, value in told.items() if value}
