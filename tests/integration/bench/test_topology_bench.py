"""What the topology's bench starts ends with it; its faulty upstreams fail as they are named."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import aggregators
import estates
import faulty_upstreams
import psutil
import pytest
import requests
from estates import free_port, running
from faulty_upstreams import FAULTS, faulty
from tests.support.hostile import Answering
from tests.support.local_server import LocalServer

SERVING = """
import http.server, signal, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
address = "127.0.0.1", int(sys.argv[1])
http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""
DEAD, LATE, NEVER, NO_NUMBERS, GARBLED = FAULTS
TOLD = b'{"value":[1760000000,"3"]}'


@pytest.mark.parametrize("manner", ["polite", "deaf"])
def test_program_ends_with_the_block_whatever_happens_in_it(
    monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    monkeypatch.setattr(estates, "_END_SECONDS", 1.0)
    port = free_port()
    command = [sys.executable, "-c", SERVING, str(port), manner]
    started = []

    def breaks_off() -> None:
        with running(command, f"http://127.0.0.1:{port}/") as pid:
            started.append(pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks_off()
    assert not psutil.pid_exists(*started)


def test_program_that_does_not_start_is_told() -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with (
        pytest.raises(RuntimeError, match=r"did not start \(3\)"),
        running(command, f"http://127.0.0.1:{free_port()}/"),
    ):
        pass


class _Telling(Answering):
    body = TOLD


@pytest.fixture
def upstream() -> Iterator[str]:
    with LocalServer(_Telling) as server:
        yield server.url


def asked(url: str, question: str = "up", seconds: float = 10) -> bytes:
    return requests.post(f"{url}/query", {"query": question}, timeout=seconds).content


def test_upstream_where_nobody_listens_refuses(upstream: str) -> None:
    with faulty(DEAD, upstream) as url, pytest.raises(requests.ConnectionError):
        asked(url)


def test_upstream_that_is_late_answers_in_the_end(
    upstream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faulty_upstreams, "_LATE_SECONDS", 0.5)
    with faulty(LATE, upstream) as url:
        with pytest.raises(requests.ReadTimeout):
            asked(url, seconds=0.2)
        assert asked(url) == TOLD


def test_upstream_that_never_answers_ends_no_later_than_the_block(upstream: str) -> None:
    with faulty(NEVER, upstream) as url, pytest.raises(requests.ReadTimeout):
        asked(url, seconds=0.2)


def test_upstream_without_numbers_lacks_those_of_nodes_alone(upstream: str) -> None:
    with faulty(NO_NUMBERS, upstream) as url:
        assert asked(url, "node_uname_info") == TOLD.replace(b'"3"', b'"NaN"')
        assert asked(url, "kube_pod_info") == TOLD


def test_upstream_that_is_garbled_answers_with_a_page(upstream: str) -> None:
    with faulty(GARBLED, upstream) as url:
        assert asked(url).startswith(b"<html>")


def test_answer_that_never_comes_is_no_closed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregators, "_BROKEN_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert aggregators._asked_once(f"http://127.0.0.1:{port}")["status"] == 0
    assert aggregators._asked_once(f"http://127.0.0.1:{port}")["status"] is None
