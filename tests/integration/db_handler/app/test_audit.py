"""What the audit log holds of requests, and what wrong passwords lead to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.factories import a_charge, a_report, charges


def noted(running: Any, *acts: str) -> list[dict[str, Any]]:
    """The entries of these acts."""
    entries = running.admin.get("/audit").json()["entries"]
    return [entry for entry in entries if entry["act"] in acts]


def test_decisions_are_noted_with_who_took_them(running: Any) -> None:
    will = running.user("will", "writer")
    will.deliver(a_report(charges(40)))
    held = will.deliver(a_report(charges(3)).generated(hours=1))
    assert held["state"] == "held"
    will.post(f"/deliveries/{held['commit']}/reject")
    will.post(f"/deliveries/{held['commit']}/accept")
    opened = will.open(a_report(charges(5), table="other")).json()["entry"]
    will.delete(f"/deliveries/{opened['commit']}")

    told = noted(running, "settled")
    assert [(entry["by"], entry["about"]["act"]) for entry in told] == [
        ("will", "committed"),
        ("will", "held"),
        ("will", "rejected"),
        ("will", "accepted"),
        ("will", "aborted"),
    ]
    assert told[1]["about"] == {
        "commit": held["commit"],
        "table": "charges",
        "source": "aws",
        "act": "held",
    }


def test_deliveries_that_nobody_finished_are_noted_as_nobodys_act(
    run: Callable[..., Any],
) -> None:
    running = run(open_hours=1e-9)
    will, ruth = running.user("will", "writer"), running.user("ruth", "writer")
    forsaken = will.open(a_report(charges(1))).json()["entry"]
    ruth.open(a_report(charges(2)))
    (told,) = noted(running, "settled")
    assert (told["by"], told["address"]) == (None, None)
    assert (told["about"]["commit"], told["about"]["act"]) == (forsaken["commit"], "aborted")
    assert "deliveries_total{" not in running.nobody.get("/-/metrics").text


def test_rehearsals_are_not_noted(running: Any) -> None:
    opened = running.admin.open(a_report(charges(1)), "?dryRun=true").json()["entry"]
    running.admin.post(f"/deliveries/{opened['commit']}/commit?dryRun=true")
    assert noted(running, "settled") == []


def test_erasures_and_exports_are_noted_without_values(running: Any) -> None:
    rows = [a_charge(Tags=json.dumps({"person": "zoe-x47y11"}))]
    running.admin.deliver(a_report(rows))
    assert running.admin.get("/export").status_code == 200
    told = {"table": "charges", "where": "Tags['person'] = 'zoe-x47y11'"}
    assert running.admin.post("/erasures", json=told).status_code == 200

    (exported,) = noted(running, "exported")
    assert exported["about"] == {"table": "charges", "state": 1, "rows": 1}
    erased = noted(running, "settled")[-1]["about"]
    assert erased["act"] == "erased"
    assert "x47y11" not in running.admin.get("/audit").text


def test_changes_of_users_are_noted_without_passwords_and_values(running: Any) -> None:
    told = {"name": "tess", "role": "reader", "password": "hush-x47y11"}
    running.admin.post("/users", json=told | {"where": "Tags['team'] = 'blue-x47y11'"})
    running.admin.post("/users", json={"name": "tess", "role": "reader"})
    running.admin.delete("/users/tess")

    entries = noted(running, "user changed", "user removed")
    assert [entry["by"] for entry in entries] == ["costwire"] * 3
    assert entries[0]["about"] == {
        "user": "tess",
        "role": "reader",
        "password": True,
        "where": "Tags['team'] = ?",
    }
    assert entries[1]["about"]["password"] is False
    assert entries[2]["about"] == {"user": "tess"}
    files = (running.settings.data_dir / "audit").iterdir()
    assert not any(b"x47y11" in path.read_bytes() for path in files)


def test_sign_ins_are_noted_once_an_hour_and_failures_each_time(running: Any) -> None:
    rita = running.user("rita", "reader")
    for _ in range(5):
        rita.sql("SELECT 1")
    for _ in range(3):
        running.client("rita", "wrong-x47y11").get("/costs")
    running.client("pass-x47y11", "rita").get("/costs")

    assert [entry["by"] for entry in noted(running, "signed in")] == ["costwire", "rita"]
    # A name that is nobody's may be a password in the wrong place.
    assert [entry["by"] for entry in noted(running, "sign-in failed")] == [*["rita"] * 3, None]
    assert "x47y11" not in running.admin.get("/audit").text


def test_a_flood_of_failures_is_counted_not_told(running: Any) -> None:
    for number in range(70):
        running.nobody.get("/costs", auth=(f"n{number}", "x"))
    assert len(noted(running, "sign-in failed")) == 60


def test_log_is_for_admins(running: Any) -> None:
    for name, role in (("rita", "reader"), ("will", "writer")):
        client = running.user(name, role)
        assert client.get("/audit").status_code == 403
        assert client.get("/audit/verify").status_code == 403


def test_pages_of_the_log_follow_each_other(running: Any) -> None:
    for name in ("ann", "ben", "cleo"):
        running.user(name, "reader")
    everything = running.admin.get("/audit").json()
    first = running.admin.get("/audit?limit=2").json()["entries"]
    rest = running.admin.get(f"/audit?since={first[-1]['n']}").json()["entries"]
    assert first + rest == everything["entries"]
    assert everything["head"] == f"{rest[-1]['n']}:{rest[-1]['hash']}"
    for wrong in ("limit=0", "limit=x", "since=-1"):
        assert running.admin.get(f"/audit?{wrong}").status_code == 400


def test_verifying_tells_the_first_entry_that_was_changed(run: Callable[..., Any]) -> None:
    running = run()
    running.user("rita", "reader")
    whole = running.admin.get("/audit/verify").json()
    assert whole["broken"] is None
    assert running.admin.get("/audit/verify", params={"head": whole["head"]}).json() == whole
    assert running.admin.get("/audit/verify?head=x").status_code == 400

    path = running.settings.data_dir / "audit" / "audit.ndjson"
    path.write_bytes(path.read_bytes().replace(b'"rita"', b'"ruth"'))
    again = run()
    assert again.admin.get("/audit/verify").json()["broken"] == {"n": 2, "why": "it was changed"}


def test_guesses_are_refused_for_a_while_and_nobody_else_is(run: Callable[..., Any]) -> None:
    running = run(sign_in_failures=2)
    running.user("rita", "reader")
    wrong = running.client("rita", "wrong")
    # A pause may be over before the next guess comes, but they grow.
    answers = [wrong.get("/costs") for _ in range(12)]
    assert [answer.status_code for answer in answers[:2]] == [401, 401]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[-1].headers["Retry-After"]) >= 1
    assert "too many attempts failed; try again in" in refused[-1].json()["detail"]
    assert running.admin.get("/users").status_code == 200
    assert noted(running, "sign-in failed")[-1]["about"] == {"pauses": True}
    statement = wrong.sql_answer("SELECT 1")
    if statement.status_code == 429:
        assert int(statement.headers["Retry-After"]) >= 1
