"""Costs beside the topology: as JSON, as gauges, as pages; and what is told without a bill."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_schema_validator import OAS31Validator
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.in_process import Pipeline
from tests.support.kubernetes_estates import Estate
from tests.support.processes import ServiceProcess, free_port
from tests.support.reports import CHARGE, write_report
from tests.support.store import Store
from tests.support.waiting import until
from tests.support.wire import Wire

from costwire_aggregator.app import create_app
from costwire_aggregator.costs.schemas import SCHEMAS
from costwire_aggregator.samples import Sample
from costwire_aggregator.settings import Settings
from costwire_aggregator.web.ui import pages
from costwire_runtime.asgi import AsgiAdapter

Get = Callable[..., requests.Response]
MONTH = f"{datetime.now(UTC):%Y-%m}"
ESTATE = Estate(7)
CLUSTER = ESTATE.clusters[0]
NODE = CLUSTER.nodes[0]
INSTANCE = "i-0123456789abcdef0"
ROWS = [
    {"ResourceId": INSTANCE, "BilledCost": "0.100000000000000000001"},
    {"ResourceId": INSTANCE, "BilledCost": "2.5"},
    {"ResourceId": "lb-1", "BilledCost": "7", "Tags": f'{{"eks:cluster-name": "{CLUSTER.name}"}}'},
    {"ResourceId": "bucket", "BilledCost": "11.25"},
    {"ResourceId": "", "BilledCost": "0.05", "BillingCurrency": "EUR"},
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FlavourUpstream]:
    series = dict(ESTATE.series("kubernetes"))
    series["kube_node_info"] = [
        Sample({**labels, "provider_id": f"aws:///eu-1a/{INSTANCE}"}, value)
        if (labels["cluster"], labels["node"]) == (CLUSTER.name, NODE.name)
        else Sample(labels, value)
        for labels, value in series["kube_node_info"]
    ]
    with FlavourUpstream("kubernetes", series) as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A handler that has this month's bill."""
    folder = tmp_path_factory.mktemp("costs")
    month = {"BillingPeriodStart": f"{MONTH}-01T00:00:00Z", "RegionId": "", "SubAccountId": "1"}
    row = {**CHARGE, **month, "ChargePeriodStart": f"{MONTH}-01T00:00:00Z", "Tags": "{}"}
    del row["BillingPeriodEnd"], row["ChargePeriodEnd"]
    with ServiceProcess("db-handler", folder, data_dir=folder / "data") as handler:
        handler.start().wait_until_ready()
        store = Store(handler.url, folder / "data")
        file = write_report(folder / "charges.csv", [{**row, **more} for more in ROWS])
        outcome = Pipeline(store, folder).deliver(file, "charges")
        assert (outcome.exit_status, outcome.error) == (0, None)
        yield store


@contextmanager
def an_aggregator(upstream: FlavourUpstream, **settings: Any) -> Iterator[Get]:
    given = {"port": 0, "prometheus_address": upstream.url, "fresh_seconds": 60, **settings}
    with AsgiAdapter(create_app(Settings(**given))) as transport, requests.Session() as session:
        session.mount("http://", transport)

        def get(path: str = "/v1/topology", **parameters: Any) -> requests.Response:
            return session.get(f"http://aggregator{path}", params=parameters, timeout=60)

        yield get


@pytest.fixture
def get(upstream: FlavourUpstream, store: Store) -> Iterator[Get]:
    password = store.data / "admin.password"
    with an_aggregator(upstream, handler_url=store.url, handler_password_file=password) as get:
        yield get


def test_costs_stand_beside_the_clusters_and_add_up(get: Get) -> None:
    costs = get(costs="1", period=MONTH).json()["costs"]
    assert costs["state"] == "joined"
    clusters = {cluster["cluster"]: cluster for cluster in costs["clusters"]}
    cluster = clusters[CLUSTER.name]
    assert cluster["amounts"]["USD"]["BilledCost"] == "9.600000000000000000001"
    (node,) = cluster["nodes"]
    assert (node["name"], node["amounts"]["USD"]["BilledCost"]) == (
        NODE.name,
        "2.600000000000000000001",
    )
    for currency, total in costs["totals"].items():
        parts = [
            Decimal(costs[part]["amounts"][currency]["BilledCost"])
            for part in ("ambiguous", "unmatched")
            if currency in costs[part]["amounts"]
        ]
        matched = Decimal(costs["matched"].get(currency, {}).get("BilledCost") or 0)
        assert matched + sum(parts) == Decimal(total["BilledCost"])
    document = {"components": {"schemas": SCHEMAS}, "$ref": "#/components/schemas/Costs"}
    OAS31Validator(document).validate(costs)


def test_month_is_this_one_unless_it_is_told(get: Get) -> None:
    assert get(costs="1").json()["costs"]["period"] == MONTH
    assert get(costs="true", period="2024-02").json()["costs"]["totals"] == {}
    assert "costs" not in get().json()


@pytest.mark.parametrize(
    "parameters",
    [{"costs": "2"}, {"costs": "1", "period": "2024-13"}, {"period": "2024-01"}],
    ids=str,
)
def test_bad_question_for_costs_is_told(get: Get, parameters: dict[str, str]) -> None:
    assert get(**parameters).status_code == 400


def test_gauges_tell_this_months_costs(get: Get) -> None:
    lines = get("/metrics").text.splitlines()
    told = f'costwire_cluster_billed_cost{{cluster="{CLUSTER.name}",currency="USD"}} 9.6'
    assert told in lines
    assert 'costwire_unmatched_billed_cost{currency="USD"} 11.25' in lines
    assert 'costwire_unmatched_billed_cost{currency="EUR"} 0.05' in lines
    assert 'costwire_ambiguous_billed_cost{currency="USD"} 0.0' in lines
    assert "costwire_costs_up 1.0" in lines


def test_pages_show_costs_and_what_has_no_cluster(get: Get) -> None:
    page = get("/ui").text
    assert "~9.60 USD" in page
    assert "11.25" in page
    assert "<svg" in page
    assert NODE.name in page
    of_cluster = get("/ui/cluster", key=CLUSTER.name, period=MONTH).text
    assert "~2.60 USD" in of_cluster


def test_page_of_a_node_is_of_the_one_with_that_uid(get: Get) -> None:
    node = {"cluster": CLUSTER.name, "name": NODE.name}
    told = {one["name"]: one for one in get(cluster=CLUSTER.name).json()["clusters"][0]["nodes"]}
    uid = told[NODE.name].get("uid")
    assert get("/ui/node", **node, **({"uid": uid} if uid else {})).status_code == 200
    assert get("/ui/node", **node, uid="of another one").status_code == 404


def test_page_does_not_wait_for_a_bill_that_is_long_in_coming(
    upstream: FlavourUpstream, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_COSTS_SECONDS", 0.1)
    is_asked, may_pass = threading.Event(), threading.Event()

    def held_up() -> None:
        is_asked.set()
        assert may_pass.wait(60)

    password = store.data / "admin.password"
    with (
        Wire(store.url) as slow,
        an_aggregator(upstream, handler_url=slow.url, handler_password_file=password) as get,
    ):
        slow.before("/costs", held_up)
        of_node = get("/ui/node", cluster=CLUSTER.name, name=NODE.name).text
        assert f"<h1>{NODE.name}</h1>" in of_node
        assert not is_asked.is_set()  # it shows no costs
        page = get("/ui", period=MONTH).text
        assert is_asked.wait(60)
        assert f"The bill of {MONTH} is still being read." in page
        assert f'href="/ui?period={MONTH}">Look again</a>' in page
        assert f">{CLUSTER.name}</a>" in page
        assert "<svg" not in page
        of_cluster = get("/ui/cluster", key=CLUSTER.name, period=MONTH).text
        assert "is still being read." in of_cluster
        assert f">{NODE.name}</a>" in of_cluster
        assert f"Cost of {MONTH}" not in of_cluster
        may_pass.set()
        until("the bill is shown", lambda: "~9.60 USD" in get("/ui").text, 60)


def test_topology_is_told_where_the_bill_is_not_to_be_had(upstream: FlavourUpstream) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with an_aggregator(upstream, handler_url=gone) as get:
        told = get(costs="1").json()
        assert told["costs"]["state"] == "unavailable"
        assert "connection refused" in told["costs"]["reason"]
        assert len(told["clusters"]) == len(ESTATE.clusters)
        assert "costwire_costs_up 0.0" in get("/metrics").text
        assert "connection refused" in get("/ui").text


def test_who_names_no_handler_is_told_how(upstream: FlavourUpstream) -> None:
    with an_aggregator(upstream) as get:
        reason = get(costs="1").json()["costs"]["reason"]
        assert "AGGREGATOR_HANDLER_URL" in reason
        assert "costwire_costs_up" not in get("/metrics").text
        assert "Billing month" not in get("/ui").text


def test_wrong_password_is_told_without_it(
    upstream: FlavourUpstream, store: Store, tmp_path: Path
) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("hush-hush", encoding="utf-8")
    with an_aggregator(upstream, handler_url=store.url, handler_password_file=wrong) as get:
        costs = get(costs="1").json()["costs"]
    assert costs["state"] == "unavailable"
    assert "hush" not in costs["reason"]
