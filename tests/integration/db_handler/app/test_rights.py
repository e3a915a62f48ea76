"""Rights beyond the role: tables, and rows of them, at every endpoint that answers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.routing import Route
from tests.factories import OCTOBER, a_charge, a_report, charges

from costwire_db_handler.app import create_app
from costwire_db_handler.rights import Reach
from costwire_db_handler.settings import Settings

OURS = "Tags['team'] = 'a'"
SECRET = "hidden-99173"
"""Stands in every row that is not ours."""


def tagged(team: str | None, **changes: str | None) -> dict[str, str | None]:
    """A charge with a team, or without tags."""
    tags = None if team is None else json.dumps({"team": team})
    return a_charge(**{"Tags": tags, **changes})


OTHERS = [
    tagged("b", ResourceId=SECRET, BilledCost="990017.31"),
    tagged("b", ResourceId=SECRET, BilledCost="990018.31", **OCTOBER),
    tagged(None, ResourceId=SECRET, BilledCost="990019.31"),
]
FIRST = [tagged("a", BilledCost="1.25"), *OTHERS]
SECOND = [
    tagged("a", BilledCost="2.25"),
    tagged("a", ResourceId="disk-2", BilledCost="4", ServiceName="Compute"),
    *OTHERS[:2],
    tagged(None, ResourceId=SECRET, BilledCost="990020.31"),
]


def limited(running: Any, name: str, role: str = "reader", **rights: Any) -> Any:
    """A new user with these rights."""
    told = {"name": name, "role": role, "password": f"{name}'s", **rights}
    answer = running.admin.post("/users", json=told)
    assert answer.status_code == 201, answer.text
    return running.client(name, f"{name}'s")


@pytest.fixture(scope="module")
def served(lasting: Any) -> Any:
    """A handler with two states of a table, and another table that is nobody's of ours."""
    lasting.admin.deliver(a_report(FIRST, source="all"))
    lasting.admin.deliver(a_report(SECOND, source="all").generated(hours=1))
    lasting.admin.deliver(a_report([tagged("b", ResourceId=SECRET)], source=SECRET))
    lasting.admin.deliver(a_report([tagged("a", ResourceId=SECRET)], table="other"))
    return lasting


@pytest.fixture(scope="module")
def tenant(served: Any) -> Any:
    """Whoever sees the rows of team a of one table."""
    return limited(served, "tess", read=["charges"], where=OURS)


SAME: dict[str, str] = {
    "table": "SELECT ResourceId, BilledCost::text FROM charges ORDER BY 2",
    "star": "SELECT * FROM charges",
    "whole row": "SELECT c FROM charges c",
    "schema": "SELECT doc.charges.ResourceId FROM doc.charges",
    "main": "SELECT count(*) FROM main.charges",
    "quoted": 'SELECT count(*) FROM "CHARGES"',
    "from first": "FROM charges",
    "natural join": "SELECT count(*) FROM charges NATURAL JOIN charges b",
    "using": "SELECT count(*) FROM charges JOIN charges b USING (ResourceId)",
    "versions": "SELECT ResourceId, _commit, _last FROM charges__versions ORDER BY ALL",
    "sums": "SELECT sum(BilledCost)::text, max(BilledCost)::text, count(*) FROM charges",
    "summarize": "SELECT column_name, min, max FROM (SUMMARIZE charges)",
    "bare summarize": "SUMMARIZE charges",
    "pivot": "SELECT * FROM (FROM charges PIVOT (sum(BilledCost) FOR ServiceName IN ('Storage')))",
    "correlated": "SELECT (SELECT max(b.BilledCost) FROM charges b WHERE b.Tags <> a.Tags) "
    "FROM charges a",
    "union": "SELECT ResourceId FROM charges UNION SELECT ResourceId FROM charges__versions",
    "lateral": "SELECT x FROM charges c, LATERAL (SELECT c.ResourceId AS x)",
    "cte": "WITH charges2 AS (TABLE charges) SELECT count(*) FROM charges2",
}


@pytest.mark.parametrize("statement", SAME.values(), ids=SAME)
def test_statement_of_a_row_reader_tells_nothing_of_other_rows(tenant: Any, statement: str) -> None:
    answer = tenant.sql_answer(statement)
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    assert "9900" not in answer.text


def test_row_reader_sees_the_own_rows_in_each_view(tenant: Any) -> None:
    assert tenant.sql("SELECT ResourceId, BilledCost FROM charges ORDER BY 2") == [
        ["disk-1", 2.25],
        ["disk-2", 4],
    ]
    rows = tenant.sql("SELECT BilledCost, _commit FROM charges__versions ORDER BY 1")
    assert [cost for cost, _ in rows] == [1.25, 2.25, 4]
    assert len(tenant.sql("SELECT state FROM charges__states")) == 3


def test_states_name_only_the_sources_of_the_own_rows(tenant: Any) -> None:
    sources = tenant.sql("SELECT source FROM charges__states ORDER BY state")
    assert sources == [["all"], ["all"], [None]]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST(ResourceId AS INTEGER) FROM charges",
        "SELECT count(*) FROM charges WHERE CAST(replace(ResourceId, 'disk-', '') AS INTEGER) > 0",
        "SELECT error(ResourceId) FROM charges WHERE BilledCost > 100",
        "SELECT BilledCost::text::INTEGER FROM charges",
        "EXPLAIN ANALYZE SELECT * FROM charges WHERE BilledCost > 100",
        "EXPLAIN SELECT * FROM charges__versions WHERE ResourceId LIKE 'hid%'",
    ],
)
def test_errors_and_plans_quote_no_other_row(tenant: Any, statement: str) -> None:
    told = tenant.sql_answer(statement).text
    assert SECRET not in told
    assert "9900" not in told


def test_a_cast_that_other_rows_would_break_does_not_fail(tenant: Any) -> None:
    # Had the condition been looked at on other rows first, theirs is no number.
    found = tenant.sql(
        "SELECT sum(CAST(substr(ResourceId, 6) AS INTEGER)) FROM charges "
        "WHERE CAST(substr(ResourceId, 6) AS INTEGER) > 0"
    )
    assert found == [[3]]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM other",
        "SELECT * FROM other__versions",
        "REFRESH TABLE other",
        "SELECT * FROM costwire.charges__current",
        "SELECT * FROM costwire.deliveries",
        "SELECT * FROM store.main.charges",
        "SELECT * FROM pragma_storage_info('charges')",
        "SELECT * FROM duckdb_tables()",
        "CREATE TABLE mine AS SELECT 1",
        "INSERT INTO charges VALUES (1)",
    ],
)
def test_row_reader_reaches_nothing_else(tenant: Any, statement: str) -> None:
    answer = tenant.sql_answer(statement)
    assert answer.status_code in {400, 401, 404}
    assert SECRET not in answer.text


def test_catalog_lists_only_what_may_be_read(tenant: Any) -> None:
    names = tenant.sql("SELECT table_name FROM information_schema.tables ORDER BY 1")
    assert names == [["charges"], ["charges__states"], ["charges__versions"]]
    assert {row[0] for row in tenant.sql("SELECT table_name FROM information_schema.columns")} == {
        name for (name,) in names
    }


def test_costs_add_up_the_own_rows(tenant: Any) -> None:
    told = tenant.get("/costs?by=ResourceId,month,Tags.team").json()
    assert [(row["by"]["ResourceId"], row["sums"]["BilledCost"]) for row in told["rows"]] == [
        ("disk-2", "4"),
        ("disk-1", "2.25"),
    ]
    assert told["totals"]["USD"] == {"charges": 2, "sums": {"BilledCost": "6.25"}}
    before = tenant.get("/costs?as_of=1").json()
    assert before["totals"]["USD"]["sums"]["BilledCost"] == "1.25"


def test_no_filter_widens_what_a_row_reader_sees(tenant: Any) -> None:
    asked = {"filter": "Tags['team'] = 'b' OR BilledCost > 0", "by": "ResourceId"}
    assert SECRET not in tenant.get("/costs", params=asked).text
    injected = {"filter": "1 = 1) OR (BilledCost > 0"}
    assert tenant.get("/costs", params=injected).status_code == 400


def test_changes_are_those_of_the_own_rows(tenant: Any) -> None:
    told = tenant.get("/changes?from=1&by=ResourceId").json()
    assert [row["by"]["ResourceId"] for row in told["rows"]] == ["disk-2", "disk-1"]
    total = told["totals"]["USD"]["BilledCost"]
    assert (total["before"], total["after"]) == ("1.25", "6.25")


def test_invoices_and_exports_hold_the_own_rows(tenant: Any) -> None:
    told = tenant.get("/export?format=parquet")
    assert told.headers["Costwire-Charges"] == "2"
    rows = pq.read_table(io.BytesIO(told.content))
    assert sorted(rows["BilledCost"].to_pylist()) == [Decimal("2.25"), Decimal(4)]
    assert SECRET not in tenant.get("/export").text
    # Only what a whole report brings can be asked for.
    assert SECRET not in tenant.get("/invoices").text


def test_export_names_no_source_of_others(tenant: Any) -> None:
    assert tenant.get("/export?source=all").headers["Costwire-Charges"] == "2"
    for unknown in (SECRET, "nosuch"):
        answer = tenant.get("/export", params={"source": unknown})
        assert answer.json()["detail"] == f"source {unknown!r}: the table has charges of all"


def test_other_tables_are_as_if_they_were_not(tenant: Any) -> None:
    for path in ("/costs", "/changes?from=1&table=other", "/invoices", "/export"):
        answer = tenant.get(path, params=None if "?" in path else {"table": "other"})
        assert answer.status_code == 404
        assert answer.json()["detail"] == "there is no table 'other' of charges; there is charges"


def test_ledger_and_quarantine_are_not_for_row_readers(tenant: Any) -> None:
    for path in ("/deliveries", "/deliveries/1", "/deliveries/1/quarantine"):
        answer = tenant.get(path)
        assert answer.status_code == 403
        assert "may see some rows" in answer.json()["detail"]


def test_every_endpoint_refuses_row_readers_unless_it_minds_rows(served: Any, tenant: Any) -> None:
    minding = {"/costs", "/changes", "/invoices", "/export", "/rates", "/_sql"}
    open_to_all = {"/", "/openapi.json", "/-/healthy", "/-/ready", "/-/metrics"}
    for route in create_app(Settings()).routes:
        assert isinstance(route, Route)
        path = route.path.replace("{commit}", "1").replace("{table}", "charges")
        for method in (route.methods or set()) - {"HEAD"}:
            if route.path in open_to_all or (route.path in minding and method == "GET"):
                continue
            if (method, route.path) in {("POST", "/_sql"), ("POST", "/invoices")}:
                continue
            answer = tenant.request(method, path.replace("{name}", "x"), data=b"")
            assert answer.status_code == 403, (method, route.path)


def test_condition_that_a_table_cannot_judge_hides_all_of_it(served: Any) -> None:
    served.admin.deliver(a_report([a_charge(x_unit="north")], table="units"))
    uma = limited(served, "uma", where="x_unit = 'north'")
    assert uma.sql("SELECT count(*) FROM units") == [[1]]
    assert uma.sql("SELECT count(*) FROM charges") == [[0]]
    assert uma.get("/costs").json()["rows"] == []


def test_names_and_values_of_a_condition_are_taken_as_they_are(running: Any) -> None:
    odd, value = 'x_what? \'n "that"', "it's ? -- ' OR 1 = 1"
    hidden = a_charge(ResourceId=SECRET, **{odd: "it's ?"})
    running.admin.deliver(a_report([a_charge(**{odd: value}), hidden]))
    name, told = odd.replace('"', '""'), value.replace("'", "''")
    omar = limited(running, "omar", where=f"\"{name}\" = '{told}' AND BilledCost > 1")
    assert omar.sql("SELECT ResourceId FROM charges__versions") == [["disk-1"]]
    for path in ("/costs?by=ResourceId", "/changes?from=2024-01-01&by=ResourceId", "/export"):
        answer = omar.get(path)
        assert answer.status_code == 200
        assert SECRET not in answer.text
        assert "disk-1" in answer.text


def test_questions_of_the_catalogue_are_answered_from_the_own_rows(tenant: Any) -> None:
    # As `costwire ask` asks them: by the columns that are listed, then one statement.
    listed = tenant.sql("SELECT column_name FROM information_schema.columns")
    assert ["billedcost"] in listed
    rows = tenant.sql(
        "SELECT ServiceName, SUM(EffectiveCost) AS cost FROM charges WHERE ChargePeriodStart >= ? "
        "GROUP BY ServiceName ORDER BY cost DESC",
        "2024-01-01",
    )
    assert rows == [["Storage", 1.25], ["Compute", 1.25]] or rows[::-1] == [
        ["Storage", 1.25],
        ["Compute", 1.25],
    ]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "typo": (
        {"where": "SubAcountId = '1'"},
        "limit the rows: a report has no column 'SubAcountId'; did you mean SubAccountId",
    ),
    "no condition": ({"where": "drop table"}, "read the condition"),
    "tags as a whole": ({"where": "Tags = 'a'"}, "name a tag"),
    "writer by row": ({"role": "writer", "where": OURS}, "a condition on rows is for readers"),
    "reader who writes": ({"write": ["charges"]}, "a reader writes no table"),
    "limited admin": ({"role": "admin", "read": ["charges"]}, "an admin reaches all"),
    "no table": ({"read": ["a b"]}, "'a b' is no table of charges"),
    "a view": ({"read": ["charges__versions"]}, "is no table of charges"),
    "a writer of what": ({"role": "writer", "read": ["charges"]}, "say which tables"),
    "new without password": ({"password": None}, "no user has this name"),
    "unknown right": ({"rows": "all"}, "rows: Extra inputs"),
}


@pytest.mark.parametrize(("rights", "why"), REFUSED.values(), ids=REFUSED)
def test_rights_that_contradict_themselves_are_refused(
    served: Any, rights: dict[str, Any], why: str
) -> None:
    told = {"name": "zoe", "role": "reader", "password": "z", **rights}
    answer = served.admin.post("/users", json=told)
    assert answer.status_code == 400
    assert why in answer.json()["detail"]


def test_changed_rights_hold_from_the_next_request_with_the_same_password(served: Any) -> None:
    vera = limited(served, "vera", where=OURS)
    assert vera.sql("SELECT count(*) FROM charges") == [[2]]
    told = {"name": "vera", "role": "reader", "where": "Tags['team'] = 'nobody'"}
    assert served.admin.post("/users", json=told).status_code == 201
    assert vera.sql("SELECT count(*) FROM charges") == [[0]]
    users = {user["name"]: user for user in served.admin.get("/users").json()["users"]}
    assert users["vera"] == told | {"read": None, "write": None}


@pytest.fixture(scope="module")
def writer(served: Any) -> Any:
    """Whoever delivers to one table, and reads another."""
    return limited(served, "will", "writer", write=["wills"], read=["charges"])


class TestTables:
    """Users who reach some tables, each as a whole."""

    def test_a_writer_delivers_to_the_own_tables_only(self, writer: Any) -> None:
        assert writer.deliver(a_report(charges(2), table="wills"))["state"] == "committed"
        refused = writer.open(a_report(charges(2), table="charges"))
        assert refused.status_code == 403
        assert "charges is not among the tables that you may write" in refused.json()["detail"]
        assert writer.post("/upload?table=other", "[]").status_code == 403

    def test_a_writer_decides_nothing_of_other_tables(self, served: Any, writer: Any) -> None:
        opened = served.admin.open(a_report(charges(9), table="other")).json()["entry"]
        mine = served.admin.open(a_report(charges(9))).json()["entry"]
        for entry, status in ((opened, 404), (mine, 403)):
            one = f"/deliveries/{entry['commit']}"
            answers = [
                writer.post(f"{one}/parts?seq=0", b""),
                writer.post(f"{one}/quarantine", b""),
                writer.post(f"{one}/commit"),
                writer.post(f"{one}/accept"),
                writer.post(f"{one}/reject"),
                writer.delete(one),
            ]
            # A part that cannot be read is refused before anything is looked up.
            assert [answer.status_code for answer in answers[1:]] == [status] * 5
            assert served.admin.delete(one).status_code == 204

    def test_reads_what_is_given_and_knows_of_nothing_else(self, writer: Any) -> None:
        assert writer.sql("SELECT count(*) FROM charges") == [[6]]
        assert writer.sql_answer("SELECT * FROM other").status_code == 404
        assert {entry["table"] for entry in writer.get("/deliveries").json()["deliveries"]} <= {
            "charges",
            "wills",
        }
        assert writer.get("/deliveries/4").status_code == 404
        assert writer.get("/deliveries/4/quarantine").status_code == 404
        assert writer.get("/deliveries/1/quarantine").status_code == 200

    def test_makes_no_table_whose_name_would_tell_of_another(self, writer: Any) -> None:
        for name in ("other", "unused"):
            answer = writer.sql_answer(f"CREATE TABLE {name} (a INT)")
            assert answer.json()["error"]["message"].startswith("MissingPrivilegeException")

    def test_puts_no_rates_that_others_convert_with(self, writer: Any) -> None:
        answer = writer.post("/rates", "month,from,to,rate,source\n2024-09,USD,EUR,1,x\n")
        assert answer.status_code == 403


def test_row_reader_loses_tables_made_as_a_writer(running: Any) -> None:
    running.admin.deliver(a_report(FIRST))
    walt = running.user("walt", "writer")
    walt.sql_answer("CREATE TABLE copied AS SELECT * FROM charges")
    assert walt.sql("SELECT count(*) FROM copied") == [[4]]
    told = {"name": "walt", "role": "reader", "where": OURS}
    assert running.admin.post("/users", json=told).status_code == 201
    assert walt.sql_answer("SELECT * FROM copied").status_code == 404


def test_rights_outlive_a_restart(run: Callable[..., Any]) -> None:
    first = run()
    first.admin.deliver(a_report(FIRST))
    limited(first, "tess", where=OURS)
    again = run()
    assert again.client("tess", "tess's").sql("SELECT count(*) FROM charges") == [[1]]


def test_reach_of_rights_is_by_their_narrowest() -> None:
    assert Reach.ROWS < Reach.TABLES < Reach.ALL
