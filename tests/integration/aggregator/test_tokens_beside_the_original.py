"""What the original answers to tokens is what the table says that it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from tests.support.fake_prometheus import FakePrometheus
from tests.support.icos_upstream import IcosUpstream
from tests.support.original_aggregator import an_original
from tests.unit.aggregator.icos.example import example
from tests.unit.aggregator.tokens.rows import KEY_ROWS, ROWS, Row, bearer
from tests.unit.aggregator.tokens.signing import a_token, base64_of, rsa_key

_FREE_TEXT = "decoder's text"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakePrometheus]:
    with IcosUpstream(example()) as server:
        yield server


@pytest.fixture(scope="module")
def original(upstream: FakePrometheus) -> Iterator[str]:
    with an_original(upstream.url, KEY=base64_of(rsa_key())) as port:
        yield f"http://127.0.0.1:{port}/"


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
    with an_original(upstream.url, KEY=key) as port:
        status, text = told(f"http://127.0.0.1:{port}/", bearer(a_token()))
    assert status == old[0]
    assert old[1] == _FREE_TEXT or old[1] in text
