"""Sixty statements as users write them, for CrateDB and for the embedded store.

They run in this order, each on what those before it left. `differs` says why the embedded store
answers otherwise; at most `MAY_DIFFER` statements have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAY_DIFFER = 6

# The cost table on CrateDB, where it is a view; the embedded store takes the charges as a delivery.
CHARGES_TABLE = """
CREATE TABLE {schema}.facts (
    billedcost NUMERIC(38, 18), effectivecost NUMERIC(38, 18), billingcurrency TEXT,
    billingperiodstart TIMESTAMP WITHOUT TIME ZONE, billingperiodend TIMESTAMP WITHOUT TIME ZONE,
    chargeperiodstart TIMESTAMP WITHOUT TIME ZONE, chargeperiodend TIMESTAMP WITHOUT TIME ZONE,
    servicename TEXT, resourceid TEXT, regionname TEXT,
    tags OBJECT(IGNORED) AS (team TEXT, org TEXT, "Env" TEXT, n TEXT)
) CLUSTERED INTO 2 SHARDS
"""
_NAMES = ("ServiceName", "ResourceId", "RegionName", "BilledCost", "EffectiveCost", "Day", "Tags")
_ROWS = (
    ("Compute", "vm-1", "eu-1", "10.25", "9.5", 1, '{"team": "web", "org": "acme"}'),
    ("Compute", "vm-2", "eu-1", "0.000000000000000001", "0", 1, '{"team": "web"}'),
    ("Compute", "vm-10", "us-2", "123456789012.345678901234567891", "100.01", 2, '{"team": "ml"}'),
    ("Storage", "disk-1", None, "2.5", "2.5", 2, None),
    ("Storage", "disk-2", "us-2", "-1.75", "-1.75", 3, '{"team": "ml", "Env": "prod", "n": 3}'),
    ("Storage", "disk-3", None, None, "0.1", 4, "{}"),
    ("Network", "lb_1", "eu-1", "3.333333333333333333", "3.3", 4, '{"team": "ops", "org": "acme"}'),
    ("Support", "plan", None, "29", "29", 15, None),
)


def charges() -> list[dict[str, str | None]]:
    """The charges of September, by the names of FOCUS."""
    return [_charge(dict(zip(_NAMES, row, strict=True))) for row in _ROWS]


def _charge(row: dict[str, Any]) -> dict[str, str | None]:
    day = row.pop("Day")
    return row | {
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2024-09-01T00:00:00Z",
        "BillingPeriodEnd": "2024-10-01T00:00:00Z",
        "ChargePeriodStart": f"2024-09-{day:02}T06:30:00Z",
        "ChargePeriodEnd": f"2024-09-{day + 1:02}T06:30:00Z",
    }


@dataclass(frozen=True)
class Statement:
    """One statement: of the user `writer` or `reader`, with one row of arguments or with many."""

    name: str
    text: str
    arguments: Sequence[Any] = ()
    bulk: Sequence[Sequence[Any]] | None = None
    user: str = "writer"
    differs: str = ""


_TEXTS = "an OBJECT is a map of texts: what is none stands in it as JSON text"

STATEMENTS = (
    Statement(
        "create a table",
        "CREATE TABLE IF NOT EXISTS budgets (team TEXT PRIMARY KEY, monthly NUMERIC(12, 2),"
        " seats INTEGER, active BOOLEAN DEFAULT true, since TIMESTAMP WITH TIME ZONE,"
        " labels ARRAY(TEXT), extra OBJECT(IGNORED)) CLUSTERED INTO 2 SHARDS"
        " WITH (number_of_replicas = 0)",
    ),
    Statement(
        "insert rows",
        "INSERT INTO budgets (team, monthly, seats, since, labels, extra) VALUES"
        " ('web', 1000, 5, '2024-01-01', ['prod', 'eu'], {owner = 'ann', floor = 2}),"
        " ('ml', 2500.5, NULL, '2024-02-01T12:00:00Z', ['prod'], NULL)",
    ),
    Statement(
        "insert with arguments",
        "INSERT INTO budgets (team, monthly, seats, active, since, labels, extra)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        ["ops", "99.95", 2, False, 1725148800000, [], {"owner": "bob", "n": {"a": [1, None]}}],
    ),
    Statement(
        "insert and see the row",
        "INSERT INTO budgets (team, monthly) VALUES ('hr', 1.005) RETURNING team, monthly, active",
    ),
    Statement(
        "insert what is there already",
        "INSERT INTO budgets (team, seats) VALUES ('web', 1)",
    ),
    Statement(
        "insert or leave",
        "INSERT INTO budgets (team, seats) VALUES ('web', 1) ON CONFLICT (team) DO NOTHING",
    ),
    Statement(
        "insert or update",
        "INSERT INTO budgets (team, seats) VALUES ('hr', 3)"
        " ON CONFLICT (team) DO UPDATE SET seats = excluded.seats, active = false",
    ),
    Statement(
        "bulk insert, some of it there",
        "INSERT INTO budgets (team, seats) VALUES (?, ?)",
        bulk=[["qa", 1], ["web", 2], ["it", None]],
    ),
    Statement(
        "bulk insert of a wrong type",
        "INSERT INTO budgets (team, seats) VALUES (?, ?)",
        bulk=[["x1", 1], ["x2", "many"]],
    ),
    Statement("update", "UPDATE budgets SET seats = seats + 1 WHERE team IN ('hr', 'qa', 'none')"),
    Statement(
        "update and see the rows",
        "UPDATE budgets SET monthly = 10 WHERE team = 'qa' RETURNING team, monthly AS budget",
    ),
    Statement("bulk update", "UPDATE budgets SET seats = ? WHERE team = ?", bulk=[[7, "it"]]),
    Statement("delete", "DELETE FROM budgets WHERE team = ? OR seats > 100", ["it"]),
    Statement("refresh", "REFRESH TABLE budgets"),
    Statement(
        "all of a small table",
        "SELECT * FROM budgets ORDER BY team",
        differs=_TEXTS,
    ),
    Statement(
        "create from a query",
        "CREATE TABLE per_service AS"
        " SELECT servicename, sum(billedcost) AS cost FROM charges GROUP BY servicename",
        differs="CREATE TABLE AS tells the number of tables, not of rows",
    ),
    Statement(
        "insert from a query",
        "INSERT INTO budgets (team, seats)"
        " (SELECT DISTINCT lower(servicename), 0 FROM charges WHERE billedcost > 20)",
    ),
    Statement("add a column", "ALTER TABLE budgets ADD COLUMN note TEXT"),
    Statement("drop a table", "DROP TABLE per_service"),
    Statement("drop what is not there", "DROP TABLE IF EXISTS per_service"),
    Statement(
        "cost per service",
        "SELECT servicename, sum(billedcost) AS cost FROM charges"
        " GROUP BY servicename ORDER BY cost DESC",
    ),
    Statement(
        "exact total as text",
        "SELECT sum(billedcost)::text AS total, (sum(billedcost) + 1)::text AS more FROM charges",
    ),
    Statement(
        "counts without names",
        "SELECT count(*), count(DISTINCT servicename), count(regionname) FROM charges",
    ),
    Statement(
        "lowest, highest, mean",
        "SELECT min(effectivecost), max(effectivecost) AS highest, avg(effectivecost) AS mean"
        " FROM charges WHERE servicename <> 'Compute'",
        differs="the mean of amounts is a double",
    ),
    Statement(
        "cost per month",
        "SELECT date_trunc('month', chargeperiodstart) AS month, sum(effectivecost) AS cost"
        " FROM charges GROUP BY 1 ORDER BY 1",
    ),
    Statement(
        "cost per day as text",
        "SELECT date_format('%Y-%m-%d', chargeperiodstart) AS day, count(*) AS n FROM charges"
        " WHERE chargeperiodstart >= '2024-09-02' AND chargeperiodstart < '2024-09-05T00:00:00Z'"
        " GROUP BY day ORDER BY day",
    ),
    Statement(
        "cost per team",
        "SELECT tags['team'] AS team, sum(billedcost) AS cost, count(*) AS n FROM charges"
        " GROUP BY tags['team'] ORDER BY team",
    ),
    Statement(
        "resources of a tag",
        "SELECT resourceid, tags['team'] FROM charges WHERE tags['org'] = 'acme'"
        " ORDER BY resourceid",
        user="reader",
    ),
    Statement(
        "two arguments",
        "SELECT resourceid FROM charges WHERE tags['team'] = $2 AND billedcost >= $1 ORDER BY 1",
        ["0.000000000000000001", "web"],
    ),
    Statement(
        "groups that have",
        "SELECT servicename, count(*) AS n, sum(billedcost) > 5 AS dear FROM charges"
        " WHERE regionname IS NOT NULL OR servicename = 'Storage' GROUP BY servicename"
        " HAVING count(*) >= 1 ORDER BY n DESC, servicename LIMIT 2 OFFSET 1",
    ),
    Statement(
        "instants as numbers",
        "SELECT resourceid, chargeperiodend FROM charges WHERE chargeperiodstart > ?"
        " AND chargeperiodend < 1725600000000 ORDER BY chargeperiodend, resourceid",
        [1725260000000],
    ),
    Statement(
        "parts of instants",
        "SELECT resourceid, extract(day FROM chargeperiodstart) AS day,"
        " extract(epoch FROM chargeperiodstart) AS seconds,"
        " chargeperiodstart + INTERVAL '1 day' = chargeperiodend AS whole"
        " FROM charges ORDER BY day DESC, resourceid LIMIT 3",
    ),
    Statement(
        "case and nulls",
        "SELECT resourceid, CASE WHEN billedcost >= 10 THEN 'large' WHEN billedcost > 0 THEN"
        " 'small' ELSE 'none' END AS size, coalesce(regionname, 'unknown') AS region,"
        " nullif(servicename, 'Support') AS service FROM charges ORDER BY resourceid",
    ),
    Statement(
        "nulls come first when descending",
        "SELECT resourceid, regionname FROM charges ORDER BY regionname DESC, resourceid",
    ),
    Statement(
        "like",
        "SELECT DISTINCT servicename FROM charges WHERE servicename LIKE '%o%'"
        " AND resourceid NOT LIKE 'lb\\_%' AND (resourceid ILIKE 'VM%' OR resourceid LIKE ?)"
        " ORDER BY servicename",
        ["disk-%"],
    ),
    Statement(
        "regular expressions",
        "SELECT resourceid, regexp_replace(resourceid, '[0-9]+', '#') AS kind FROM charges"
        " WHERE resourceid ~ 'vm-[0-9]' OR servicename ~* 'support' OR resourceid !~ '.*[0-9]'"
        " ORDER BY resourceid",
    ),
    Statement(
        "texts",
        "SELECT upper(servicename), length(resourceid) AS n, substr(resourceid, 2, 2) AS part,"
        " left(resourceid, 1) || '/' || coalesce(regionname, '-') AS joined,"
        " split_part(resourceid, '-', 2) AS number, replace(resourceid, '-', ''),"
        " trim('  x ') AS x, concat('a', NULL, 1) AS c, lpad('7', 3, '0') AS padded,"
        " md5('x') AS hash FROM charges WHERE servicename = 'Storage' ORDER BY n, resourceid",
    ),
    Statement(
        "running totals",
        "SELECT resourceid, sum(effectivecost) OVER (PARTITION BY servicename ORDER BY resourceid)"
        " AS running, row_number() OVER (ORDER BY effectivecost DESC, resourceid) AS place,"
        " lag(resourceid) OVER (ORDER BY resourceid) AS before FROM charges ORDER BY resourceid",
    ),
    Statement(
        "dearest of each service",
        "SELECT servicename, resourceid FROM (SELECT servicename, resourceid, rank() OVER"
        " (PARTITION BY servicename ORDER BY effectivecost DESC) AS r FROM charges) AS ranked"
        " WHERE r = 1 ORDER BY servicename",
    ),
    Statement(
        "shares of the total",
        "WITH total AS (SELECT sum(effectivecost) AS all_of_it FROM charges)"
        " SELECT servicename, round(100 * sum(effectivecost) / max(all_of_it)) AS percent"
        " FROM charges, total GROUP BY servicename ORDER BY percent DESC, servicename",
        differs="amounts divided by amounts are doubles",
    ),
    Statement(
        "a union",
        "SELECT servicename AS name, 'service' AS kind FROM charges WHERE effectivecost > 5"
        " UNION SELECT regionname, 'region' FROM charges WHERE regionname IS NOT NULL"
        " ORDER BY kind, name",
    ),
    Statement(
        "subqueries",
        "SELECT resourceid, (SELECT max(seats) FROM budgets) AS most FROM charges"
        " WHERE effectivecost > (SELECT avg(effectivecost) FROM charges)"
        " OR tags['team'] IN (SELECT team FROM budgets WHERE active) ORDER BY resourceid",
    ),
    Statement(
        "budgets and costs",
        "SELECT b.team, b.monthly, sum(c.effectivecost) AS spent, count(c.resourceid) AS charges"
        " FROM budgets b LEFT JOIN charges c ON c.tags['team'] = b.team"
        " GROUP BY b.team, b.monthly ORDER BY b.team",
    ),
    Statement(
        "teams without costs",
        "SELECT team FROM budgets b WHERE NOT EXISTS"
        " (SELECT 1 FROM charges c WHERE c.tags['team'] = b.team) ORDER BY team",
    ),
    Statement(
        "lists of texts",
        "SELECT string_agg(team, ', ') AS teams, array_length(array_agg(team), 1) AS n,"
        " max(labels[1]) AS label FROM (SELECT team, labels FROM budgets ORDER BY team) AS t"
        " WHERE 'prod' = ANY(labels) OR team = 'qa'",
    ),
    Statement(
        "medians",
        "SELECT percentile(effectivecost::double precision, 0.5) AS median,"
        " stddev_pop(effectivecost::double precision) AS spread,"
        " (SELECT sum(seats) FROM budgets) AS seats, avg(length(servicename)) FROM charges",
    ),
    Statement(
        "objects",
        "SELECT team, extra['owner'] AS owner, extra, extra['n'] AS n FROM budgets"
        " WHERE extra IS NOT NULL ORDER BY team",
        differs=_TEXTS,
    ),
    Statement(
        "literals",
        "SELECT 1, 'x' AS t, true AS b, NULL AS nothing, 1.5 AS d, [1, 2] AS a, {a = 'x'} AS o,"
        " 12345678901 AS l, current_date = current_timestamp::date AS today",
    ),
    Statement(
        "casts",
        "SELECT '12'::int AS i, CAST('1.25' AS numeric(10, 2)), 3.7::int AS cut,"
        " '2024-09-01'::timestamp AS ts, try_cast(team AS int) AS nothing, 1::text,"
        " '2024-09-01T10:00:00+02:00'::timestamp with time zone AS tz, 't'::boolean AS b,"
        " cast(2 AS double precision) AS two, '[1]'::text AS text, 9::smallint AS s,"
        " monthly::int AS whole, seats::double precision AS seats FROM budgets ORDER BY team",
    ),
    Statement(
        "arithmetic",
        "SELECT 7 / 2 AS half, -7 % 3 AS rest, 2 ^ 10 AS power, 7 / 2.0 AS d, abs(-3), round(2.5)"
        " AS r, ceil(1.2) AS c, greatest(1, 5, 2) AS g, sqrt(16.0) AS root, 1 + 2 * 3",
    ),
    Statement(
        "series",
        "SELECT n, n * n AS square FROM generate_series(1, 3) AS s (n)"
        " WHERE n = ANY(ARRAY[1, 3]) ORDER BY n",
        user="reader",
    ),
    Statement(
        "columns of a table",
        "SELECT column_name, data_type, ordinal_position FROM information_schema.columns"
        " WHERE table_name = 'budgets' AND column_name NOT LIKE '%[%' ORDER BY ordinal_position",
        differs="the catalog tells the precision of NUMERIC with its name",
    ),
    Statement(
        "tables that one sees",
        "SELECT table_name, table_type FROM information_schema.tables"
        " WHERE table_schema = 'doc' AND table_name IN ('budgets', 'charges') ORDER BY table_name",
    ),
    Statement("no sense", "SELEC servicename FROM charges"),
    Statement("unknown table", "SELECT * FROM nothing_of_that_name"),
    Statement("unknown column", "SELECT servicename, price FROM charges"),
    Statement("unknown function", "SELECT costs_of(servicename) FROM charges", user="reader"),
    Statement("not a number", "SELECT CAST(resourceid AS INTEGER) FROM charges"),
    Statement("division by zero", "SELECT seats / 0 FROM budgets WHERE seats IS NOT NULL"),
    Statement("reader who writes", "CREATE TABLE mine (id INTEGER)", user="reader"),
)
