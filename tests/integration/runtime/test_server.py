"""A served app: its address, its end, its refusals, TLS."""

import signal
import socket
import ssl
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests

from costwire_runtime.client import BrokenBody, HttpClient, HttpFailure, Impossible, iter_body
from costwire_runtime.server import address_url, bind_warning
from costwire_runtime.settings import ServiceSettings
from costwire_runtime.web_config import WebConfig


def test_address_is_written_once_it_serves_and_removed_at_the_end(start: Any) -> None:
    service = start()
    url = service.wait_until_serving()
    with HttpClient(url, retries=0) as client:
        assert client.get("/-/ready").ok
    assert service.stop() == 0
    assert not service.address_file.exists()
    assert [line["message"] for line in service.lines] == ["serving", "cleaned up", "stopped"]
    assert service.process.stdout.read() == b"the end of main\n"


def test_date_of_an_answer_is_that_of_now_after_a_silence(start: Any) -> None:
    url = start().wait_until_serving()
    time.sleep(2.5)
    date = requests.get(f"{url}/-/healthy", timeout=10).headers["Date"]
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 2.5


def test_service_starts_within_two_seconds(start: Any) -> None:
    best = min(_start_seconds(start) for _ in range(3))
    assert best < 2.0


def _start_seconds(start: Any) -> float:
    began = time.perf_counter()
    start().wait_until_serving()
    return time.perf_counter() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_running_answer_finishes_before_the_end(start: Any, number: signal.Signals) -> None:
    service = start()
    with HttpClient(service.wait_until_serving(), retries=0) as client:
        response = client.get("/slow", stream=True)
        service.process.send_signal(number)
        assert sum(map(len, iter_body(response))) == 10_000
    assert service.ended() == 0


def test_answer_beyond_the_grace_is_cut_off(start: Any) -> None:
    service = start(SHUTDOWN_GRACE_SECONDS="2")
    with HttpClient(service.wait_until_serving(), retries=0) as client:
        chunks = iter_body(client.get("/endless", stream=True), 1)
        next(chunks)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        with pytest.raises(BrokenBody):
            for _ in chunks:
                pass
    assert service.ended() == 0
    assert time.monotonic() - began < 4


def test_hanging_clean_up_ends_with_the_grace(start: Any) -> None:
    service = start(SHUTDOWN_GRACE_SECONDS="2", END_SECONDS="60")
    service.wait_until_serving()
    began = time.monotonic()
    assert service.stop() == 1
    assert time.monotonic() - began < 4
    assert service.lines[-1]["message"].startswith("stop took longer than the grace")


def test_taken_port_is_one_readable_line(start: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = start(PORT=str(port))
        assert service.ended() == 1
    assert service.stderr == (
        f"listen on 127.0.0.1 port {port}: the port is taken; stop what uses it, "
        "or set DEMO_PORT to another (0: any free)\n"
    )
    assert not service.address_file.exists()


def test_two_services_cannot_share_a_port(start: Any) -> None:
    url = start().wait_until_serving()
    second = start(PORT=url.rpartition(":")[2])
    assert second.ended() == 1
    assert "is taken" in second.stderr


def test_foreign_host_is_one_readable_line(start: Any) -> None:
    service = start(HOST="192.0.2.1")
    assert service.ended() == 1
    assert service.stderr == (
        "listen on 192.0.2.1 port 0: this machine doesn't have the address; "
        "set DEMO_HOST to one that it has\n"
    )


def test_reason_that_forbids_the_start_is_one_readable_line(start: Any) -> None:
    service = start(START="locked")
    assert service.ended() == 1
    lines = [line for line in service.stderr.splitlines() if not line.startswith("{")]
    assert lines == ["open costs.duckdb: another process holds it; stop that one"]
    assert "Traceback" not in service.stderr


def test_fault_of_ours_at_the_start_is_logged(start: Any) -> None:
    service = start(START="broken")
    assert service.ended() == 1
    assert service.lines[-1]["message"] == "start broke"
    assert service.lines[-1]["exception"].endswith("ValueError: of ours")


def test_large_refused_body_still_gets_its_413(start: Any) -> None:
    with HttpClient(start().wait_until_serving(), retries=0) as client:
        for _ in range(5):
            with pytest.raises(HttpFailure) as failed:
                client.post("/echo", data=b"x" * 20_000_000)
            assert failed.value.status == 413


def test_log_lines_carry_the_callers_trace(start: Any) -> None:
    service = start()
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    header = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    with HttpClient(service.wait_until_serving()) as client:
        client.post("/echo", data=b"x", headers=header)
    service.stop()
    asked = [line for line in service.lines if line["message"] == "asked"]
    assert asked[0]["trace_id"] == trace_id


def test_web_configuration_brings_tls_users_and_headers(start: Any, web_config: Path) -> None:
    url = start(WEB_CONFIG_FILE=str(web_config)).wait_until_serving()
    assert url.startswith("https://127.0.0.1:")
    trusted = web_config.with_name("tls.crt")
    with HttpClient(url, ca_file=trusted, auth=("alice", "wonderland"), retries=0) as client:
        answer = client.post("/echo", data=b"x" * 900_000)
        assert len(answer.content) == 900_000
        assert answer.headers["X-Frame-Options"] == "deny"
        assert "Server" not in answer.headers
    with (
        HttpClient(url, ca_file=trusted, retries=0) as client,
        pytest.raises(HttpFailure, match="401"),
    ):
        client.post("/echo")
    with (
        HttpClient(url, retries=0) as client,
        pytest.raises(Impossible, match="certificate is not trusted"),
    ):
        client.get("/-/ready")


def test_older_tls_than_configured_is_refused(start: Any, web_config: Path) -> None:
    url = start(WEB_CONFIG_FILE=str(web_config)).wait_until_serving()
    context = ssl.create_default_context(cafile=web_config.with_name("tls.crt"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    port = int(url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_client_certificate_is_asked_for(start: Any, web_config: Path) -> None:
    web_config.write_text(
        "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"
        "  client_ca_file: tls.crt\n  client_auth_type: RequireAndVerifyClientCert\n"
    )
    url = start(WEB_CONFIG_FILE=str(web_config)).wait_until_serving()
    certificate = str(web_config.with_name("tls.crt"))
    key = str(web_config.with_name("tls.key"))
    answer = requests.get(f"{url}/-/ready", verify=certificate, cert=(certificate, key), timeout=10)
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{url}/-/ready", verify=certificate, timeout=10)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),  # noqa: S104 -- what is tested
        ("::", "http://[::1]:1"),
        ("exporter", "http://exporter:1"),
    ],
)
def test_address_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert address_url(host, 1) == url


def test_listening_for_all_without_sign_in_is_warned_of(start: Any) -> None:
    service = start(HOST="0.0.0.0")  # noqa: S104 -- what is tested
    service.wait_until_serving()
    service.stop()
    assert service.lines[0]["level"] == "WARNING"
    assert "set DEMO_WEB_CONFIG_FILE" in service.lines[0]["message"]


def test_sign_in_or_loopback_needs_no_warning() -> None:
    hashed = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    everywhere = ServiceSettings(host="0.0.0.0", port=1)  # noqa: S104 -- what is tested
    assert bind_warning(everywhere, None)
    assert bind_warning(everywhere, WebConfig())
    assert bind_warning(everywhere, WebConfig({"alice": hashed})) is None
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        assert bind_warning(ServiceSettings(host=host, port=1), None) is None


def test_many_requests_at_once_are_answered(start: Any) -> None:
    url = start().wait_until_serving()
    failures: list[Exception] = []

    def ask() -> None:
        try:
            with HttpClient(url, retries=0) as client:
                for _ in range(20):
                    assert client.post("/echo", data=b"x").content == b"x"
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


def test_address_of_a_successor_is_left_alone(start: Any) -> None:
    service = start()
    service.wait_until_serving()
    service.address_file.write_text("http://127.0.0.1:1\n")
    assert service.stop() == 0
    assert service.address_file.read_text() == "http://127.0.0.1:1\n"
    assert [file.name for file in service.address_file.parent.iterdir()] == ["address"]
