"""Uploads that belong to no delivery, gathered into one by user, table and time."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from costwire_db_handler.ledger import Entry, State
from costwire_db_handler.stores import CostStore
from costwire_db_handler.upload import Upload
from costwire_focus.amounts import CostSums
from costwire_focus.manifest import (
    ColumnLabel,
    CostSum,
    Exposition,
    Manifest,
    ManifestTimes,
    RowCounts,
)
from costwire_focus.versions import detect
from costwire_runtime.problems import Problem

_META = "gathering.json"
_NOT_RENDERED = "0" * 64
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gathering:
    """What uploads must share to become one delivery."""

    user: str
    table: str
    timestamp: int

    def key(self) -> str:
        """A name for its folder."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]


class Gatherer:
    """Keeps uploads on disk until no more follow, then delivers them. A kill loses none."""

    def __init__(
        self,
        folder: Path,
        store: CostStore,
        *,
        quiet_seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._folder = folder
        self._store = store
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for gatherings that have fallen quiet."""
        self._thread = threading.Thread(target=self._watch, name="gatherer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; what is gathered stays on disk for the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def add(self, gathering: Gathering, upload: Upload, body: bytes) -> None:
        """Keep an upload; the same body again adds nothing."""
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            folder = self._folder / gathering.key()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _META).write_text(json.dumps(asdict(gathering)))
            path = folder / f"{digest}.arrow"
            if not path.exists():
                _write_durably(path, upload.charges)
            os.utime(folder)

    def deliver_quiet(self) -> list[Entry]:
        """Deliver every gathering to which nothing was added for a while."""
        settled = []
        for folder in sorted(self._folder.glob("*")):
            with self._lock:
                if time.time() - folder.stat().st_mtime < self._quiet_seconds:
                    continue
                settled.append(self._deliver(folder))
        return settled

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, self._quiet_seconds / 2)):
            try:
                self.deliver_quiet()
            except Exception:
                _logger.exception("a gathered upload was not delivered; it is tried again")
                self._stop.wait(self._quiet_seconds)

    def _deliver(self, folder: Path) -> Entry:
        gathering = Gathering(**json.loads((folder / _META).read_text()))
        paths = sorted(folder.glob("*.arrow"))
        tables = [_read(path) for path in paths]
        manifest = _manifest(gathering, [path.stem for path in paths], tables, self._clock())
        entry = self._store.open_delivery(manifest, self._clock())
        if entry.state is State.OPEN:
            try:
                for seq, (path, table) in enumerate(zip(paths, tables, strict=True)):
                    self._store.stage_part(entry.commit, seq, table, path.stem)
                entry = self._store.commit(entry.commit, self._clock())
            except Problem:
                self._store.abort(entry.commit, self._clock())
                raise
        _logger.info(
            "gathered upload delivered", extra={"commit": entry.commit, "state": entry.state.value}
        )
        shutil.rmtree(folder)
        return entry


def _write_durably(path: Path, charges: pa.Table) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as sink:
        with pa.ipc.new_stream(sink, charges.schema) as writer:
            writer.write_table(charges)
        sink.flush()
        os.fsync(sink.fileno())
    unfinished.replace(path)


def _read(path: Path) -> pa.Table:
    return pa.ipc.open_stream(path.read_bytes()).read_all()


def _manifest(
    gathering: Gathering, digests: list[str], tables: list[pa.Table], now: datetime
) -> Manifest:
    names = list(dict.fromkeys(name for table in tables for name in table.column_names))
    sums = CostSums()
    for table in tables:
        sums.add(table)
    rows = sum(table.num_rows for table in tables)
    told = json.dumps([gathering.table, *digests]).encode()
    generation = datetime.fromtimestamp(gathering.timestamp, UTC) if gathering.timestamp else now
    return Manifest(
        id=hashlib.sha256(told).hexdigest(),
        table=gathering.table,
        source=f"upload:{gathering.user}",
        generation=generation,
        focus_version=detect(names),
        columns=[ColumnLabel(name=name, label=name) for name in names],
        rows=RowCounts(read=rows, published=rows, quarantined=0),
        sums={
            currency: {
                name: None
                if total is None
                else CostSum(read=total, published=total, quarantined="0")
                for name, total in lines.items()
            }
            for currency, lines in sums.to_json().items()
        },
        exposition=Exposition(samples=rows, bytes=0, sha256=_NOT_RENDERED, renderer=0),
        times=ManifestTimes(read=now),
    )
