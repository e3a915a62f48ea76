"""A condition selects the same charges on each engine, which are those that SQL says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.factories import SEPTEMBER, a_charge, a_report, clock
from tests.support.cratedb import cratedb_url
from tests.support.cratedb_store import alone, forget_all

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.stores import StoreLimits, open_store
from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials
from costwire_db_handler.stores.cratedb.layout import Storage
from costwire_db_handler.stores.cratedb.speech import CrateDBSpeech
from costwire_db_handler.stores.cratedb.store import CrateDBOptions
from costwire_db_handler.stores.cratedb.turns import read_row
from costwire_db_handler.stores.duckdb.catalog import current
from costwire_db_handler.stores.duckdb.database import Database
from costwire_db_handler.stores.duckdb.speech import DuckDBSpeech

Selects = Callable[[str], list[int]]
LONG = "x" * 40_000
ROWS: list[dict[str, str | None]] = [
    {
        "ServiceName": "Compute",
        "x_Note": "Compute",
        "x_Long": LONG,
        "BilledCost": "1.50",
        "ChargePeriodStart": "2024-09-01T00:00:00Z",
        "Tags": json.dumps({"env": "dev", "a.b": "x", "it's": "q", "[x]": "br", "nul": None}),
    },
    {
        "ServiceName": "Sto%rage",
        "x_Note": "Sto%rage",
        "x_Long": "Sto%rage",
        "BilledCost": "-2",
        "ChargePeriodStart": "2024-09-02T12:00:00.001Z",
        "Tags": json.dumps({"env": "prod", "team": "blue", "a": "7", "a.b": "y.z"}),
    },
    {"ServiceName": None, "x_Note": None, "x_Long": None, "BilledCost": None, "Tags": None},
    {
        "ServiceName": "a\\b_c",
        "x_Note": "a\\b_c",
        "x_Long": "a\\b_c\nä",
        "BilledCost": "123456789012345678.123456789012345678",
        "ChargePeriodStart": "1969-12-31T23:59:59Z",
        "Tags": "{}",
    },
    {
        "ServiceName": "compute\nÄrger",
        "x_Note": "compute\nÄrger",
        "x_Long": "C",
        "BilledCost": "0.000000000000000001",
        "ChargePeriodStart": "2024-09-30T23:59:59.999Z",
        "Tags": json.dumps({"team": "red", "n": 7, "deep": {"k": ["v"]}, "env": "", " s ": "é"}),
    },
    {
        "ServiceName": "Storage",
        "x_Note": None,
        "x_Long": None,
        "BilledCost": "0",
        "ChargePeriodStart": None,
        "Tags": json.dumps({"a.b": "x", "team": "bl%ue", "k" * 300: "long"}),
    },
]
NAMES = list(ROWS[0])


def _report() -> Any:
    rows = [
        {**a_charge(**SEPTEMBER), "ChargePeriodStart": None, **row, "ResourceId": str(number)}
        for number, row in enumerate(ROWS)
    ]
    return a_report(rows)


@pytest.fixture(scope="module", params=["duckdb", "cratedb", "cratedb, few keys declared"])
def selects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Selects]:
    """Gives the numbers of the charges for which a condition holds."""
    folder = tmp_path_factory.mktemp("conditions") / "data"
    report = _report()
    if request.param == "duckdb":
        yield from _on_duckdb(folder, report)
    else:
        with alone():
            keys = 200 if request.param == "cratedb" else 1
            yield from _on_cratedb(folder, report, keys)


def _deliver(store: Any, report: Any) -> None:
    entry = store.own.open_delivery(report.manifest, clock)
    for seq, part in enumerate(report.parts):
        store.own.stage_part(entry.commit, seq, part, str(seq))
    entry = store.own.commit(entry.commit, clock)
    assert entry.rows.stored == len(ROWS)


def _on_duckdb(folder: Path, report: Any) -> Iterator[Selects]:
    store = open_store(folder, thresholds=Thresholds(), limits=StoreLimits())
    _deliver(store, report)
    store.close()
    database = Database.open(folder, memory_bytes=128 << 20, threads=1)

    def selected(text: str) -> list[int]:
        with database.reading() as sql:
            told = Condition.read(text).sql(DuckDBSpeech.of(sql, "charges"))
            rows = sql.execute(
                f'SELECT "ResourceId" FROM {current("charges")} WHERE {told.text}',  # noqa: S608
                list(told.arguments),
            ).fetchall()
        return sorted(int(number) for (number,) in rows)

    yield selected
    database.close()


def _on_cratedb(folder: Path, report: Any, keys: int) -> Iterator[Selects]:
    url = cratedb_url()
    forget_all(url)
    plain = frozenset({"x_note"})
    options = CrateDBOptions(ClusterOptions([url]), Credentials("crate", ""))
    options = replace(options, storage=Storage(tag_keys=keys, plain_columns=plain))
    store = open_store(folder, thresholds=Thresholds(), limits=StoreLimits(), cratedb=options)
    _deliver(store, report)
    session = store.own._session  # type: ignore[attr-defined]
    layout = read_row(session, "charges").layout  # type: ignore[union-attr]
    speech = CrateDBSpeech(layout)

    def selected(text: str) -> list[int]:
        told = Condition.read(text).sql(speech)
        rows = session.execute(
            f"SELECT resourceid FROM {layout.physical} WHERE {told.text} LIMIT 1000",  # noqa: S608
            list(told.arguments),
        ).rows
        return sorted(int(number) for (number,) in rows)

    yield selected
    store.close()


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("ServiceName = 'Compute'", [0]),
        ("NOT ServiceName = 'Compute'", [1, 3, 4, 5]),
        ("ServiceName LIKE 'Sto\\%%'", [1]),
        ("ServiceName LIKE 'a\\\\b\\_c'", [3]),
        ("ServiceName LIKE 'compute%ger'", [4]),
        ("ServiceName ILIKE 'COMPUTE%'", [0, 4]),
        ("ServiceName IS NULL", [2]),
        ("x_Note = 'Compute'", [0]),
        ("x_Note LIKE 'Comp%'", [0]),
        ("x_Note LIKE '%omp%'", [0, 4]),
        ("x_Note ILIKE 'comp%'", [0, 4]),
        ("x_Note NOT LIKE 'Comp%'", [1, 3, 4]),
        ("x_Note <> 'Compute'", [1, 3, 4]),
        ("x_Note IS NULL", [2, 5]),
        ("x_Note IS NOT NULL", [0, 1, 3, 4]),
        (f"x_Long = '{LONG[:4_000]}'", []),
        ("x_Long LIKE 'xxx%'", [0]),
        ("x_Long LIKE '%_c%'", [3]),
        ("x_Long NOT LIKE 'xxx%'", [1, 3, 4]),
        ("Tags['env'] = 'dev'", [0]),
        ("NOT Tags['env'] = 'dev'", [1, 4]),
        ("Tags['env'] <> 'dev'", [1, 4]),
        ("Tags['env'] = ''", [4]),
        ("Tags['env'] IS NULL", [2, 3, 5]),
        ("Tags['team'] = 'blue'", [1]),
        ("NOT Tags['team'] = 'blue'", [4, 5]),
        ("Tags['team'] LIKE 'bl%'", [1, 5]),
        ("Tags['team'] LIKE 'bl\\%%'", [5]),
        ("Tags['team'] >= 'c'", [4]),
        ("NOT (Tags['team'] = 'blue' OR ServiceName = 'Compute')", [4, 5]),
        ("NOT (Tags['team'] = 'blue' AND ServiceName = 'Compute')", [1, 3, 4, 5]),
        ("Tags['a.b'] = 'x'", [0, 5]),
        ("Tags['a.b'] LIKE 'y._'", [1]),
        ("Tags['a.b'] <> 'x'", [1]),
        ("Tags['a.b'] IS NOT NULL", [0, 1, 5]),
        ("Tags['a'] = '7'", [1]),
        ("Tags['n'] = '7'", [4]),
        ("Tags['deep'] = '{\"k\":[\"v\"]}'", [4]),
        ("Tags['deep.k'] IS NULL", [0, 1, 2, 3, 4, 5]),
        ("Tags['it''s'] = 'q'", [0]),
        ("Tags['[x]'] = 'br'", [0]),
        ("Tags[' s '] = 'é'", [4]),
        ("Tags['nul'] IS NULL", [0, 1, 2, 3, 4, 5]),
        ("NOT Tags['nul'] = 'x'", []),
        ("Tags['nothing'] = 'x'", []),
        ("NOT Tags['nothing'] = 'x'", []),
        (f"Tags['{'k' * 300}'] = 'long'", [5]),
        ("BilledCost = 1.5", [0]),
        ("BilledCost < 0", [1]),
        ("BilledCost = 123456789012345678.123456789012345678", [3]),
        ("BilledCost > 0.0000000000000000005", [0, 3, 4]),
        ("BilledCost <> 0.0000000000000000005", [0, 1, 3, 4, 5]),
        ("BilledCost = 0.0000000000000000005", []),
        ("NOT BilledCost = 0", [0, 1, 3, 4]),
        ("BilledCost BETWEEN -2 AND 0", [1, 5]),
        ("BilledCost IS NULL", [2]),
        ("ChargePeriodStart = '2024-09-02T12:00:00.001Z'", [1]),
        ("ChargePeriodStart < '1970-01-01'", [3]),
        ("ChargePeriodStart BETWEEN '2024-09-01' AND '2024-09-03'", [0, 1]),
        ("ChargePeriodStart IS NULL", [2, 5]),
        ("NOT ChargePeriodStart >= '2024-09-01'", [3]),
    ],
)
def test_condition_holds_for_the_same_charges(
    selects: Selects, condition: str, numbers: list[int]
) -> None:
    assert selects(condition) == numbers


_ATOMS = [
    "ServiceName = 'Compute'",
    "ServiceName IS NULL",
    "x_Note LIKE '%o%'",
    "x_Note <> 'Compute'",
    "x_Long ILIKE '%C%'",
    "Tags['env'] = 'dev'",
    "Tags['team'] LIKE 'bl%'",
    "Tags['a.b'] <> 'x'",
    "Tags['a'] IS NULL",
    "Tags['nothing'] = 'x'",
    "BilledCost > 0",
    "BilledCost <> 1.5",
    "ChargePeriodStart >= '2024-09-02'",
]


def _truth() -> dict[str, list[bool | None]]:
    """What the atoms are for each charge, by hand."""
    yes, no, none = True, False, None
    return dict(
        zip(
            _ATOMS,
            [
                [yes, no, none, no, no, no],
                [no, no, yes, no, no, no],
                [yes, yes, none, no, yes, none],
                [no, yes, none, yes, yes, none],
                [no, no, none, yes, yes, none],
                [yes, no, none, none, no, none],
                [none, yes, none, none, no, yes],
                [no, yes, none, none, none, no],
                [yes, no, yes, yes, yes, yes],
                [none] * 6,
                [yes, no, none, yes, yes, no],
                [no, yes, none, yes, yes, yes],
                [no, yes, none, no, yes, none],
            ],
            strict=True,
        )
    )


_trees = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.one_of(
        st.tuples(st.just("NOT"), inner),
        st.tuples(st.sampled_from(["AND", "OR"]), inner, inner),
    ),
    max_leaves=6,
)


def _text(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] == "NOT":
        return f"NOT ({_text(tree[1])})"
    return f"({_text(tree[1])}) {tree[0]} ({_text(tree[2])})"


def _value(tree: Any, atoms: dict[str, bool | None]) -> bool | None:
    """The three-valued logic of SQL."""
    if isinstance(tree, str):
        return atoms[tree]
    if tree[0] == "NOT":
        value = _value(tree[1], atoms)
        return None if value is None else not value
    values = {_value(each, atoms) for each in tree[1:]}
    decisive = tree[0] == "OR"
    if decisive in values:
        return decisive
    return None if None in values else not decisive


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(_trees)
def test_joined_conditions_know_nulls_as_sql_does(selects: Selects, tree: Any) -> None:
    truth = _truth()
    expected = [
        number
        for number in range(len(ROWS))
        if _value(tree, {atom: values[number] for atom, values in truth.items()})
    ]
    assert selects(_text(tree)) == expected
