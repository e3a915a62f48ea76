"""What the original answers to tokens is what the table says that it does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from tests.support.fake_prometheus import FakePrometheus
from tests.support.icos_upstream import IcosUpstream
from tests.support.needs import lack
from tests.support.processes import free_port
from tests.support.waiting import until
from tests.unit.aggregator.icos.example import example
from tests.unit.aggregator.tokens.rows import KEY_ROWS, ROWS, Row, bearer
from tests.unit.aggregator.tokens.signing import a_token, base64_of, rsa_key

_FREE_TEXT = "decoder's text"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakePrometheus]:
    with IcosUpstream(example()) as server:
        yield server


@contextmanager
def an_original(upstream: FakePrometheus, key: str) -> Iterator[str]:
    program = os.environ.get("COSTWIRE_TEST_ICOS_AGGREGATOR", "")
    if not Path(program).is_file():
        lack("icos-aggregator", "COSTWIRE_TEST_ICOS_AGGREGATOR names no program (go build, 30 s)")
    port = free_port()
    settings = {"PROMETHEUS_ADDRESS": upstream.url, "HTTP_PORT": str(port), "KEY": key}
    quiet = subprocess.DEVNULL
    with subprocess.Popen([program], env=settings, stdout=quiet, stderr=quiet) as process:
        url = f"http://127.0.0.1:{port}/"
        until("the original answers", lambda: answers(f"{url}healthz"), 10)
        yield url
        process.kill()


@pytest.fixture(scope="module")
def original(upstream: FakePrometheus) -> Iterator[str]:
    with an_original(upstream, base64_of(rsa_key())) as url:
        yield url


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def told(url: str, header: str | None) -> tuple[int, str]:
    headers = {} if header is None else {"Authorization": header}
    answer = requests.get(url, headers=headers, timeout=20)
    return answer.status_code, "" if answer.ok else answer.json()["error"]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_original_answers_as_the_table_says(original: str, row: Row) -> None:
    status, text = told(original, row.header())
    assert status == row.old[0]
    assert row.old[1] == _FREE_TEXT or row.old[1] in text


@pytest.mark.parametrize(("key", "old", "ours"), KEY_ROWS.values(), ids=KEY_ROWS)
def test_original_takes_keys_as_the_table_says(
    upstream: FakePrometheus, key: str, old: tuple[int, str], ours: str | None
) -> None:
    with an_original(upstream, key) as url:
        status, text = told(url, bearer(a_token()))
    assert status == old[0]
    assert old[1] == _FREE_TEXT or old[1] in text
