"""A tenant sees no cent of another: whatever is asked, and as if the other had never been there.

Each answer is searched for what is the other's, and held against that of a store which only ever
got the tenant's own charges. `COSTWIRE_TEST_TENANTS` is how many statements are asked.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.factories import NOW, a_report
from tests.integration.db_handler.app.conftest import Running, settings_for
from tests.support.tenants import MARK, WHERE, Statements, hidden, question, rows_of_a, rows_of_b

from costwire_db_handler.app import create_app
from costwire_runtime.asgi import AsgiAdapter

STATEMENTS = int(os.environ.get("COSTWIRE_TEST_TENANTS", "60"))
SEED = int(os.environ.get("COSTWIRE_TEST_SEED", "1"))
LONG = pytest.mark.timeout(120 + 3 * STATEMENTS)
_ID = re.compile(r"\b[0-9a-f]{64}\b")
"""Of a delivery: the digest of its content, which is another where the other tenant is not."""


def _handler(folder: Path, *, both: bool) -> Iterator[Running]:
    settings = settings_for(folder, hold_withdrawn_share=1, hold_repeated_share=1)
    with AsgiAdapter(create_app(settings, clock=lambda: NOW)) as transport:
        running = Running(settings, transport)
        for generation in range(3):
            others = rows_of_b(generation) if both else []
            report = a_report([*others, *rows_of_a(generation)])
            running.admin.deliver(report.generated(hours=generation))
        running.admin.deliver(
            a_report([*rows_of_a(1), *(rows_of_b(1) if both else [])], table="more")
        )
        running.admin.deliver(a_report(rows_of_b(2), table="hidden", source=MARK))
        yield running


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Tenant A, in a store that has the charges of both."""
    for running in _handler(tmp_path_factory.mktemp("both"), both=True):
        told = {"name": "a", "role": "reader", "password": "a's", "where": WHERE}
        told["read"] = ["charges", "more"]  # type: ignore[assignment]
        assert running.admin.post("/users", json=told).status_code == 201
        yield running.client("a", "a's")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A reader of a store that has the charges of A alone."""
    for running in _handler(tmp_path_factory.mktemp("alone"), both=False):
        told = {"name": "a", "role": "reader", "password": "a's", "read": ["charges", "more"]}
        assert running.admin.post("/users", json=told).status_code == 201
        yield running.client("a", "a's")


def _plain(value: Any) -> str:
    """A cell that is the same wherever it was computed: of doubles the last digits are not."""
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return _ID.sub("(an id)", json.dumps(value, sort_keys=True))


@LONG
def test_no_statement_shows_a_tenant_anything_of_another(tenant: Any, alone: Any) -> None:
    statements, seen = Statements(SEED), Counter[str]()
    for _ in range(STATEMENTS):
        asked = statements.next()
        answer = tenant.sql_answer(asked.text)
        told = answer.json()
        told.pop("duration", None)
        assert hidden(json.dumps(told)) is None, (asked.text, told)
        assert answer.status_code != 500, (asked.text, told)
        seen["accepted" if answer.status_code == 200 else "refused"] += 1
        if not asked.is_exact:
            continue
        without = alone.sql_answer(asked.text)
        assert answer.status_code == without.status_code, (asked.text, told, without.text)
        if answer.status_code == 200:
            seen["compared"] += 1
            rows = [Counter(map(_plain, each["rows"])) for each in (told, without.json())]
            assert rows[0] == rows[1], (asked.text, rows[0] - rows[1], rows[1] - rows[0])
    print(f"tenants: seed {SEED}, {dict(seen)}")  # noqa: T201 -- the figures of a campaign
    assert seen["compared"] > STATEMENTS / 4, seen
    assert seen["refused"], seen


@LONG
def test_no_question_shows_a_tenant_anything_of_another(tenant: Any, alone: Any) -> None:
    seen = Counter[int]()
    for number in range(STATEMENTS):
        path, told = question(SEED * 1_000_003 + number)
        answer = tenant.get(path, params=told)
        seen[answer.status_code] += 1
        assert hidden(answer.text) is None, (path, told, answer.text)
        assert answer.status_code < 500, (path, told, answer.text)
        if answer.status_code == 403:
            continue
        without = alone.get(path, params=told)
        assert answer.status_code == without.status_code, (path, told, answer.text, without.text)
        found = [_ID.sub("(an id)", each.text) for each in (answer, without)]
        if path == "/export":
            found = ["\n".join(sorted(text.splitlines())) for text in found]
        assert found[0] == found[1], (path, told)
    print(f"tenants: seed {SEED}, answers by status {dict(seen)}")  # noqa: T201
    assert seen[200] > STATEMENTS / 6, seen
