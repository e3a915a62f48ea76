"""The deliveries on disk: one is served, the one before it stays until its downloads have ended.

Layout of the folder: `lock`, `current.json` (which delivery is served, the checksums of its files,
and the source's state when it was read), `spool` (what is being downloaded), and a folder per
delivery with the files below.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from costwire_exporter.errors import ShelfError
from costwire_exporter.text import Text
from costwire_focus.manifest import ChangeKind

QUARANTINE = "quarantine.ndjson"
MANIFEST = "manifest.json"
ADDED, REMOVED = "added.zst", "removed.zst"
SPOOL = "spool"
_CURRENT = "current.json"
_DRAFT, _DELIVERY = "draft-", "delivery-"


@dataclass(frozen=True)
class Delivery:
    """A published delivery: its manifest and where its files are."""

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the manifest; raises OSError or ValueError when the delivery is not whole."""
        manifest = json.loads((folder / MANIFEST).read_bytes())
        delivery = cls(folder, manifest)
        for file in (Text(folder, 0).base, delivery.quarantine):
            file.stat()
        return delivery

    @property
    def id(self) -> str:
        """SHA-256 of what the delivery says."""
        return str(self.manifest["id"])

    @property
    def renderer(self) -> int:
        """Version of the renderer that wrote the exposition."""
        return int(self.manifest["exposition"]["renderer"])

    @property
    def text(self) -> Text:
        """The exposition."""
        return Text(self.folder, self.manifest["exposition"]["samples"])

    def changes(self, kind: ChangeKind) -> Path:
        """What was added or removed since another delivery: an exposition, too."""
        return self.folder / (ADDED if kind == "added" else REMOVED)

    @property
    def quarantine(self) -> Path:
        """The quarantined rows, a JSON object per line."""
        return self.folder / QUARANTINE


class Shelf:
    """Holds the delivery being served and switches to the next one in a single step."""

    def __init__(self, folder: Path, key: str) -> None:
        """Take the folder for this process.

        `key` stands for the settings that deliveries depend on: what was published under another
        one is not served again.
        """
        self._folder = folder
        self._key = key
        self._guard = threading.Lock()
        self._borrowed: Counter[Path] = Counter()
        self._delivery: Delivery | None = None
        self._state: str | None = None
        self._checksums: dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = _lock(folder)
        except OSError as error:
            raise ShelfError(
                f"use {folder}: {error.strerror}; choose a folder that can be written"
            ) from error
        self._unlock = weakref.finalize(self, os.close, lock)
        shutil.rmtree(folder / SPOOL, ignore_errors=True)
        (folder / SPOOL).mkdir(exist_ok=True)
        self._restore()

    def close(self) -> None:
        """Give the folder back."""
        self._unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def state(self) -> str | None:
        """The source's state when the delivery being served was read."""
        return self._state

    @property
    def current(self) -> Delivery | None:
        """The delivery being served; its files may vanish unless it is borrowed."""
        return self._delivery

    @contextmanager
    def borrow(self) -> Iterator[Delivery | None]:
        """The delivery being served, kept on disk until the block is left."""
        with self._guard:
            delivery = self._delivery
            if delivery is not None:
                self._borrowed[delivery.folder] += 1
        try:
            yield delivery
        finally:
            if delivery is not None:
                self._give_back(delivery.folder)

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A new folder to write a delivery to; it is gone afterwards unless it was published."""
        folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self._folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, draft: Path, state: str) -> Delivery:
        """Serve the draft from now on; once this returns it survives a loss of power."""
        checksums = {file.name: _checksum(file) for file in draft.iterdir()}
        for file in draft.iterdir():
            _sync(file)
        _sync(draft)
        folder = draft.rename(draft.with_name(_DELIVERY + draft.name.removeprefix(_DRAFT)))
        delivery = Delivery.load(folder)
        self._write_current(delivery, state, checksums)
        with self._guard:
            previous, self._delivery, self._state = self._delivery, delivery, state
            unused = previous is not None and not self._borrowed[previous.folder]
        if previous is not None and unused:
            shutil.rmtree(previous.folder, ignore_errors=True)
        return delivery

    def confirm(self, state: str, generation: str, read: str) -> None:
        """The source was found to hold the same content: keep the delivery, note the new times."""
        delivery = self._delivery
        if delivery is None:
            raise ShelfError("confirm a delivery: nothing has been published")
        manifest = {**delivery.manifest, "generation": generation, "times": {"read": read}}
        _write(delivery.folder / MANIFEST, json.dumps(manifest).encode())
        confirmed = replace(delivery, manifest=manifest)
        told = {MANIFEST: _checksum(delivery.folder / MANIFEST)}
        self._write_current(confirmed, state, self._checksums | told)
        with self._guard:
            self._delivery, self._state = confirmed, state

    def _write_current(self, delivery: Delivery, state: str, checksums: dict[str, str]) -> None:
        current = {
            "delivery": delivery.folder.name,
            "state": state,
            "key": self._key,
            "checksums": checksums,
        }
        _write(self._folder / _CURRENT, json.dumps(current).encode())
        self._checksums = checksums

    def _restore(self) -> None:
        """Take up what was served before; what is damaged is made anew from the source."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            current = json.loads((self._folder / _CURRENT).read_bytes())
            folder = self._folder / current["delivery"]
            checksums = dict(current.get("checksums", {}))  # earlier versions wrote none
            found = {name: _checksum(folder / name) for name in checksums}
            if current["key"] == self._key and found == checksums:
                self._delivery = Delivery.load(folder)
                self._state, self._checksums = str(current["state"]), checksums
        for folder in self._folder.iterdir():
            is_ours = folder.name.startswith((_DRAFT, _DELIVERY))
            if is_ours and (self._delivery is None or folder != self._delivery.folder):
                shutil.rmtree(folder, ignore_errors=True)

    def _give_back(self, folder: Path) -> None:
        with self._guard:
            self._borrowed[folder] -= 1
            is_served = self._delivery is not None and self._delivery.folder == folder
            unused = not self._borrowed[folder]
            if unused:
                del self._borrowed[folder]
        if unused and not is_served:
            shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int:
    """Lock the folder for as long as the file stays open, so that no crash leaves it locked."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ShelfError(
            f"use {folder}: another exporter uses it; give each its own folder"
        ) from error
    return handle


def _write(path: Path, content: bytes) -> None:
    """Replace a small file in one step, so that nobody ever reads half of it."""
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(content)
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
