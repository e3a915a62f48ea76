"""What the page of differences says of the original and of us, held against both."""

from __future__ import annotations

import http.server
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.fake_prometheus import Series
from tests.support.icos_upstream import IcosUpstream
from tests.support.local_server import LocalServer
from tests.support.original_aggregator import an_original
from tests.support.processes import ServiceProcess, local_get
from tests.support.waiting import until

from costwire_aggregator.samples import Sample

NAMED_NOWHERE = "http://prometheus.invalid:9090"
HOST = {"icos_host_id": "h1", "icos_host_name": "rover-07", "nodename": "rover-07"}
NORTH = {"k8s_cluster_uid": "5d3c", "icos_host_id": "h2", "icos_host_name": "node-a1"}
OCM = {"agent_id": "edge", "type": "ocm", "k8s_cluster_uid": "5d3c"}
NUVLA = {"agent_id": "nuvlabox/9c2e", "type": "nuvla", "agent_name": "fleet"}


def series(**families: list[tuple[dict[str, str], float]]) -> Series:
    return {name: [Sample(*one) for one in told] for name, told in families.items()}


@contextmanager
def both(series: Series, folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of the original, and of us with no settings of our own."""
    with IcosUpstream(series) as upstream, an_original(upstream.url) as port:
        ours = ServiceProcess("aggregator", folder, prometheus_address=upstream.url)
        with ours.start().wait_until_ready():
            yield f"http://127.0.0.1:{port}/", f"{ours.url}/"


def told(url: str) -> dict[str, Any]:
    clusters: dict[str, Any] = local_get(url).json()["cluster"]
    return clusters


def test_nuvla_node_has_the_id_of_an_agent_of_whatever_type_and_here_of_its_own(
    tmp_path: Path,
) -> None:
    host = {"icos_host_name": HOST["icos_host_name"]}
    other = {"agent_id": "an-ocm-agent", "type": "ocm", "k8s_cluster_uid": "else", **host}
    estate = series(
        tlum_orch_info=[(NUVLA | host, 1), (other, 1)],
        node_uname_info=[(HOST, 1)],
        up=[({"job": "x"}, 1.0)],
    )
    with both(estate, tmp_path) as (original, ours):
        names = {name for _ in range(60) for name in told(original)["fleet"]["node"]}
        assert names == {NUVLA["agent_id"], other["agent_id"]}
        assert [*told(ours)["fleet"]["node"]] == [NUVLA["agent_id"]]


def test_nuvla_node_is_looked_for_by_its_own_name_and_here_by_its_hosts(tmp_path: Path) -> None:
    estate = series(
        tlum_orch_info=[(NUVLA | {"icos_host_name": "rover-07"}, 1)],
        node_uname_info=[(HOST | {"nodename": "other"}, 1)],
        up=[({"job": "x"}, 1.0)],
    )
    with both(estate, tmp_path) as (original, ours):
        assert [*told(original)["fleet"]["node"]] == ["other"]
        assert [*told(ours)["fleet"]["node"]] == [NUVLA["agent_id"]]


def test_measures_without_a_host_id_are_dropped_and_here_found_by_the_hosts_name(
    tmp_path: Path,
) -> None:
    without = {name: text for name, text in NORTH.items() if name != "icos_host_id"}
    estate = series(
        tlum_orch_info=[(OCM, 1)],
        node_uname_info=[(NORTH | {"nodename": "node-a1"}, 1)],
        node_memory_MemFree_bytes=[(without, 512)],
        node_network_info=[(without | {"device": "eth0"}, 1)],
        up=[({"job": "x"}, 1.0)],
    )
    with both(estate, tmp_path) as (original, ours):
        (there,) = told(original)["5d3c"]["node"].values()
        assert "freeRAM" not in there["dynamicMetrics"]
        assert "networkInterfaces" not in there
        (here,) = told(ours)["5d3c"]["node"].values()
        assert here["dynamicMetrics"]["freeRAM"] == 512
        assert [*here["networkInterfaces"]] == ["eth0"]


def test_clusters_whose_name_is_told_as_empty_are_one_without_a_name_and_here_have_their_uid(
    tmp_path: Path,
) -> None:
    estate = series(
        tlum_orch_info=[(OCM, 1), (OCM | {"agent_id": "b", "k8s_cluster_uid": "77aa"}, 1)],
        tlum_ocm_agent_info=[({"k8s_cluster_uid": uid}, 1) for uid in ("5d3c", "77aa")],
        node_uname_info=[
            (NORTH, 1),
            (NORTH | {"k8s_cluster_uid": "77aa", "icos_host_id": "h3"}, 1),
        ],
        up=[({"job": "x"}, 1.0)],
    )
    with both(estate, tmp_path) as (original, ours):
        assert [*told(original)] == [""]
        assert sorted(told(ours)) == ["5d3c", "77aa"]


def test_proxy_of_the_environment_is_used_and_here_it_is_not(tmp_path: Path) -> None:
    estate = series(
        tlum_orch_info=[(OCM, 1)], node_uname_info=[(NORTH, 1)], up=[({"job": "x"}, 1.0)]
    )
    with IcosUpstream(estate) as proxy:
        with an_original(NAMED_NOWHERE, HTTP_PROXY=proxy.url) as port:
            assert [*told(f"http://127.0.0.1:{port}/")] == ["5d3c"]
        proxy.asked.clear()
        ours = ServiceProcess(
            "aggregator",
            tmp_path,
            prometheus_address=NAMED_NOWHERE,
            environment={"HTTP_PROXY": proxy.url, "http_proxy": proxy.url},
        )
        with ours.start():
            until("we serve", ours.has_begun)
            assert local_get(ours.url).status_code == 503
        assert proxy.asked == []


class Redirecting(LocalServer):
    """Leads elsewhere, with whatever method."""

    def __init__(self, to: str) -> None:
        super().__init__(_Redirect)
        self.to = to


class _Redirect(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        owner: Redirecting = self.server.owner  # type: ignore[attr-defined]
        self.send_response(307)
        self.send_header("Location", f"{owner.to}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_redirects_are_followed_and_here_they_are_a_fault(tmp_path: Path) -> None:
    estate = series(
        tlum_orch_info=[(OCM, 1)], node_uname_info=[(NORTH, 1)], up=[({"job": "x"}, 1.0)]
    )
    with IcosUpstream(estate) as upstream, Redirecting(upstream.url) as redirecting:
        with an_original(redirecting.url) as port:
            assert [*told(f"http://127.0.0.1:{port}/")] == ["5d3c"]
        upstream.asked.clear()
        ours = ServiceProcess("aggregator", tmp_path, prometheus_address=redirecting.url)
        with ours.start():
            until("we serve", ours.has_begun)
            answer = local_get(ours.url)
        assert answer.status_code == 502
        assert "307" in answer.json()["detail"]
        assert upstream.asked == []
