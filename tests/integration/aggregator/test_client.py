"""Questions over the wire: how they are put, and what becomes of each way to fail."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.fake_prometheus import FakePrometheus, Fault
from tests.support.local_server import LocalServer
from tests.support.processes import free_port
from tests.support.tls_front import TLS_FAULTS, TlsFront

from costwire_aggregator.http_client import Allowance
from costwire_aggregator.questions import TIMES, of_families
from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.client import (
    AskError,
    Late,
    Unreachable,
    UpstreamClient,
    Wrong,
)
from costwire_aggregator.upstreams.settings import UpstreamSettings

AT = 1_753_000_060.0
PODS = of_families("pods", ["kube_pod_info", "kube_pod_owner"])
POD = Sample({"pod": "web"}, 1.0)


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    with FakePrometheus({"kube_pod_info": [POD], "up": [Sample({"job": "x"}, 5.0)]}) as server:
        yield server


def asked(
    url: str,
    *,
    seconds: float = 8,
    most_bytes: int = 1 << 30,
    question: object = PODS,
    **settings: object,
) -> Vector:
    async def run() -> Vector:
        told = {"name": "u", "url": url, **settings}
        async with UpstreamClient(UpstreamSettings.model_validate(told)) as client:
            deadline = asyncio.get_running_loop().time() + seconds
            return await client.ask(question, AT, deadline, Allowance(most_bytes))  # type: ignore[arg-type]

    return asyncio.run(run())


def test_question_goes_as_a_form_with_its_time(prometheus: FakePrometheus) -> None:
    assert asked(prometheus.url).families == {"kube_pod_info": [POD]}
    (request,) = prometheus.asked
    assert (request.method, request.path) == ("POST", "/api/v1/query")
    assert request.form["time"] == [f"{AT:.3f}"]
    assert 0 < int(request.form["timeout"][0].removesuffix("ms")) <= 5_000


def test_series_without_a_name_are_of_the_family_that_was_asked_for(
    prometheus: FakePrometheus,
) -> None:
    told = asked(prometheus.url, question=TIMES)
    assert told.families == {"": [Sample({"job": "x"}, 5.0)]}


def test_path_query_and_credentials_of_the_address_go_with_it(prometheus: FakePrometheus) -> None:
    host = prometheus.url.removeprefix("http://")
    asked(f"http://jo:s%3Acret@{host}/thanos/?dedup=true&replicaLabels[]=a&replicaLabels[]=b")
    (request,) = prometheus.asked
    assert request.path.startswith("/thanos/api/v1/query?dedup=true&")
    assert request.form["dedup"] == ["true"]
    assert request.form["replicaLabels[]"] == ["a", "b"]
    assert request.headers["Authorization"] == "Basic am86czpjcmV0"


def test_thanos_is_asked_for_what_it_has_without_copies(prometheus: FakePrometheus) -> None:
    asked(prometheus.url, kind="thanos")
    form = prometheus.asked[0].form
    assert (form["dedup"], form["partial_response"]) == (["true"], ["true"])


@pytest.mark.parametrize("error", ["deadline exceeded", {"code": 14}])
def test_store_that_thanos_has_lost_is_a_warning(prometheus: FakePrometheus, error: object) -> None:
    lost = {"name": "10.0.0.7:10901", "lastError": error}
    prometheus.stores = {"sidecar": [lost, {"name": "x", "lastError": None}], "store": []}
    told = asked(prometheus.url, kind="thanos")
    assert told.families == {"kube_pod_info": [POD]}
    (warning,) = told.warnings
    assert warning.startswith("it does not reach its store 10.0.0.7:10901: ")
    assert not asked(prometheus.url).warnings


@pytest.mark.parametrize("stores", [None, {}, {"sidecar": "none"}])
def test_thanos_that_does_not_tell_its_stores_is_no_error(
    prometheus: FakePrometheus, stores: dict[str, object] | None
) -> None:
    prometheus.stores = stores
    assert asked(prometheus.url, kind="thanos") == asked(prometheus.url)


def test_token_is_read_anew_for_each_question(prometheus: FakePrometheus, tmp_path: Path) -> None:
    file = tmp_path / "token"
    for token in ("one", "two"):
        file.write_text(f"{token}\n", encoding="utf-8")
        asked(
            prometheus.url,
            authorization={"credentials_file": file},
            headers={"X-Scope-OrgID": "tenant"},
        )
    told = [request.headers["Authorization"] for request in prometheus.asked]
    assert told == ["Bearer one", "Bearer two"]
    assert prometheus.asked[0].headers["X-Scope-OrgID"] == "tenant"


def test_token_that_cannot_be_read_fails_the_question_alone(
    prometheus: FakePrometheus, tmp_path: Path
) -> None:
    with pytest.raises(Wrong, match="credentials cannot be read"):
        asked(prometheus.url, authorization={"credentials_file": tmp_path / "none"})


def test_proxy_that_takes_no_posts_is_asked_by_get(prometheus: FakePrometheus) -> None:
    prometheus.takes_posts = False
    assert asked(prometheus.url).families == {"kube_pod_info": [POD]}
    assert [request.method for request in prometheus.asked] == ["POST", "GET"]


def test_server_that_hangs_is_late(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(hang=threading.Event())
    began = time.monotonic()
    with pytest.raises(Late):
        asked(prometheus.url, seconds=0.3)
    assert time.monotonic() - began < 5
    prometheus.fault.hang.set()  # type: ignore[union-attr]


def test_upstreams_own_time_out_is_kept(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(hang=threading.Event())
    with pytest.raises(Late):
        asked(prometheus.url, timeout_seconds=0.3)
    prometheus.fault.hang.set()  # type: ignore[union-attr]


def test_dead_server_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        asked(f"http://127.0.0.1:{free_port()}", seconds=2)


def test_what_passes_by_is_tried_once_more(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(status=503, body=b"starting", times=1)
    assert asked(prometheus.url).families == {"kube_pod_info": [POD]}
    prometheus.asked.clear()
    prometheus.fault = Fault(status=503, body=b"starting")
    with pytest.raises(Wrong, match="it answers 503"):
        asked(prometheus.url)
    assert len(prometheus.asked) == 2


def test_nothing_is_tried_again_when_time_is_up(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(status=503, body=b"starting")
    with pytest.raises(Wrong):
        asked(prometheus.url, seconds=0.2)
    assert len(prometheus.asked) == 1


TIMED_OUT = b'{"status":"error","errorType":"timeout","error":"query timed out"}'
REFUSED = b'{"status":"error","errorType":"bad_data","error":"parse error"}'
SCALAR = b'{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (503, TIMED_OUT, Late, "query timed out"),
        (400, REFUSED, Wrong, "it answers 400, bad_data: parse error"),
        (200, SCALAR, Wrong, "it holds no vector but scalar"),
        (200, b"<html>sign in</html>", Wrong, "it is no JSON"),
        (200, b"", Wrong, "it is no JSON"),
        (401, b"who are you", Wrong, "it answers 401"),
        (302, b"", Wrong, "it answers 302"),
    ],
)
def test_error_is_told_and_not_asked_again(
    prometheus: FakePrometheus, status: int, body: bytes, kind: type[AskError], text: str
) -> None:
    prometheus.fault = Fault(status=status, body=body)
    with pytest.raises(kind, match=text):
        asked(prometheus.url)
    assert len(prometheus.asked) == 1


def test_answer_that_is_too_large_is_not_read(prometheus: FakePrometheus) -> None:
    with pytest.raises(Wrong, match="larger than 100 bytes"):
        asked(prometheus.url, most_bytes=100)


# Packed answers.

ANSWER = (
    b'{"status":"success","data":{"resultType":"vector","result":['
    b'{"metric":{"__name__":"kube_pod_info","pod":"web"},"value":[1,"1"]}]}}'
)


class Packed(LocalServer):
    """Answers each question with the same bytes, packed as it says; remembers what was taken."""

    def __init__(self, encoding: str, body: bytes, status: int = 200) -> None:
        super().__init__(_Packing)
        self.encoding, self.body, self.status = encoding, body, status
        self.taken: list[str] = []


class _Packing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        owner: Packed = self.server.owner  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers["Content-Length"]))
        owner.taken.append(self.headers["Accept-Encoding"])
        self.send_response(owner.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", owner.encoding)
        self.send_header("Content-Length", str(len(owner.body)))
        self.end_headers()
        self.wfile.write(owner.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
PACKED = pytest.mark.parametrize("encoding", PACKINGS)


@PACKED
def test_packed_answer_is_taken(encoding: str) -> None:
    with Packed(encoding, PACKINGS[encoding](ANSWER)) as server:
        assert asked(server.url).families == {"kube_pod_info": [POD]}
    assert encoding in server.taken[0]


@PACKED
@pytest.mark.parametrize("status", [200, 500])
def test_bomb_is_not_unpacked(encoding: str, status: int) -> None:
    bomb = PACKINGS[encoding](bytes(200 << 20))
    words = "larger than 1,048,576 bytes" if status == 200 else "it answers 500"
    tracemalloc.start()
    try:
        with (
            Packed(encoding, bomb, status) as server,
            pytest.raises(Wrong, match=words),
        ):
            asked(server.url, most_bytes=1 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bomb) < 1 << 20
    assert peak < 64 << 20, f"{peak >> 20} MiB of 200"


@PACKED
@pytest.mark.parametrize(
    "damage",
    [lambda body: body[:-9], lambda body: b"no" + body[2:]],
    ids=["torn off", "not packed"],
)
def test_packed_answer_that_is_damaged_is_no_answer(
    encoding: str, damage: Callable[[bytes], bytes]
) -> None:
    with (
        Packed(encoding, damage(PACKINGS[encoding](ANSWER * 100))) as server,
        pytest.raises(AskError),
    ):
        asked(server.url, timeout_seconds=1)


def test_warnings_are_told(prometheus: FakePrometheus) -> None:
    prometheus.fault = Fault(more={"warnings": ["store x is gone"]})
    assert asked(prometheus.url).warnings == ["store x is gone"]


@pytest.fixture
def front(prometheus: FakePrometheus) -> Iterator[TlsFront]:
    with TlsFront(prometheus.url) as server:
        yield server


def test_certificates_are_checked_and_shown(front: TlsFront, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    front.show(authority.issue("server")).load_verify_locations(authority.file)
    front.context.verify_mode = ssl.CERT_REQUIRED  # type: ignore[union-attr]
    ours = authority.issue("ours")
    tls = {"ca_file": authority.file, "cert_file": ours.certificate, "key_file": ours.key}
    assert asked(front.url, tls_config=tls).families == {"kube_pod_info": [POD]}


@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_tls_that_is_not_fit_fails_the_question(
    fault: str, front: TlsFront, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    make_unfit, words = TLS_FAULTS[fault]
    make_unfit(front, authority)
    with pytest.raises((Wrong, Unreachable), match=words):
        asked(front.url, tls_config={"ca_file": authority.file})


def served_name(front: TlsFront) -> list[str | None]:
    """The names that clients asked for, from now on."""
    names: list[str | None] = []
    assert front.context is not None
    front.context.sni_callback = lambda connection, name, context: names.append(name)
    return names


def test_certificate_of_another_name_is_taken_where_settings_say_whose_it_is(
    front: TlsFront, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    front.show(authority.issue("inside", ["prometheus.internal"]))
    names = served_name(front)
    tls = {"ca_file": authority.file, "server_name": "prometheus.internal"}
    assert asked(front.url, tls_config=tls).families == {"kube_pod_info": [POD]}
    assert names == ["prometheus.internal"], "the server is told, too"


def test_name_that_settings_say_is_checked_instead_of_the_addresss(
    front: TlsFront, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    front.show(authority.issue("server"))
    tls = {"ca_file": authority.file, "server_name": "prometheus.internal"}
    with pytest.raises(Wrong, match="certificate"):
        asked(front.url, tls_config=tls)
