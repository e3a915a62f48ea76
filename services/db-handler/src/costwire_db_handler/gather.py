"""Uploads that belong to no delivery, gathered into one by user, table and time."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from costwire_db_handler.errors import BadPart
from costwire_db_handler.ledger import Clock, Entry, State
from costwire_db_handler.stores import CostStore, Store
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
from costwire_runtime.clocks import later_than
from costwire_runtime.problems import Problem

_META = "gathering.json"
_QUIET = "quiet-"
"""What the name of a gathering begins with to which nothing is added any more."""
_NOT_RENDERED = "0" * 64
_STOP_SECONDS = 30.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gathering:
    """What uploads must share to become one delivery."""

    user: str
    table: str
    timestamp: int

    @property
    def source(self) -> str:
        """What the ledger calls where they come from."""
        return f"upload:{self.user}"

    def key(self) -> str:
        """A name for its folder."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]


class Gatherer:
    """Keeps uploads on disk until no more follow, then delivers them. A kill loses none."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        *,
        quiet_seconds: float,
        clock: Clock,
        on_committed: Callable[[str], None] = lambda table: None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_committed`: told the table of what was delivered, once that is done.

        `meanwhile`: called after each look, in the same thread.
        """
        self._folder = folder
        self._store = store
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._on_committed = on_committed
        self._meanwhile = meanwhile
        self._lock = threading.Lock()
        self._delivering = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._added: dict[str, float] = {}
        """When something was added to a folder last, by the monotonic clock."""

    def start(self) -> None:
        """Begin to look for gatherings that have fallen quiet."""
        self._thread = threading.Thread(target=self._watch, name="gatherer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; what is gathered stays on disk for the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=_STOP_SECONDS)

    def add(self, gathering: Gathering, charges: pa.Table) -> None:
        """Keep uploaded charges; the same ones again add nothing."""
        stream = _stream(charges)
        with self._lock:
            folder = self._folder / gathering.key()
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / _META).exists():
                _write_durably(folder / _META, json.dumps(asdict(gathering)).encode())
            path = folder / f"{hashlib.sha256(stream).hexdigest()}.arrow"
            if not path.exists():
                _write_durably(path, stream)
            os.utime(folder)
            self._added[folder.name] = time.monotonic()

    def deliver_quiet(self) -> list[Entry]:
        """Deliver every gathering to which nothing was added for a while.

        One that cannot be delivered waits for the next time, and holds up no other.
        """
        settled = []
        for folder in self._fallen_quiet():
            if self._stop.is_set():
                break
            try:
                with self._delivering, self._store.receiving():
                    if folder.exists():
                        settled.append(self._deliver(folder))
            except Exception:
                _logger.exception("a gathered upload was not delivered; it is tried again")
        return settled

    def holds(self, table: str) -> bool:
        """Whether anything is gathered for a table."""
        with self._lock:
            return any(_is_of(folder, table) for folder in self._folder.glob("*"))

    def deliver_all(self, table: str) -> None:
        """Deliver what was gathered of a table now, or raise a `Problem`: then it stays."""
        with self._lock:
            for folder in self._folder.glob("*"):
                if not folder.name.startswith(_QUIET) and _is_of(folder, table):
                    self._set_quiet(folder)
        with self._delivering:
            for folder in sorted(self._folder.glob(f"{_QUIET}*")):
                if _is_of(folder, table):
                    with self._store.receiving():
                        self._deliver(folder)

    def _set_quiet(self, folder: Path) -> None:
        """Name a folder so that it comes after all that wait, whatever the clock says."""
        waiting = [path.name.split("-")[1] for path in self._folder.glob(f"{_QUIET}*")]
        number = max([time.time_ns(), *(int(other) + 1 for other in waiting)])
        folder.rename(folder.with_name(f"{_QUIET}{number}-{uuid.uuid4().hex}"))
        self._added.pop(folder.name, None)

    def _is_quiet(self, folder: Path) -> bool:
        """Whether nothing was added for a while; the time of day tells what was before the start.

        It may have been set meanwhile, so it counts once, and for no more than that while.
        """
        if folder.name not in self._added:
            age = min(max(time.time() - folder.stat().st_mtime, 0.0), self._quiet_seconds)
            self._added[folder.name] = time.monotonic() - age
        return time.monotonic() - self._added[folder.name] >= self._quiet_seconds

    def _fallen_quiet(self) -> list[Path]:
        """The folders that are complete; uploads that follow go into new ones."""
        with self._lock:
            for folder in self._folder.glob("*"):
                is_quiet = self._is_quiet(folder)
                if is_quiet and not (folder / _META).exists():
                    shutil.rmtree(folder)  # a kill came before the first charge
                    del self._added[folder.name]
                elif is_quiet and not folder.name.startswith(_QUIET):
                    self._set_quiet(folder)
            return sorted(self._folder.glob(f"{_QUIET}*"))

    def _watch(self) -> None:
        pause = min(1.0, self._quiet_seconds / 2)
        while not self._stop.wait(pause):
            self.deliver_quiet()
            self._meanwhile()
            waiting = any(self._folder.glob(f"{_QUIET}*"))
            pause = self._quiet_seconds if waiting else min(1.0, self._quiet_seconds / 2)

    def _deliver(self, folder: Path) -> Entry:
        gathering = Gathering(**json.loads((folder / _META).read_bytes()))
        paths = sorted(folder.glob("*.arrow"))
        store = self._store.own
        manifest = _manifest(gathering, paths, _after_all(store, gathering, self._clock()))
        entry = store.open_delivery(manifest, self._clock)
        if entry.state is State.OPEN:
            try:
                for seq, path in enumerate(paths):
                    store.stage_part(entry.commit, seq, _read(path), path.stem)
                entry = store.commit(entry.commit, self._clock)
            except Problem:
                store.abort(entry.commit, self._clock)
                raise
        _logger.info(
            "gathered upload delivered", extra={"commit": entry.commit, "state": entry.state.value}
        )
        shutil.rmtree(folder)
        self._on_committed(gathering.table)
        return entry


def _is_of(folder: Path, table: str) -> bool:
    try:
        told = (folder / _META).read_bytes()
    except FileNotFoundError:  # delivered since, or not begun
        return False
    return Gathering(**json.loads(told)).table == table


def _after_all(store: CostStore, gathering: Gathering, now: datetime) -> datetime:
    """The present instant, after all that came the same way: the later one is the newer state."""
    entries = store.deliveries(gathering.table)
    mine = [entry.generation for entry in entries if entry.source == gathering.source]
    return later_than(max(mine, default=None), now)


def _stream(charges: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, charges.schema) as writer:
        writer.write_table(charges)
    return bytes(sink.getvalue())


def _write_durably(path: Path, content: bytes) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    unfinished.replace(path)


def _read(path: Path) -> pa.Table:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise BadPart(f"read {path}: the gathered upload is damaged; remove it and upload it again")
    return pa.ipc.open_stream(content).read_all()


def _manifest(gathering: Gathering, paths: list[Path], now: datetime) -> Manifest:
    names: dict[str, None] = {}
    rows, sums = 0, CostSums()
    for path in paths:
        charges = _read(path)
        names |= dict.fromkeys(charges.column_names)
        rows += charges.num_rows
        sums.add(charges)
    told = json.dumps([gathering.table, *(path.stem for path in paths)]).encode()
    return Manifest(
        id=hashlib.sha256(told).hexdigest(),
        table=gathering.table,
        source=gathering.source,
        generation=datetime.fromtimestamp(gathering.timestamp, UTC) if gathering.timestamp else now,
        focus_version=detect(list(names)),
        columns=[ColumnLabel(name=name, label=name) for name in names],
        rows=RowCounts(read=rows, published=rows, quarantined=0),
        sums=_claimed(sums),
        exposition=Exposition(samples=rows, bytes=0, sha256=_NOT_RENDERED, renderer=0),
        times=ManifestTimes(read=now),
    )


def _claimed(sums: CostSums) -> dict[str, dict[str, CostSum | None]]:
    """All that was uploaded was published: nobody has looked at it before."""
    return {
        currency: {
            name: None if total is None else CostSum(read=total, published=total, quarantined="0")
            for name, total in lines.items()
        }
        for currency, lines in sums.to_json().items()
    }
