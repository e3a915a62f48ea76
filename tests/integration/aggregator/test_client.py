"""Questions over the wire: how they are put, and what becomes of each way to fail."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.fake_prometheus import FakePrometheus, Fault
from tests.support.processes import free_port
from tests.support.tls_front import TLS_FAULTS, TlsFront

from costwire_aggregator.questions import TIMES, of_families
from costwire_aggregator.samples import Sample
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.client import (
    AskError,
    AskLimits,
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
    limits: AskLimits | None = None,
    question: object = PODS,
    **settings: object,
) -> Vector:
    async def run() -> Vector:
        told = {"name": "u", "url": url, **settings}
        async with UpstreamClient(UpstreamSettings.model_validate(told), limits) as client:
            deadline = asyncio.get_running_loop().time() + seconds
            return await client.ask(question, AT, deadline)  # type: ignore[arg-type]

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
        asked(prometheus.url, limits=AskLimits(answer_bytes=100))


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
