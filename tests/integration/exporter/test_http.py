"""The exporter over HTTP, in this process: what each path answers, and when it changes."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import zstandard

from costwire_runtime.client import HttpClient, HttpFailure
from costwire_runtime.web_config import WebConfig

Serve = Callable[..., AbstractContextManager[HttpClient]]
WriteReport = Callable[..., Path]
WaitUntil = Callable[[Callable[[], bool]], None]
MANY = 30_000


def manifest_of(client: HttpClient) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/delivery").json()
    return told


def refused(client: HttpClient, path: str, **options: Any) -> HttpFailure:
    with pytest.raises(HttpFailure) as caught:
        client.get(path, **options)
    return caught.value


def test_metrics_are_the_charges_of_the_delivery(
    serve: Serve, write_report: WriteReport, samples: Callable[[str], Sequence[str]]
) -> None:
    with serve(write_report({}, {"BilledCost": ""})) as client:
        answer = client.get("/metrics", headers={"Accept-Encoding": "identity"})
        manifest = manifest_of(client)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["ETag"] == f'"{manifest["exposition"]["sha256"]}-identity"'
    assert hashlib.sha256(answer.content).hexdigest() == manifest["exposition"]["sha256"]
    first, second = samples(answer.text)
    assert first.endswith("} 1.5")
    assert second.endswith("} NaN")
    assert "BilledCost=" not in second


def undecoded(client: HttpClient, encoding: str) -> tuple[Any, bytes]:
    """The headers and the body as they came, in one encoding."""
    headers = {"Accept-Encoding": encoding}
    with client.get("/metrics", headers=headers, stream=True) as answer:
        return answer.headers, b"".join(answer.raw.stream(1 << 16, decode_content=False))


def test_metrics_come_in_the_encoding_asked_for(serve: Serve, write_report: WriteReport) -> None:
    with serve(write_report(*[{}] * 100)) as client:
        plain_headers, plain = undecoded(client, "identity")
        zstd_headers, zstd = undecoded(client, "gzip, zstd")
        gzip_headers, packed = undecoded(client, "gzip")
    assert int(plain_headers["Content-Length"]) == len(plain)
    assert "Content-Encoding" not in plain_headers
    assert zstd_headers["Content-Encoding"] == "zstd"
    assert int(zstd_headers["Content-Length"]) == len(zstd) < len(plain)
    reader = zstandard.ZstdDecompressor().stream_reader(zstd, read_across_frames=True)
    assert reader.read() == plain
    assert gzip_headers["Content-Encoding"] == "gzip"
    assert "Content-Length" not in gzip_headers
    assert gzip.decompress(packed) == plain
    etags = {headers["ETag"] for headers in (plain_headers, zstd_headers, gzip_headers)}
    assert len(etags) == 3


@pytest.mark.parametrize("path", ["/metrics", "/metrics?by=ServiceName", "/quarantine"])
def test_answer_that_the_client_holds_is_not_sent_again(
    serve: Serve, write_report: WriteReport, path: str
) -> None:
    with serve(write_report({})) as client:
        etag = client.get(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": etag})
        other = client.get(path, headers={"If-None-Match": '"other"'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == etag
    assert other.status_code == 200


def test_head_tells_the_length_without_the_body(serve: Serve, write_report: WriteReport) -> None:
    with serve(write_report({})) as client:
        headers = {"Accept-Encoding": "identity"}
        answer = client.request("HEAD", "/metrics", headers=headers)
        size = manifest_of(client)["exposition"]["bytes"]
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(size)


def test_delivery_that_is_not_served_is_412(serve: Serve, write_report: WriteReport) -> None:
    with serve(write_report({})) as client:
        serving = manifest_of(client)["id"]
        assert client.get(f"/metrics?delivery={serving}").ok
        for path in ("/metrics", "/metrics?by=ServiceName", "/quarantine"):
            failure = refused(client, path, params={"delivery": "0" * 64})
            assert failure.status == 412
            assert failure.problem["serving"] == serving


def test_delivery_can_be_waited_for(serve: Serve, write_report: WriteReport) -> None:
    report = write_report(*[{"BilledCost": str(number)} for number in range(20_000)])
    with serve(report, wait=False) as client:
        manifest = client.get("/delivery", headers={"Prefer": "respond-async, wait=20"}).json()
    assert manifest["rows"]["published"] == 20_000


def test_delivery_is_not_waited_for_once_the_source_has_failed(
    serve: Serve, tmp_path: Path
) -> None:
    with serve(tmp_path / "missing.csv", wait=False) as client:
        failure = refused(client, "/delivery", headers={"Prefer": "wait=30"})
    assert failure.status == 503
    assert "missing.csv" in failure.problem["detail"]


def test_nothing_published_is_503_and_says_why(serve: Serve, tmp_path: Path) -> None:
    with serve(tmp_path / "missing.csv", wait=False) as client:
        failure = refused(client, "/-/ready")
        while "no such file" not in failure.problem["detail"]:
            failure = refused(client, "/-/ready")
        for path in ("/metrics", "/delivery", "/quarantine"):
            failure = refused(client, path)
            assert failure.status == 503
            assert failure.transient
            assert failure.problem["type"].endswith("nothing-published")
            assert "there is no such file" in failure.problem["detail"]
            assert failure.problem["exporter"]["lastFailure"]["kind"] == "NotFound"
        assert client.get("/-/healthy").ok


def test_delivery_tells_how_the_exporter_stands(serve: Serve, write_report: WriteReport) -> None:
    path = write_report({})
    with serve(path) as client:
        standing = manifest_of(client)["exporter"]
    assert standing["source"] == str(path)
    assert standing["consecutiveFailures"] == 0
    assert standing["lastFailure"] is None


def test_quarantine_lists_the_rows_that_were_set_aside(
    serve: Serve, write_report: WriteReport
) -> None:
    with serve(write_report({}, {"BilledCost": "free"})) as client:
        answer = client.get("/quarantine")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    (row,) = map(json.loads, answer.text.splitlines())
    assert row["line"] == 3
    assert base64.b64decode(row["raw"]).startswith(b"free,")


def test_new_content_is_switched_in(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil
) -> None:
    with serve(write_report({})) as client:
        before = manifest_of(client)
        write_report({}, {}, at=1_733_997_600.0)
        wait_until(lambda: manifest_of(client)["id"] != before["id"])
        after = manifest_of(client)
        body = client.get("/metrics").content
    assert after["rows"]["published"] == 2
    assert hashlib.sha256(body).hexdigest() == after["exposition"]["sha256"]


def test_report_with_another_header_is_switched_in(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil
) -> None:
    with serve(write_report({"x_Old": "a"})) as client:
        for hour, column in enumerate(("x_New", "x_Old"), 1):
            before = manifest_of(client)["id"]
            write_report({column: "b"}, at=1_733_994_000.0 + 3_600 * hour)
            wait_until(lambda before=before: manifest_of(client)["id"] != before)
            text = client.get("/metrics").text
            assert f'{column}="b"' in text
            assert text.count("x_") == 1


def test_download_of_the_delivery_before_ends_intact(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil, tmp_path: Path
) -> None:
    with serve(write_report(*({"ResourceId": str(number)} for number in range(MANY)))) as client:
        before = manifest_of(client)
        headers = {"Accept-Encoding": "identity"}
        with client.get("/metrics", headers=headers, stream=True) as answer:
            body = answer.raw.read(1000)
            write_report({}, at=1_733_997_600.0)
            wait_until(lambda: manifest_of(client)["id"] != before["id"])
            assert len(list((tmp_path / "data").glob("delivery-*"))) == 2
            body += answer.raw.read()
        assert hashlib.sha256(body).hexdigest() == before["exposition"]["sha256"]
        wait_until(lambda: len(list((tmp_path / "data").glob("delivery-*"))) == 1)


def test_client_that_leaves_gives_the_delivery_back(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil, tmp_path: Path
) -> None:
    with serve(write_report(*({"ResourceId": str(number)} for number in range(MANY)))) as client:
        before = manifest_of(client)
        with client.get("/metrics", stream=True) as answer:
            answer.raw.read(1000)
        write_report({}, at=1_733_997_600.0)
        wait_until(lambda: manifest_of(client)["id"] != before["id"])
        wait_until(lambda: len(list((tmp_path / "data").glob("delivery-*"))) == 1)
        assert manifest_of(client)["rows"]["published"] == 1


@pytest.mark.parametrize("trouble", ["removed", "no FOCUS", "half written"])
def test_failing_source_never_empties_what_is_served(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil, trouble: str
) -> None:
    path = write_report({})
    with serve(path) as client:
        before = client.get("/metrics").content
        if trouble == "removed":
            path.unlink()
        elif trouble == "no FOCUS":
            path.write_bytes(b"a,b\n1,2\n")
        else:
            path.write_bytes(b"")
        wait_until(lambda: manifest_of(client)["exporter"]["consecutiveFailures"] > 1)
        standing = manifest_of(client)["exporter"]
        assert client.get("/metrics").content == before
        assert client.get("/-/ready").ok
        own = client.get("/-/metrics").text
    assert standing["lastFailure"]["reason"]
    assert standing["ageSeconds"] > 0
    assert "costwire_exporter_last_failure_timestamp_seconds{kind=" in own
    assert "costwire_exporter_data_age_seconds" in own


def test_source_that_recovers_is_served_again(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil
) -> None:
    path = write_report({})
    with serve(path) as client:
        path.unlink()
        wait_until(lambda: manifest_of(client)["exporter"]["consecutiveFailures"] > 0)
        write_report({}, {})
        wait_until(lambda: manifest_of(client)["exporter"]["consecutiveFailures"] == 0)
        assert manifest_of(client)["rows"]["published"] == 2


def test_restarted_exporter_serves_what_it_published_before_the_source_answers(
    serve: Serve, write_report: WriteReport
) -> None:
    path = write_report({})
    with serve(path) as client:
        before = manifest_of(client)
    path.unlink()
    with serve(path) as client:
        after = manifest_of(client)
    assert (after["id"], after["times"]) == (before["id"], before["times"])


def test_what_was_published_before_can_wait_for_a_look_at_the_source(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil
) -> None:
    path = write_report({})
    with serve(path) as client:
        before = manifest_of(client)
    path.unlink()
    with serve(path, serve_restored=False, wait=False) as client:
        wait_until(lambda: refused(client, "/delivery").problem["exporter"]["lastFailure"])
        assert "there is no such file" in refused(client, "/metrics").problem["detail"]
    write_report({})
    with serve(path, serve_restored=False) as client:
        after = manifest_of(client)
    assert after["id"] == before["id"]
    assert after["times"]["read"] > before["times"]["read"]


def test_unchanged_source_is_read_at_the_time_of_the_first_look(
    serve: Serve, write_report: WriteReport
) -> None:
    path = write_report({})
    with serve(path, serve_restored=False) as client:
        first = manifest_of(client)
    with serve(path, serve_restored=False) as client:
        second = manifest_of(client)
        own = client.get("/-/metrics").text
    assert second["id"] == first["id"]
    assert second["times"]["read"] > first["times"]["read"]
    assert 'costwire_exporter_polls_total{result="published"}' not in own


def test_exporter_of_another_source_does_not_serve_it(
    serve: Serve, write_report: WriteReport, tmp_path: Path
) -> None:
    with serve(write_report({})):
        """It has published."""
    with serve(tmp_path / "missing.csv", wait=False) as client:
        assert refused(client, "/metrics").status == 503


def test_own_telemetry_is_apart_from_the_charges(serve: Serve, write_report: WriteReport) -> None:
    with serve(write_report({}, {"BilledCost": "free"})) as client:
        charges = client.get("/metrics").text
        own = client.get("/-/metrics").text
    assert "costwire_exporter_" not in charges
    assert "billed_cost" not in own
    assert 'costwire_exporter_delivery_rows{outcome="quarantined"} 1.0' in own


SUMMED = [
    {"BilledCost": "0.1", "ServiceName": "Storage"},
    {"BilledCost": "0.2", "ServiceName": "Storage"},
    {"BilledCost": "", "ServiceName": "Compute", "EffectiveCost": "1E-30"},
    {"BilledCost": "7", "ServiceName": "", "BillingCurrency": "", "ContractedCost": ""},
    {"BilledCost": "-1", "ServiceName": 'a"b\\c', "BillingCurrency": "EUR"},
]


def test_sums_by_columns_are_exact_and_null_is_an_absent_label(
    serve: Serve, write_report: WriteReport, samples: Callable[[str], Sequence[str]]
) -> None:
    with serve(write_report(*SUMMED)) as client:
        lines = samples(client.get("/metrics?by=ServiceName").text)
    billed = [line for line in lines if line.startswith("focus_billed_cost")]
    assert billed == [
        'focus_billed_cost{BillingCurrency="EUR",ServiceName="a\\"b\\\\c"} -1',
        'focus_billed_cost{BillingCurrency="USD",ServiceName="Storage"} 0.3',
        'focus_billed_cost{BillingCurrency="XXX"} 7',
    ]
    assert (
        'focus_effective_cost{BillingCurrency="USD",ServiceName="Compute"} '
        "0.000000000000000000000000000001"
    ) in lines
    contracted = [line for line in lines if line.startswith("focus_contracted_cost")]
    assert not any("XXX" in line for line in contracted)


def test_sums_by_nothing_are_the_totals_per_currency(
    serve: Serve, write_report: WriteReport, samples: Callable[[str], Sequence[str]]
) -> None:
    with serve(write_report({}, {})) as client:
        lines = samples(client.get("/metrics?by=").text)
    assert 'focus_billed_cost{BillingCurrency="USD"} 3' in lines


def test_sums_follow_a_new_delivery(
    serve: Serve, write_report: WriteReport, wait_until: WaitUntil
) -> None:
    with serve(write_report({})) as client:
        assert "} 1.5\n" in client.get("/metrics?by=").text
        write_report({}, {}, at=1_733_997_600.0)
        wait_until(lambda: manifest_of(client)["rows"]["read"] == 2)
        assert "} 3\n" in client.get("/metrics?by=").text


def test_unknown_column_is_400_with_the_nearest_one(
    serve: Serve, write_report: WriteReport
) -> None:
    with serve(write_report({})) as client:
        failure = refused(client, "/metrics?by=ServicName")
    assert failure.status == 400
    assert failure.problem["type"].endswith("unknown-column")
    assert "did you mean ServiceName?" in failure.problem["detail"]


def test_too_many_series_are_400_with_how_many_and_what_to_do(
    serve: Serve, write_report: WriteReport
) -> None:
    rows = [{"ResourceId": str(number)} for number in range(30)]
    with serve(write_report(*rows), series_limit=100) as client:
        assert client.get("/metrics?by=ServiceName").ok
        for _ in range(2):
            failure = refused(client, "/metrics?by=ServiceName,ResourceId")
            assert failure.status == 400
            assert failure.problem["series"] == 120
            assert failure.problem["widestColumn"] == "ResourceId"
            assert "ResourceId alone has 30 values" in failure.problem["detail"]
            assert "EXPORTER_SERIES_LIMIT" in failure.problem["detail"]


def test_sign_in_guards_all_but_probes_own_metrics_and_description(
    serve: Serve, write_report: WriteReport
) -> None:
    hashed = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
    web_config = WebConfig({"ann": hashed})
    path = write_report({})
    with serve(path, web_config=web_config) as client:
        for guarded in ("/metrics", "/metrics?by=", "/delivery", "/quarantine"):
            assert refused(client, guarded).status == 401
        for unguarded in ("/-/healthy", "/-/ready", "/-/metrics", "/openapi.json"):
            assert client.get(unguarded).ok
    with serve(path, web_config=web_config, auth=("ann", "s3cret")) as client:
        assert client.get("/metrics").ok


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/metrics/", 404)])
def test_unknown_path_is_a_problem(
    serve: Serve, write_report: WriteReport, path: str, status: int
) -> None:
    with serve(write_report({})) as client:
        failure = refused(client, path)
    assert (failure.status, failure.problem["status"]) == (status, status)


def test_what_a_delivery_changes_is_served_beside_it(
    serve: Serve,
    write_report: WriteReport,
    samples: Callable[[str], Sequence[str]],
    wait_until: WaitUntil,
) -> None:
    rows = [{"BilledCost": f"{number}.5"} for number in range(30)]
    with serve(write_report(*rows)) as client:
        first = manifest_of(client)["id"]
        missing = refused(client, "/changes/added")
        write_report(*rows[1:], {"BilledCost": "99"}, at=1_700_000_000)
        wait_until(lambda: manifest_of(client)["id"] != first)
        manifest = manifest_of(client)
        added, removed = (
            client.get(f"/changes/{kind}", params={"delivery": manifest["id"]})
            for kind in ("added", "removed")
        )
        packed_headers, packed = undecoded(client, "zstd")
        whole = client.get("/metrics", headers={"Accept-Encoding": "identity"}).content
        held = client.get("/changes/added", headers={"If-None-Match": added.headers["ETag"]})
        other = refused(client, "/changes/removed", params={"delivery": first})
    assert missing.status == 404
    assert missing.problem["type"] == "urn:costwire:problem:no-changes"
    assert manifest["changes"]["since"] == first
    assert [line.rpartition(" ")[2] for line in samples(added.text)] == ["99"]
    assert [line.rpartition(" ")[2] for line in samples(removed.text)] == ["0.5"]
    told = manifest["changes"]["added"]
    assert hashlib.sha256(added.content).hexdigest() == told["sha256"]
    assert hashlib.sha256(whole).hexdigest() == manifest["exposition"]["sha256"]
    reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    assert reader.read() == whole
    assert "Content-Length" not in packed_headers
    assert (held.status_code, other.status) == (304, 412)
