"""Traces leave the process only when an endpoint is configured."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PROGRAM = """
import sys
from opentelemetry import trace
from costwire_runtime.telemetry import configure
configure("demo", "INFO")
with trace.get_tracer("demo").start_as_current_span("deliver"):
    pass
trace.get_tracer_provider().shutdown()
print(any("otlp" in name for name in sys.modules))
"""
LEFT = """
from opentelemetry import trace
from costwire_runtime.process import leave
from costwire_runtime.telemetry import configure
configure("demo", "INFO")
with trace.get_tracer("demo").start_as_current_span("deliver"):
    pass
leave(0)
"""


def _run(program: str = PROGRAM, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "OTEL" not in name}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP endpoint that keeps what it is sent."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            received.append((self.path, self.rfile.read(size)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def test_without_endpoint_nothing_is_exported_nor_imported() -> None:
    assert _run().stdout == "False\n"


def test_spans_reach_the_endpoint(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    endpoint, received = collector
    done = _run(
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_COMPRESSION="none", NO_PROXY="*"
    )
    assert done.stdout == "True\n"
    [(path, body)] = received
    assert path == "/v1/traces"
    assert b"deliver" in body
    assert b"costwire-demo" in body


def test_spans_of_a_process_that_leaves_reach_the_endpoint(
    collector: tuple[str, list[tuple[str, bytes]]],
) -> None:
    endpoint, received = collector
    _run(
        LEFT,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_COMPRESSION="none",
        NO_PROXY="*",
    )
    [(_, body)] = received
    assert b"deliver" in body


def test_dead_endpoint_holds_nobody_up() -> None:
    done = _run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", NO_PROXY="*")
    assert done.stdout == "True\n"


def test_uncaught_exceptions_are_json_lines() -> None:
    program = (
        "import threading\n"
        "from costwire_runtime.telemetry import configure\n"
        "configure('demo', 'INFO')\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start(); thread.join()\n"
        "raise ValueError('in main')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [line["message"] for line in lines] == ["uncaught in thread", "uncaught"]
    assert "ZeroDivisionError" in lines[0]["exception"]
    assert "in main" in lines[1]["exception"]
