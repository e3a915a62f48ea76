"""`costwire topology`, asking an aggregator over HTTP."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml
from tests.support import hostile
from tests.support.certificates import Authority
from tests.support.commands import COMMAND, Finished, costwire, costwire_here
from tests.support.fake_prometheus import Fault
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.hostile import Fault as WireFault
from tests.support.kubernetes_estates import Estate
from tests.support.local_server import LocalServer
from tests.support.processes import ServiceProcess, clean_environment, local_get
from tests.support.tls_front import TlsFront
from tests.support.wire import Wire
from tests.unit.aggregator.tokens.signing import NOW, a_token, base64_of, rsa_key

from costwire_cli.aggregator_api import AggregatorApi
from costwire_cli.errors import CommandError
from costwire_runtime.client import HttpClient

CLUSTERS, NODES, PODS = 3, 2, 8
COMPLETE, FAILED, WRONG_USE, INCOMPLETE = 0, 1, 2, 3


@pytest.fixture(scope="module")
def upstream() -> Iterator[FlavourUpstream]:
    with FlavourUpstream("kubernetes", Estate(7).series("kubernetes")) as server:
        yield server


@pytest.fixture
def dying() -> Iterator[FlavourUpstream]:
    """An upstream that a test may spoil."""
    with FlavourUpstream("opentelemetry", Estate(8, clusters=5).series("opentelemetry")) as server:
        yield server


def upstreams(folder: Path, *servers: FlavourUpstream) -> Path:
    told = [{"name": name, "url": one.url} for name, one in zip("ab", servers, strict=False)]
    file = folder / "upstreams.yaml"
    file.write_text(yaml.safe_dump({"upstreams": told}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def aggregator(
    upstream: FlavourUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of one that has everything."""
    folder = tmp_path_factory.mktemp("aggregator")
    file = upstreams(folder, upstream)
    with ServiceProcess("aggregator", folder, upstreams_file=file, fresh_seconds=600) as service:
        yield service.start().wait_until_ready().url


def topology(aggregator: str, *options: object) -> Finished:
    return costwire_here("topology", "--aggregator", aggregator, *options)


def kinds(told: Finished) -> list[str]:
    return [line.partition("  ")[0] for line in told.out.splitlines()]


def test_tree_shows_what_the_document_tells(aggregator: str) -> None:
    told = topology(aggregator)
    assert (told.status, told.err) == (COMPLETE, "")
    document = local_get(f"{aggregator}/v1/topology").json()
    for cluster in document["clusters"]:
        key, cores = cluster["key"], sum(node["capacity"]["cpu"] for node in cluster["nodes"])
        (line,) = re.findall(f"^cluster  {key}  .*$", told.out, re.MULTILINE)
        assert f"/{cores:g}  memory=" in line
        assert f"  pods={len(cluster['pods'])} (" in line
        for node in cluster["nodes"]:
            assert f"\nnode  {key}/{node['name']}  status=" in told.out
        for namespace in cluster["namespaces"]:
            assert f"\nnamespace  {key}/{namespace['name']}  phase=Active  pods=4 (" in told.out
    assert kinds(told).count("node") == CLUSTERS * NODES
    assert "workload" not in kinds(told)


def test_depth_and_names_narrow_what_is_shown(aggregator: str) -> None:
    options = ("--cluster", "cluster-1", "--cluster", "cluster-2", "--namespace", "shop")
    told = topology(aggregator, *options, "--depth", "containers")
    assert told.status == COMPLETE
    assert kinds(told).count("cluster") == 2
    assert kinds(told).count("namespace") == 2
    assert kinds(told).count("pod") == PODS
    assert kinds(told).count("container") == 2 * PODS
    assert "/test/" not in told.out
    assert "image=registry/c0:1" in told.out


@pytest.mark.parametrize("params", [{}, {"depth": "nodes"}, {"cluster": "cluster-1"}], ids=str)
def test_json_is_what_the_aggregator_gives_to_the_letter(
    aggregator: str, params: dict[str, str]
) -> None:
    options = [f"--{name}={value}" for name, value in params.items()]
    told = costwire("topology", "--format", "json", "--aggregator", aggregator, *options)
    assert told.out == local_get(f"{aggregator}/v1/topology", params).text
    assert (told.status, told.err) == (COMPLETE, "")


def test_variable_names_the_aggregator(aggregator: str) -> None:
    environment = {"COSTWIRE_AGGREGATOR": aggregator}
    told = costwire("topology", "--depth", "clusters", environment=environment)
    assert told.status == COMPLETE
    assert kinds(told) == ["topology", *["cluster"] * CLUSTERS, "unused"]


def on_a_terminal(*arguments: str) -> str:
    """What a terminal of 100 columns is sent."""
    ours, theirs = pty.openpty()
    environment = clean_environment() | {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment |= {"PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    shown = b""
    with subprocess.Popen(
        [COMMAND, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        try:
            while piece := _read(ours):
                shown += piece
            assert process.wait(60) == COMPLETE
        finally:
            process.kill()
            os.close(ours)
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # as Linux tells that the other end is closed
        return b""


def test_terminal_gets_a_tree_in_colours(aggregator: str) -> None:
    shown = on_a_terminal("topology", "--aggregator", aggregator)
    assert "\x1b[32mReady\x1b[0m" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert re.search(r"^├── cluster cluster-0  ready \d/2  cpu ", plain, re.MULTILINE)
    assert re.search(r"^│   ├── node node-0  status ", plain, re.MULTILINE)
    assert re.search(r"^│   └── namespace test  phase Active  pods 4 \(", plain, re.MULTILINE)


def test_json_on_a_terminal_ends_its_line(aggregator: str) -> None:
    shown = on_a_terminal("topology", "--aggregator", aggregator, "--format", "json")
    assert shown.endswith("}\r\n")
    assert "clusters" in json.loads(shown)


# What is missing.


@pytest.mark.parametrize("wanted", ["tree", "json"])
def test_missing_upstream_is_named_and_gives_3(
    upstream: FlavourUpstream, dying: FlavourUpstream, tmp_path: Path, wanted: str
) -> None:
    dying.stop()
    file = upstreams(tmp_path, upstream, dying)
    with ServiceProcess("aggregator", tmp_path, upstreams_file=file) as service:
        told = topology(service.start().wait_until_ready().url, "--format", wanted)
    assert told.status == INCOMPLETE
    if wanted == "json":
        assert len(told.json()["clusters"]) == CLUSTERS
        assert told.err == "costwire: the topology is not complete; missing: b (unreachable)\n"
        return
    first, *_, last = (line for line in told.out.splitlines() if not line.startswith("unused"))
    assert re.search(r"  complete=[0-9.]+ %  missing=b \(unreachable\)  ", first)
    assert last.startswith("upstream  b  state=unreachable  metrics=0/")
    assert "reason=" in last
    assert "connection refused" in last
    assert kinds(told).count("cluster") == CLUSTERS
    assert told.err == ""


@pytest.mark.parametrize("wanted", ["tree", "json"])
def test_cluster_that_is_not_there_is_told_and_gives_1(aggregator: str, wanted: str) -> None:
    names = ("--cluster", "cluster-1", "--cluster", "none")
    told = topology(aggregator, *names, "--format", wanted)
    assert told.status == FAILED
    assert "there is no cluster 'none'; costwire topology --depth clusters shows" in told.err
    assert "cluster-1" in told.out


def test_cluster_that_may_be_at_a_missing_upstream_is_told_so(
    upstream: FlavourUpstream, dying: FlavourUpstream, tmp_path: Path
) -> None:
    file = upstreams(tmp_path, upstream, dying)
    dying.fault = Fault(status=500, body=b"oops")
    with ServiceProcess("aggregator", tmp_path, upstreams_file=file) as service:
        told = topology(service.start().wait_until_ready().url, "--cluster", "cluster-4")
    assert told.status == FAILED
    assert "no cluster 'cluster-4', or what tells of it is missing;" in told.err


# Costs.

MANAGED = "arn:aws:eks:eu-west-1:1:cluster/cluster-1"
COLUMNS = ("ResourceId", "ResourceName", "SubAccountId", "RegionId")


class _Bill(hostile.Answering):
    """A handler whose bill names one cluster, and a bucket."""

    body = json.dumps(
        {
            "asOf": {"state": 1},
            "by": COLUMNS,
            "rows": [
                {
                    "by": dict.fromkeys(COLUMNS) | {"ResourceId": resource},
                    "currency": "USD",
                    "charges": 1,
                    "sums": {"BilledCost": cost, "EffectiveCost": cost},
                }
                for resource, cost in ((MANAGED, "0.10000000000000000001"), ("bucket", "2"))
            ],
            "totals": {
                "USD": {
                    "charges": 2,
                    "sums": dict.fromkeys(
                        ("BilledCost", "EffectiveCost"), "2.10000000000000000001"
                    ),
                }
            },
        }
    ).encode()


@pytest.fixture(scope="module")
def billed(
    upstream: FlavourUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, LocalServer]]:
    """The address of an aggregator, and where it gets the bills."""
    folder = tmp_path_factory.mktemp("billed")
    told = {"upstreams_file": upstreams(folder, upstream), "fresh_seconds": 600}
    with (
        LocalServer(_Bill) as handler,
        ServiceProcess("aggregator", folder, **told, handler_url=handler.url) as service,
    ):
        yield service.start().wait_until_ready().url, handler


def test_costs_stand_beside_clusters_and_nodes(billed: tuple[str, LocalServer]) -> None:
    told = topology(billed[0], "--costs", "--period", "2026-10", "--depth", "nodes")
    assert (told.status, told.err) == (COMPLETE, "")
    costs = re.findall(r"^(cluster|node)  (\S+)  .*  BilledCost=(.*)$", told.out, re.MULTILINE)
    assert len(costs) == CLUSTERS + CLUSTERS * NODES
    amounts = {name: cost for _, name, cost in costs if cost != "?"}
    assert amounts == {"cluster-1": "0.10000000000000000001 USD"}
    bill = (
        "bill  USD  period=2026-10  total=2.10000000000000000001  clusters=0.10000000000000000001  "
    )
    assert f"\n{bill}ambiguous=0  unmatched=2\n" in told.out
    assert "\nunmatched  USD/bucket  BilledCost=2\n" in told.out


def test_costs_are_those_of_the_aggregators_document(billed: tuple[str, LocalServer]) -> None:
    told = topology(billed[0], "--costs", "--format", "json")
    answer = local_get(f"{billed[0]}/v1/topology", {"costs": "1"})
    assert (told.status, told.err) == (COMPLETE, "")
    assert told.out == answer.text
    assert told.json()["costs"]["state"] == "joined"


@pytest.mark.parametrize("wanted", ["tree", "json"])
def test_bill_that_is_not_to_be_had_is_told_and_gives_3(
    billed: tuple[str, LocalServer], wanted: str
) -> None:
    url, handler = billed
    handler.stop()
    try:
        told = topology(url, "--costs", "--period", "2026-09", "--format", wanted)
    finally:
        handler.start_again()
    assert told.status == INCOMPLETE
    assert "cluster-1" in told.out
    if wanted == "json":
        assert told.json()["costs"]["state"] == "unavailable"
        assert "costwire: the costs are not there: ask the database handler: " in told.err
        assert "connection refused" in told.err
    else:
        assert "\nbill  state=unavailable  reason=ask the database handler: " in told.out
        assert told.err == ""


def test_aggregator_without_bills_says_how_it_gets_them(aggregator: str) -> None:
    told = topology(aggregator, "--costs")
    assert told.status == INCOMPLETE
    assert "bill  state=unavailable" in told.out
    assert "AGGREGATOR_HANDLER_URL" in told.out


def test_month_without_costs_is_wrong_use(aggregator: str) -> None:
    told = topology(aggregator, "--period", "2026-10")
    assert (told.status, told.out) == (WRONG_USE, "")
    assert "add --costs" in told.err


# An aggregator that is silent, or refuses.


def test_aggregator_that_is_not_there_is_told_with_what_to_do() -> None:
    told = topology("http://ann:hush@127.0.0.1:9")
    assert (told.status, told.out) == (FAILED, "")
    assert "http://127.0.0.1:9/v1/topology" in told.err
    assert "connection refused" in told.err
    assert "--aggregator or COSTWIRE_AGGREGATOR" in told.err
    assert "hush" not in told.err


def test_aggregator_whose_upstreams_are_all_silent_says_so(
    dying: FlavourUpstream, tmp_path: Path
) -> None:
    file = upstreams(tmp_path, dying)
    with ServiceProcess("aggregator", tmp_path, upstreams_file=file) as service:
        url = service.start().wait_until_ready().url
        dying.stop()
        told = topology(url)
    assert (told.status, told.out) == (FAILED, "")
    assert re.search("503: ask the upstreams: a: .*connection refused.*ask again in 5", told.err)


@pytest.fixture(scope="module")
def guarded(upstream: FlavourUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that asks for a token, or for user and password."""
    folder = tmp_path_factory.mktemp("guarded")
    hashed = bcrypt.hashpw(b"hush", bcrypt.gensalt(4)).decode()
    (folder / "web.yaml").write_text(yaml.safe_dump({"basic_auth_users": {"jo": hashed}}))
    with ServiceProcess(
        "aggregator",
        folder,
        upstreams_file=upstreams(folder, upstream),
        key=base64_of(rsa_key()),
        web_config_file=folder / "web.yaml",
    ) as service:
        yield service.start().wait_until_ready().url


def test_token_of_a_file_signs_in(guarded: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{a_token()}\n")
    told = topology(guarded, "--token-file", token)
    assert (told.status, told.err) == (COMPLETE, "")


def test_user_and_password_of_the_address_sign_in(guarded: str) -> None:
    told = topology(guarded.replace("://", "://jo:hush@"))
    assert (told.status, told.err) == (COMPLETE, "")


def test_refused_sign_in_is_told_without_the_token(guarded: str, tmp_path: Path) -> None:
    token = a_token(exp=NOW - 900)
    file = tmp_path / "token"
    file.write_text(token)
    for options in ((), ("--token-file", file)):
        told = topology(guarded, *options)
        assert (told.status, told.out) == (FAILED, "")
        assert re.search("401: sign in: .*; give --token-file, or user and password", told.err)
        assert token not in told.err


def test_two_ways_to_sign_in_are_one_too_many(guarded: str, tmp_path: Path) -> None:
    told = topology(guarded.replace("://", "://jo:hush@"), "--token-file", tmp_path / "token")
    assert (told.status, told.out) == (WRONG_USE, "")
    assert "not both" in told.err
    assert "hush" not in told.err


def test_certificate_is_checked_with_the_authorities_of_a_file(
    aggregator: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with TlsFront(aggregator) as front:
        front.show(authority.issue("aggregator"))
        refused = topology(front.url)
        taken = topology(front.url, "--ca-file", authority.file)
    assert (refused.status, refused.out) == (FAILED, "")
    assert "the certificate is not trusted" in refused.err
    assert (taken.status, taken.err) == (COMPLETE, "")


# What can happen on the way.

NOT_OURS = "the answer is not one of Costwire's aggregator"
CUT = "the answer was cut off|the connection was (reset|closed)"
TOLD = {
    hostile.web_page: NOT_OURS,
    hostile.no_content: NOT_OURS,
    hostile.cut_off: CUT,
    hostile.broken: CUT,
    hostile.refused: CUT,
    hostile.no_http: CUT,
    hostile.stalled: "no answer in time",
    hostile.damaged_gzip: "the answer can't be decoded",
    hostile.bomb: "the answer is larger than .*; ask for less, by --cluster or --depth",
    hostile.in_circles: "it redirects in a circle",
    hostile.busy: "503: .*; ask again",
}


class _Topology(hostile.Answering):
    body = json.dumps(
        {
            "completeness": {"at": "2026-10-01T12:00:00.000Z", "percent": 0, "upstreams": []},
            "clusters": [{"key": "x" * 90}] * 90,
        }
    ).encode()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with LocalServer(_Topology) as server, Wire(server.url) as between:
        yield between


@pytest.mark.parametrize("fault", TOLD, ids=hostile.name_of)
def test_fault_is_told_in_time_and_passes(wire: Wire, fault: WireFault) -> None:
    with HttpClient(wire.url, timeout=(1.0, 0.3), retries=0, service="aggregator") as http:
        api: Any = AggregatorApi(http)
        wire.spoil("", fault)
        with pytest.raises(CommandError, match=f"ask for the topology: .*({TOLD[fault]})"):
            api.topology({})
        wire.spoil("", fault, times=0)
        assert len(api.topology({}).document["clusters"]) == 90
