"""Documents in strict mode beside those of the original, built from its public repository."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import requests
from tests.support.icos_estates import Estate
from tests.support.icos_upstream import IcosUpstream
from tests.support.original_aggregator import an_original
from tests.support.processes import ServiceProcess

ESTATES = 200
_ASKED = 16
"""Its answer is random where two things bear one name: so often it shows, mostly."""
_ASKED_IN_DOUBT = 200
"""How often it is asked again where it always answered what we do not."""
_SINCE = re.compile(rb'("timeSinceOldest": )[-+.e\d]+')


@pytest.fixture(scope="module")
def upstream() -> Iterator[IcosUpstream]:
    """What the original asks."""
    with IcosUpstream() as server:
        yield server


@pytest.fixture(scope="module")
def original(upstream: IcosUpstream) -> Iterator[str]:
    """The original's address."""
    with an_original(upstream.url) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def ours(upstream: IcosUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of our own, in strict mode, which asks each time."""
    aggregator = ServiceProcess(
        "aggregator",
        tmp_path_factory.mktemp("ours"),
        prometheus_address=upstream.url,
        icos_compat="strict",
        fresh_seconds=0,
        stale_seconds=0,
    )
    with aggregator.start().wait_until_ready():
        yield f"{aggregator.url}/"


def answer(url: str) -> bytes | None:
    """None where it breaks off, or answers nothing."""
    try:
        return requests.get(url, timeout=20).content or None
    except requests.ConnectionError:
        return None


def told_now(text: bytes) -> bytes:
    """Without what the clock says."""
    return _SINCE.sub(rb"\g<1>0", text)


def test_documents_are_equal_wherever_the_original_answers_always_alike(
    original: str, ours: str, upstream: IcosUpstream, record_property: Callable[[str, object], None]
) -> None:
    found: Counter[str] = Counter()
    different = []
    for seed in range(ESTATES):
        series = Estate(seed, oddity=0.025 * (seed % 5)).series
        upstream.series = series
        answers = {answer(original) for _ in range(_ASKED)}
        told = told_now(answer(ours) or b"")
        texts = {told_now(text) for text in answers if text is not None}
        if len(texts) == 1 and told not in texts and None not in answers:
            more = (answer(original) for _ in range(_ASKED_IN_DOUBT))
            texts |= {told_now(text) for text in more if text is not None}
        if None in answers:
            found["the original failed"] += 1
        elif len(texts) > 1:
            found["the original is random" + (", ours among them" if told in texts else "")] += 1
        else:
            found["equal" if told in texts else "different"] += 1
            different += [] if told in texts else [seed]
    for what, times in found.items():
        record_property(what, times)
    print(dict(found))  # noqa: T201
    assert not different
    assert found["equal"] > ESTATES / 2
