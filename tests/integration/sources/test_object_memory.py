"""A large object is read in little memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.support.local_server import LocalServer
from tests.support.object_stores import forget_clouds

OBJECT_BYTES = 200 << 20
MOST_GROWTH_BYTES = 64 << 20
BLOCK = bytes(range(256)) * 4_096

READ = """
import hashlib, resource, sys
from costwire_sources import Access, open_source

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def read(part):
    digest, size = hashlib.sha256(), 0
    with part.open() as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
            if size == len(block):
                first = peak()
    return size, peak() - first, digest.hexdigest()

(part,) = open_source("s3://bills/large.csv", access=Access(anonymous=True)).poll(None).parts
print(*read(part))
"""


class LargeObject(BaseHTTPRequestHandler):
    """One object that is made as it is sent, with the answers of S3."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._begin(200, OBJECT_BYTES)

    def do_GET(self) -> None:
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        start, end = int(first), int(last) + 1
        self._begin(206, end - start, f"bytes {start}-{end - 1}/{OBJECT_BYTES}")
        while start < end:
            offset = start % len(BLOCK)
            piece = BLOCK[offset : offset + end - start]
            self.wfile.write(piece)
            start += len(piece)

    def _begin(self, status: int, length: int, content_range: str | None = None) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", format_datetime(datetime(2024, 12, 1, tzinfo=UTC), True))
        self.send_header("Content-Length", str(length))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_memory_does_not_grow_with_the_object(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_clouds(monkeypatch, tmp_path)
    with LocalServer(LargeObject) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        done = subprocess.run(
            [sys.executable, "-c", READ], capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    size, growth, digest = done.stdout.split()
    assert int(size) == OBJECT_BYTES
    assert int(growth) < MOST_GROWTH_BYTES
    expected = hashlib.sha256()
    for _ in range(OBJECT_BYTES // len(BLOCK)):
        expected.update(BLOCK)
    assert digest == expected.hexdigest()
