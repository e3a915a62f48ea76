"""Reports in real object stores: what is found, when it has changed, and what a user is told."""

from __future__ import annotations

import gzip
import hashlib
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.integration.sources.conftest import MakeBucket
from tests.support.local_server import LocalServer
from tests.support.object_stores import Bucket, Kind, forget_clouds
from tests.support.relay import FaultyRelay
from tests.support.waiting import until

from costwire_focus.readers import open_report
from costwire_sources import Part, open_source
from costwire_sources.errors import NotFound, SourceChanged, SourceError, Unreachable
from costwire_sources.objects import Access, ObjectSource
from costwire_sources.objects.access import Patience
from costwire_sources.source import Reading, State

REPORT = b"BilledCost\n1.5\n"
LARGE = random.Random(1).randbytes(9 << 20)  # noqa: S311 -- no secret
QUICK = Patience(
    connect_seconds=1,
    read_seconds=0.5,
    request_seconds=20,
    retries=3,
    retry_seconds=10,
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
)


@pytest.fixture(params=["s3", "az", "gs"])
def bucket(
    request: pytest.FixtureRequest,
    stores: Callable[[Kind], MakeBucket],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Bucket:
    """An empty bucket of each kind of store; this process may read it."""
    forget_clouds(monkeypatch, tmp_path)
    made = stores(request.param)()
    _lead_to(made, monkeypatch)
    return made


@pytest.fixture
def relay(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyRelay]:
    """A way to the bucket that can fail; the environment leads through it."""
    _needs(bucket, "relay")
    with FaultyRelay(bucket.server) as made:
        bucket.endpoint = made.url
        _lead_to(bucket, monkeypatch)
        yield made


def _needs(bucket: Bucket, what: str) -> None:
    if what in bucket.lacks:
        pytest.skip(bucket.lacks[what])


def _lead_to(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)


def read(url: str, previous: State | None = None) -> Reading:
    reading = open_source(url).poll(previous)
    assert reading is not None
    return reading


def names(url: str) -> list[str]:
    return [part.name for part in read(url).parts]


def content_of(part: Part) -> bytes:
    with part.open() as stream:
        return stream.read()


def test_object_is_one_part_and_its_own_time_the_generation(bucket: Bucket) -> None:
    bucket.put("bills/2024-09.csv", REPORT)
    reading = read(bucket.url("bills/2024-09.csv"))
    (part,) = reading.parts
    assert (part.name, part.size, content_of(part)) == ("2024-09.csv", len(REPORT), REPORT)
    assert reading.generation.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - reading.generation) < timedelta(minutes=1)
    part.verify()


def test_folder_holds_reports_in_sorted_order(bucket: Bucket) -> None:
    for key in ("r/b/2.csv.gz", "r/a/1.parquet", "r/c.csv", "other.csv", "rest/d.csv"):
        bucket.put(key, REPORT)
    for key in ("r/.x.csv", "r/.x/a.csv", "r/_log/0.parquet", "r/manifest.json", "r/notes"):
        bucket.put(key, REPORT)
    bucket.put("r/export-1", b"\x1f\x8b\x08rest")
    bucket.put("r/_SUCCESS", b"")
    expected = ["a/1.parquet", "b/2.csv.gz", "c.csv", "export-1"]
    assert names(bucket.url("r")) == expected
    assert names(bucket.url("r/")) == expected


def test_whole_bucket_is_a_folder(bucket: Bucket) -> None:
    bucket.put("a.csv", REPORT)
    bucket.put("b/c.csv", REPORT)
    assert names(bucket.url()) == ["a.csv", "b/c.csv"]


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_folder_of_many_pages_is_whole(bucket: Bucket) -> None:
    expected = [f"p/{n:04}.csv" for n in range(1_050)]
    for key in expected:
        bucket.put(key, b"")
    assert names(bucket.url()) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("r/*.csv", ["a.csv", "b.csv"]),
        ("r/**/*.csv", ["a.csv", "b.csv", "s/c.csv", "s/t/d.csv"]),
        ("r/?.csv", ["a.csv", "b.csv"]),
        ("r/[b-z]*", ["b.csv"]),
        ("*/s/*", ["r/s/c.csv"]),
    ],
)
def test_glob_matches_as_on_disk(bucket: Bucket, pattern: str, expected: list[str]) -> None:
    for key in ("r/a.csv", "r/b.csv", "r/.h.csv", "r/s/c.csv", "r/s/t/d.csv", "r/x.json"):
        bucket.put(key, REPORT)
    assert names(bucket.url(pattern)) == expected


@pytest.mark.parametrize(
    "key", ["my bill (1).csv", "50%.csv", "ä/ö.csv", "p=2024-09/a+b.csv", "a[1].csv", "a%20b.csv"]
)
def test_key_is_taken_as_it_is(bucket: Bucket, key: str) -> None:
    bucket.put(key, REPORT)
    (part,) = read(bucket.url(key)).parts
    assert content_of(part) == REPORT
    assert names(bucket.url()) == [key]


@pytest.mark.parametrize("bucket", ["s3", "gs"], indirect=True)
def test_object_that_only_stands_for_a_folder_is_no_part(bucket: Bucket) -> None:
    bucket.put("r/a.csv/", b"")
    bucket.put("r/a.csv/part-0.csv", REPORT)
    assert names(bucket.url("r")) == ["a.csv/part-0.csv"]


def test_unchanged_objects_are_not_read_again(bucket: Bucket) -> None:
    bucket.put("r/a.csv", REPORT)
    bucket.put("r/b.csv", REPORT)
    for path in ("r", "r/a.csv", "r/*.csv"):
        assert open_source(bucket.url(path)).poll(read(bucket.url(path)).state) is None


@pytest.mark.parametrize("how", ["rewritten", "added", "removed"])
def test_change_is_noticed(bucket: Bucket, how: str) -> None:
    bucket.put("r/a.csv", REPORT)
    bucket.put("r/b.csv", REPORT)
    state = read(bucket.url("r")).state
    if how == "rewritten":
        bucket.put("r/a.csv", REPORT.replace(b"5", b"6"))
    elif how == "added":
        bucket.put("r/c.csv", REPORT)
    else:
        bucket.delete("r/b.csv")
    assert open_source(bucket.url("r")).poll(state) is not None


def test_object_rewritten_after_the_poll_is_not_read(bucket: Bucket) -> None:
    bucket.put("a.csv", REPORT)
    (part,) = read(bucket.url()).parts
    bucket.put("a.csv", REPORT.replace(b"5", b"6"))
    with pytest.raises(SourceChanged, match="rewritten or removed while it was read") as caught:
        content_of(part)
    assert caught.value.transient
    with pytest.raises(SourceChanged):
        part.verify()


def test_object_rewritten_in_the_middle_of_reading_is_never_half_old_and_half_new(
    bucket: Bucket,
) -> None:
    bucket.put("a.csv", LARGE)
    (part,) = read(bucket.url("a.csv")).parts
    with part.open() as stream:
        assert stream.read(1 << 20) == LARGE[: 1 << 20]
        bucket.put("a.csv", LARGE[::-1])
        with pytest.raises(SourceChanged):
            stream.read()


class Heedless(BaseHTTPRequestHandler):
    """A store that answers whatever the condition; its owner says with which ETag."""

    def do_HEAD(self) -> None:
        self._begin(200, len(LARGE))

    def do_GET(self) -> None:
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        piece = LARGE[int(first) : int(last) + 1]
        self._begin(206, len(piece), f"bytes {first}-{last}/{len(LARGE)}")
        self.wfile.write(piece)

    def _begin(self, status: int, length: int, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("ETag", self.server.owner.etag)  # type: ignore[attr-defined]
        self.send_header("Last-Modified", "Wed, 11 Dec 2024 10:00:00 GMT")
        self.send_header("Content-Length", str(length))
        self.send_header("Content-Range", content_range)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class HeedlessServer(LocalServer):
    """That store."""

    etag = '"1"'


def test_change_is_noticed_where_a_store_ignores_conditions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_clouds(monkeypatch, tmp_path)
    with HeedlessServer(Heedless) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        reading = open_source("s3://bills/a.csv", access=Access(anonymous=True)).poll(None)
        assert reading is not None
        (part,) = reading.parts
        with part.open() as stream:
            assert stream.read(1 << 20) == LARGE[: 1 << 20]
            server.etag = '"2"'
            with pytest.raises(SourceChanged):
                stream.read()


def test_object_removed_in_the_middle_of_reading_is_told(bucket: Bucket) -> None:
    bucket.put("a.csv", LARGE)
    (part,) = read(bucket.url("a.csv")).parts
    with part.open() as stream:
        stream.read(1)
        bucket.delete("a.csv")
        with pytest.raises(SourceChanged, match="rewritten or removed"):
            stream.read()
    with pytest.raises(SourceChanged, match="rewritten or removed"):
        part.verify()


def test_empty_object_is_an_empty_part(bucket: Bucket) -> None:
    bucket.put("a.csv", b"")
    (part,) = read(bucket.url("a.csv")).parts
    assert (part.size, content_of(part)) == (0, b"")


def test_bytes_are_exact_wherever_they_are_read(bucket: Bucket) -> None:
    bucket.put("a.parquet", LARGE)
    (part,) = read(bucket.url("a.parquet")).parts
    chance = random.Random(2)  # noqa: S311 -- no secret
    with part.open() as stream:
        assert stream.seek(-8, 2) == len(LARGE) - 8
        assert stream.read() == LARGE[-8:]
        for _ in range(10):
            at, length = chance.randrange(len(LARGE)), chance.randrange(1, 1 << 20)
            stream.seek(at)
            assert stream.read(length) == LARGE[at : at + length]
        stream.seek(0)
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(LARGE).digest()


def test_missing_object_is_told_with_the_nearest_names(bucket: Bucket) -> None:
    bucket.put("bills/2024-09.csv", REPORT)
    with pytest.raises(NotFound, match=r"did you mean 2024-09\.csv\?") as caught:
        read(bucket.url("bills/2024-9.csv"))
    assert bucket.url("bills/2024-9.csv") in str(caught.value)
    assert not caught.value.transient


def test_missing_folder_is_told_with_the_nearest_one(bucket: Bucket) -> None:
    bucket.put("bills/2024-09.csv", REPORT)
    with pytest.raises(NotFound, match=f"the nearest folder is {bucket.url('bills')}$"):
        read(bucket.url("bills/x/y.csv"))


def test_missing_bucket_is_told(bucket: Bucket) -> None:
    _needs(bucket, "missing bucket")
    gone = bucket.bucket = f"{bucket.bucket}no"
    for path in ("", "a.csv", "*.csv"):
        with pytest.raises(NotFound, match=f"no bucket or container {gone} here"):
            read(bucket.url(path))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "the folder holds no report"),
        ("r/", "the folder holds no report"),
        ("r/*.csv", "no report matches this pattern; look into"),
    ],
)
def test_place_without_a_report_is_told(bucket: Bucket, path: str, said: str) -> None:
    bucket.put("r/manifest.json", b"{}")
    with pytest.raises(NotFound, match=said):
        read(bucket.url(path))


def test_empty_bucket_is_told(bucket: Bucket) -> None:
    with pytest.raises(NotFound, match="the bucket is empty"):
        read(bucket.url())


def test_range_that_breaks_off_goes_on_where_it_broke(bucket: Bucket, relay: FaultyRelay) -> None:
    bucket.put("a.csv", LARGE)
    (part,) = patient(bucket, "a.csv").parts
    with part.open() as stream:
        relay.fail(3, after_bytes=1 << 20)
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(LARGE).digest()
    assert relay.faults == 3


def test_range_that_always_breaks_off_is_transient(bucket: Bucket, relay: FaultyRelay) -> None:
    bucket.put("a.csv", LARGE)
    (part,) = patient(bucket, "a.csv").parts
    with part.open() as stream:
        relay.fail(100, after_bytes=0)
        with pytest.raises(Unreachable, match="asked again at the next poll") as caught:
            stream.read()
    assert caught.value.transient
    assert relay.faults == QUICK.retries + 1


def test_silence_in_the_middle_of_a_range_ends_by_a_time_out(
    bucket: Bucket, relay: FaultyRelay
) -> None:
    bucket.put("a.csv", LARGE)
    (part,) = patient(bucket, "a.csv").parts
    with part.open() as stream:
        relay.fail(1, after_bytes=1 << 20, hangs=True)
        started = time.monotonic()
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(LARGE).digest()
    assert relay.faults == 1
    assert time.monotonic() - started < 10


def test_silent_store_is_told_in_time(bucket: Bucket, relay: FaultyRelay) -> None:
    relay.fail(100, after_bytes=0, hangs=True)
    started = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer in time"):
        patient(bucket, "a.csv")
    assert time.monotonic() - started < 15


def test_store_that_is_down_is_told_in_words(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bucket.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    _lead_to(bucket, monkeypatch)
    with pytest.raises(Unreachable, match="connection refused") as caught:
        patient(bucket, "a.csv")
    assert caught.value.transient


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_interrupt_ends_the_wait_for_a_silent_store_at_once(
    bucket: Bucket, relay: FaultyRelay
) -> None:
    relay.fail(100, after_bytes=0, hangs=True)
    program = f"from costwire_sources import open_source; open_source({bucket.url()!r}).poll(None)"
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        until("it waits", lambda: relay.faults)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert time.monotonic() - started < 5
    assert process.returncode != 0


def patient(bucket: Bucket, path: str) -> Reading:
    """A poll by a client that soon has enough."""
    reading = ObjectSource(bucket.url(path), access=Access(), patience=QUICK).poll(None)
    assert reading is not None
    return reading


def _lines() -> list[str]:
    text = random.Random(3).randbytes(20 << 20).hex()  # noqa: S311 -- no secret
    return [text[at : at + 80] for at in range(0, len(text), 80)]


def _csv() -> bytes:
    return "\n".join(["BilledCost", *_lines(), ""]).encode()


def _parquet() -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"BilledCost": _lines()})
    pq.write_table(table, sink, row_group_size=20_000, compression="none", use_dictionary=False)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("file", ["a.csv", "a.csv.gz", "a.parquet"])
@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_readers_of_reports_pass_on_that_the_object_changed(bucket: Bucket, file: str) -> None:
    content = _parquet() if file.endswith(".parquet") else _csv()
    if file.endswith(".gz"):
        content = gzip.compress(content, 1)
    bucket.put(file, content)
    (part,) = read(bucket.url(file)).parts
    with part.open() as stream:
        batches = iter(open_report(stream, part.name).batches())
        next(batches)
        bucket.put(file, content[::-1])
        with pytest.raises(SourceError, match="rewritten or removed while it was read"):
            list(batches)
