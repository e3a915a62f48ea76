"""Whatever is sent, in a body, a path or a question: an answer that says no, never a fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fuzz import FUZZED

WORDS = st.sampled_from(
    (
        *("stmt", "args", "bulk_args", "labels", "value", "timestamp", "table", "where", "reason"),
        *("name", "role", "password", "id", "columns", "rows", "sums", "scope", "USD", "charges"),
        *("SELECT 1", "SELECT ?", "BilledCost", "NaN", "1e999", "2024-13-01", "\x00", "\ud800"),
        *("tags['a']", "' OR 1=1 --", "../../etc/passwd", "%00", "9" * 400, "{}", "[", "-0"),
    )
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=300) | DOCUMENTS.map(lambda document: json.dumps(document).encode())
QUESTIONS = st.dictionaries(
    st.sampled_from(
        (
            *("table", "by", "metric", "filter", "currency", "from", "to", "as_of", "limit"),
            *("offset", "seq", "type", "delivery", "format", "dryRun", "types"),
        )
    ),
    WORDS | st.text(max_size=12),
    max_size=4,
)
POSTED = (
    *("/_sql", "/upload", "/upload?table=t&type=cost", "/deliveries", "/deliveries/1/parts?seq=0"),
    *("/deliveries/1/quarantine", "/deliveries/1/commit", "/rates", "/erasures", "/users"),
    *("/invoices", "/tables/t/adopt"),
)
ASKED = ("/costs", "/changes", "/invoices", "/export", "/deliveries", "/rates", "/users")


@pytest.fixture
def admin(lasting: Any) -> Any:
    return lasting.admin


@pytest.mark.parametrize("path", POSTED)
def test_body_of_any_kind_is_answered_without_a_fault(admin: Any, path: str) -> None:
    @FUZZED
    @given(BODIES, st.sampled_from(("application/json", "application/x-ndjson", "text/csv", "")))
    def send(body: bytes, content_type: str) -> None:
        answer = admin.post(path, body, headers={"Content-Type": content_type})
        assert answer.status_code < 500, (answer.status_code, answer.text)

    send()
    assert admin.get("/-/ready").status_code == 200


@pytest.mark.parametrize("path", ASKED)
def test_question_of_any_kind_is_answered_without_a_fault(admin: Any, path: str) -> None:
    @FUZZED
    @given(QUESTIONS)
    def ask(params: dict[str, str]) -> None:
        told = {name: text.encode("utf-8", "surrogatepass") for name, text in params.items()}
        answer = admin.get(path, params=told)
        assert answer.status_code < 500, (answer.status_code, answer.text)

    ask()


def test_no_file_stays_open_while_nonsense_is_sent(admin: Any) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    for path in POSTED:
        admin.post(path, b"{")
    before = descriptors()
    for _ in range(10):
        for path in POSTED:
            admin.post(path, b'{"stmt": ')
    assert descriptors() <= before + 2
