"""Costs of clusters from a real database handler: to the last digit what SQL says of its store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import Pipeline
from tests.support.local_server import LocalServer
from tests.support.processes import ServiceProcess
from tests.support.reports import CHARGE, LONG_AGO, read_rows, write_report
from tests.support.store import Store
from tests.unit.aggregator.costs.made_up import a_cluster, a_node, a_topology

from costwire_aggregator.costs.amounts import Amounts, total
from costwire_aggregator.costs.errors import BillTooLarge, HandlerRefused
from costwire_aggregator.costs.handler_client import BillLimits, HandlerAccess, HandlerClient
from costwire_aggregator.costs.join import join
from costwire_aggregator.costs.model import Bill, ClusterCosts, CostReport, Period
from costwire_aggregator.costs.rules import tag_keys
from costwire_aggregator.topology.model import Cluster, PersistentVolume, Topology
from costwire_focus.canonical import exact_sum
from costwire_focus.estates import Estate
from costwire_focus.estates.files import files

Row = Mapping[str, str | None]
SEPTEMBER = Period.read("2024-09")
VM = "/subscriptions/0-1/resourceGroups/MC_blue/providers/Microsoft.Compute"
INSTANCE, TWIN = "i-0123456789abcdef0", "n1"
VOLUME = "arn:aws:ec2:eu-1:111:volume/vol-0123456789abcdef0"
ROW = {**CHARGE, "ResourceName": "", "SubAccountId": "111", "Tags": "{}"}
ROWS = [
    {"ResourceId": INSTANCE, "BilledCost": "0.000000000000000001", "EffectiveCost": "7.1"},
    {"ResourceId": INSTANCE, "BilledCost": "12345678901234567.3", "EffectiveCost": ""},
    {"ResourceId": INSTANCE, "BilledCost": "0.3", "BillingCurrency": "EUR"},
    {"ResourceId": VOLUME, "BilledCost": "0.1"},
    {"ResourceId": VOLUME, "BilledCost": "-0.4", "ResourceName": "data"},
    {
        "ResourceId": f"{VM}/virtualMachineScaleSets/Pool",
        "BilledCost": "3.33",
        "SubAccountId": "0-1",
    },
    {"ResourceId": "lb-1", "BilledCost": "0.07", "Tags": '{"eks:cluster-name": "green"}'},
    {
        "ResourceId": "lb-2",
        "BilledCost": "0.08",
        "Tags": '{"kubernetes.io/cluster/it\'s": "owned"}',
    },
    {
        "ResourceId": "lb-3",
        "BilledCost": "0.09",
        "Tags": '{"kubernetes.io/cluster/green": "shared"}',
    },
    {
        "ResourceId": "lb-4",
        "BilledCost": "0.05",
        "Tags": '{"eks:cluster-name": "green"}',
        "SubAccountId": "9",
    },
    {"ResourceId": TWIN, "BilledCost": "1.01"},
    {"ResourceId": "arn:aws:s3:::bucket", "BilledCost": "2.02"},
    {"ResourceId": "", "BilledCost": "5.5", "Tags": '{"eks:cluster-name": "green"}'},
    {
        "ResourceId": "late",
        "BilledCost": "100",
        "BillingPeriodStart": "2024-10-01T00:00:00Z",
        "BillingPeriodEnd": "2024-11-01T00:00:00Z",
    },
]
TOPOLOGY = a_topology(
    a_cluster(
        "green",
        a_node("web", f"aws:///eu-1a/{INSTANCE}"),
        a_node(TWIN),
        volumes=[PersistentVolume("pv-1", handle="vol-0123456789abcdef0")],
    ),
    a_cluster(
        "blue", a_node("aks-0", f"azure://{VM}/virtualMachineScaleSets/pool/virtualMachines/0")
    ),
    a_cluster("it's", a_node(TWIN)),
)
JOINED = {
    "green": [VOLUME, INSTANCE, "lb-1"],
    "blue": [f"{VM}/virtualMachineScaleSets/Pool"],
    "it's": ["lb-2"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("costs")


@pytest.fixture(scope="module")
def handler(folder: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess("db-handler", folder, data_dir=folder / "data") as process:
        process.start()
        yield process.wait_until_ready()


@pytest.fixture(scope="module")
def store(handler: ServiceProcess, folder: Path) -> Store:
    return Store(handler.url, folder / "data")


@pytest.fixture(scope="module")
def pipeline(store: Store, folder: Path) -> Pipeline:
    return Pipeline(store, folder)


@pytest.fixture(scope="module")
def delivered(store: Store, pipeline: Pipeline, folder: Path) -> Store:
    """The store with the rows above."""
    file = write_report(folder / "charges.csv", [{**ROW, **row} for row in ROWS])
    deliver(pipeline, file, "charges")
    return store


def deliver(pipeline: Pipeline, file: Path, table: str) -> None:
    outcome = pipeline.deliver(file, table)
    assert (outcome.exit_status, outcome.error) == (0, None)


def the_bill(
    store: Store,
    topology: Topology = TOPOLOGY,
    period: Period = SEPTEMBER,
    limits: BillLimits | None = None,
    **more: Any,
) -> Bill:
    told = {"url": store.url, "password_file": store.data / "admin.password", **more}

    async def run() -> Bill:
        async with HandlerClient(HandlerAccess(**told), limits) as client:
            until = asyncio.get_running_loop().time() + 60
            return await client.bill(period, tag_keys(topology), until)

    return asyncio.run(run())


def by_sql(store: Store, table: str, resources: Iterable[str | None] | None = None) -> Amounts:
    """Sums of September by what the store holds and Python's own decimals; none: of all."""
    resource = "NULL" if resources is None else "ResourceId"
    rows = store.sql(
        f"SELECT {resource}, BillingCurrency, BilledCost::text, EffectiveCost::text "  # noqa: S608
        f"FROM {table} WHERE BillingPeriodStart = '2024-09-01'"
    )
    wanted = {None} if resources is None else {*resources}
    found: dict[str, list[list[Decimal]]] = {}
    for id, currency, *costs in rows:
        if id in wanted:
            cells = found.setdefault(currency, [[], []])
            for amounts, text in zip(cells, costs, strict=True):
                amounts += [] if text is None else [Decimal(text)]
    return {
        currency: tuple(exact_sum(amounts) if amounts else None for amounts in cells)
        for currency, cells in found.items()
    }


def named(cluster: ClusterCosts) -> list[str]:
    parts = [cluster.own, *cluster.nodes, *cluster.volumes]
    return sorted(match.resource.id for one in parts for match in one.matches)


@pytest.fixture(scope="module")
def report(delivered: Store) -> CostReport:
    return join(TOPOLOGY, the_bill(delivered))


def test_costs_of_clusters_are_the_stores_to_the_last_digit(
    report: CostReport, delivered: Store
) -> None:
    costs = {cluster.key: cluster for cluster in report.clusters}
    assert {key: named(cluster) for key, cluster in costs.items()} == JOINED
    for key, resources in JOINED.items():
        assert costs[key].amounts == by_sql(delivered, "charges", resources)
    billed, _ = costs["green"].nodes[0].amounts["USD"]
    assert billed == Decimal("12345678901234567.300000000000000001")


def test_what_is_not_joined_is_the_stores_too(report: CostReport, delivered: Store) -> None:
    assert report.bill.totals == by_sql(delivered, "charges")
    assert report.ambiguous == by_sql(delivered, "charges", [TWIN])
    strangers = [one.id for one in report.strangers]
    assert strangers == ["arn:aws:s3:::bucket", "lb-3", "lb-4"]
    assert report.unmatched == by_sql(delivered, "charges", [None, *strangers])
    assert report.bill.without_resource == by_sql(delivered, "charges", [None])


def test_bill_in_many_pages_is_the_same(delivered: Store) -> None:
    whole, paged = the_bill(delivered), the_bill(delivered, limits=BillLimits(page_rows=3))
    assert sorted(paged.resources, key=lambda one: one.id) == sorted(
        whole.resources, key=lambda one: one.id
    )
    assert (paged.totals, paged.as_of) == (whole.totals, whole.as_of)


def test_bill_with_more_groups_than_there_is_room_for_is_none(delivered: Store) -> None:
    with pytest.raises(BillTooLarge, match="it has more than 5 resources"):
        the_bill(delivered, limits=BillLimits(groups=5))
    with pytest.raises(BillTooLarge, match="the answer is larger than 1,000 bytes"):
        the_bill(delivered, limits=BillLimits(page_bytes=1_000))
    with pytest.raises(BillTooLarge, match="asked for 9 tags, and 8 are the most"):
        the_bill(delivered, limits=BillLimits(tags=8))


def test_tags_of_many_clusters_are_read(delivered: Store) -> None:
    many = Topology([*TOPOLOGY.clusters, *(Cluster(f"c-{n}", f"c-{n}") for n in range(40))])
    costs = join(many, the_bill(delivered, many)).clusters
    assert {one.key: named(one) for one in costs if one.amounts} == JOINED


def test_month_without_charges_costs_nothing(delivered: Store) -> None:
    bill = the_bill(delivered, period=Period.read("2023-01"))
    assert (bill.resources, bill.totals, bill.without_resource) == ([], {}, {})


def test_table_that_nobody_delivered_is_told(delivered: Store) -> None:
    with pytest.raises(HandlerRefused, match=r"it answers 404, .*nowhere"):
        the_bill(delivered, table="nowhere")


def test_wrong_password_is_told(delivered: Store, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong", encoding="utf-8")
    with pytest.raises(HandlerRefused, match="it does not know this user and password"):
        the_bill(delivered, password_file=file)
    with pytest.raises(HandlerRefused, match="it does not know this user and password"):
        the_bill(delivered, password_file=None)


class Meanwhile(LocalServer):
    """Passes requests on to a store; before the second one something happens to it."""

    def __init__(self, store: Store, happens: Callable[[], None]) -> None:
        super().__init__(_PassingOn)
        self.store, self.happens = store, happens
        self.requests = 0


class _PassingOn(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        between: Meanwhile = self.server.owner  # type: ignore[attr-defined]
        between.requests += 1
        if between.requests == 2:
            between.happens()
        body = between.store.http.get(self.path).content
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_bill_is_of_one_state_whatever_is_delivered_meanwhile(
    store: Store, pipeline: Pipeline, folder: Path
) -> None:
    file = folder / "moving.csv"
    rows = [{**ROW, "ResourceId": f"r-{n}"} for n in range(6)]
    deliver(pipeline, write_report(file, rows), "moving")
    before = the_bill(store, table="moving")

    def another_delivery() -> None:
        moved = {**ROW, "ResourceId": "new", "BilledCost": "99"}
        write_report(file, [*rows[1:], moved], at=LONG_AGO + 60)
        deliver(pipeline, file, "moving")

    with Meanwhile(store, another_delivery) as between:
        limits = BillLimits(page_rows=2)
        assert the_bill(store, table="moving", url=between.url, limits=limits) == before
    assert the_bill(store, table="moving").totals != before.totals


LACKS = {
    "no tags": (["Tags"], ["green"]),
    "no names": (["ResourceName", "SubAccountId", "RegionId"], ["green", "it's"]),
    "no resources": (["ResourceId"], []),
}


@pytest.mark.parametrize("name", LACKS)
def test_table_that_lacks_columns_is_joined_by_those_it_has(
    name: str, store: Store, pipeline: Pipeline, folder: Path
) -> None:
    lacking, expected = LACKS[name]
    table = name.replace(" ", "_")
    rows = [
        {column: text for column, text in {**ROW, **row}.items() if column not in lacking}
        for row in ROWS
        if row["ResourceId"] in (INSTANCE, "lb-2", "")
    ]
    deliver(pipeline, write_report(folder / f"{table}.csv", rows), table)
    report = join(TOPOLOGY, the_bill(store, table=table))
    assert [one.key for one in report.clusters if one.amounts] == expected
    assert total([report.matched, report.unmatched]) == by_sql(store, table)


def test_generated_bills_of_all_clouds_are_joined_exactly(
    store: Store, pipeline: Pipeline, folder: Path
) -> None:
    rows: list[dict[str, str | None]] = []
    for name, chunks in files(Estate(seed=8, rows=4_000, months=("2024-09",))):
        file = folder / "estate" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(chunks))
        if file.suffix == ".csv":
            deliver(pipeline, file, "estate")
            rows += read_rows(file)
    topology, expected = as_a_topology(rows)
    assert all(len(resources) > 3 for resources in expected.values())
    report = join(topology, the_bill(store, topology, table="estate"))
    assert {one.key: named(one) for one in report.clusters} == expected
    for cluster in report.clusters:
        assert cluster.amounts == by_sql(store, "estate", expected[cluster.key])
        assert cluster.own.matches == []
    assert report.bill.totals == by_sql(store, "estate")
    assert total([report.matched, report.unmatched]) == report.bill.totals


def as_a_topology(rows: Sequence[Row]) -> tuple[Topology, dict[str, list[str]]]:
    """A cluster of each cloud, of all its machines and disks; and which resources these are."""
    clusters = {key: a_cluster(key) for key in ("aws", "azure", "gcp", "oci")}
    found: dict[str, set[str]] = {key: set() for key in clusters}
    for row in {row["ResourceId"] or "": row for row in rows}.values():
        id, name = row["ResourceId"] or "", row["ResourceName"] or ""
        for key, pattern, told in OF_CLOUDS:
            if (parts := re.fullmatch(pattern, id)) is not None:
                spelt = told.format(*parts.groups(), name=name, account=row["SubAccountId"])
                if "disk" in pattern or "vol" in pattern:
                    volume = PersistentVolume(f"pv-{len(found[key])}", handle=spelt)
                    clusters[key].volumes.append(volume)
                else:
                    clusters[key].nodes.append(a_node(f"node-{len(found[key])}", spelt))
                found[key].add(id)
    return Topology([*clusters.values()]), {key: sorted(ids) for key, ids in found.items()}


OF_CLOUDS = (
    ("aws", r"arn:aws:ec2:(.+):\d+:instance/(i-.+)", "aws:///{0}a/{1}"),
    ("aws", r"arn:aws:ec2:.+:volume/(vol-.+)", "{0}"),
    ("azure", r"(/subscriptions/.+/virtualmachines/.+)", "azure://{0}"),
    ("azure", r"(/subscriptions/.+/disks/.+)", "{0}"),
    ("gcp", r"//compute.+/zones/(.+)/instances/\d+", "gce://{account}/{0}/{name}"),
    ("gcp", r"//compute.googleapis.com/(projects/.+/disks/.+)", "{0}"),
    ("oci", r"(ocid1\.instance\..+)", "{0}"),
    ("oci", r"(ocid1\.volume\..+)", "{0}"),
)
"""Of which cloud an id is, and how a node or a volume spells it."""
