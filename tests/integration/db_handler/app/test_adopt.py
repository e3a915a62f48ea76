"""`POST /tables/{table}/adopt` on the embedded store, and who may ask for it."""

from __future__ import annotations

from typing import Any


def test_embedded_store_has_nothing_to_adopt(running: Any) -> None:
    answer = running.admin.post("/tables/charges/adopt")
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "embedded store" in answer.json()["detail"]


def test_adopting_takes_a_writer(running: Any) -> None:
    assert running.nobody.post("/tables/charges/adopt").status_code == 401
    assert running.user("rita", "reader").post("/tables/charges/adopt").status_code == 403
    assert running.user("will", "writer").post("/tables/charges/adopt").status_code == 409
