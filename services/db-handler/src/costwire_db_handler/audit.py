"""The audit log: who signed in, decided, erased, exported and gave rights.

A line is a JSON object whose `hash` is the SHA-256 of all its other fields, and whose `before` is
the hash of the line before: a chain. So nobody can change, take out or put in a line without
changing all that follow. That lines are missing at the end tells `audit.head`, written after each
line, and whoever noted a head before. Neither holds credentials, nor values of charges.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from costwire_db_handler.ledger import Entry as LedgerEntry
from costwire_focus.canonical import to_text

LOG, HEAD = "audit.ndjson", "audit.head"
START = "0" * 64
"""The hash before the first entry."""
_OLD = "audit-*.ndjson"
_CHANGED = "it was changed"
_TOLD = {
    "truncated": "entries before it are missing",
    "rewritten": "entries before it were rewritten",
}
"""What an entry tells of those before it, by its act."""
_SEGMENTS = 4
_NUMBER = re.compile(rb'\{"n": ([0-9]{1,15}),')
_LONGEST_TEXT = 500
_logger = logging.getLogger(__name__)
Entry = dict[str, Any]


class Actor(NamedTuple):
    """Who a request is from."""

    name: str
    address: str


ACTING: ContextVar[Actor | None] = ContextVar("ACTING", default=None)
"""Whoever is behind what happens; nobody, where the handler acts by itself."""


class Head(NamedTuple):
    """The number and the hash of an entry."""

    number: int = 0
    hash: str = START

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


class Verdict(NamedTuple):
    """What a look at the whole log found."""

    entries: int
    first: int
    """The number of the first entry that is there; those before it left with the oldest file."""
    head: Head
    broken: tuple[int, str] | None
    """The first entry that cannot be as it was written, and why."""


class AuditLog:
    """Appends entries, each on disk before `note` returns; safe to call from any thread."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], datetime], most_bytes: int = 64 * 1024 * 1024
    ) -> None:
        """Opens the log of a folder; what a kill or a thief left of it is told by an entry.

        `most_bytes`: of all its files; the oldest leave, and an entry tells it.
        """
        self._folder = folder
        self._clock = clock
        self._segment_bytes = max(1, most_bytes // _SEGMENTS)
        self._lock = threading.Lock()
        self._lost = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        torn = self._mend()
        self._head = self._last()
        noted = read_head(folder)
        doubt = self._doubt(noted)  # before the next entry takes the place of that one
        if torn:
            self.note("mended", about={"bytes": torn})
        if doubt:
            _logger.error("the audit log is not as it was left: %s", _TOLD[doubt])
            self.note(doubt, about={"noted": str(noted)})

    @property
    def head(self) -> Head:
        """The last entry."""
        return self._head

    def note(
        self,
        act: str,
        *,
        by: str | None = None,
        address: str | None = None,
        about: Entry | None = None,
    ) -> None:
        """Append an entry, of whoever acts where nobody is named.

        One that cannot be written is logged, and counted in the next one: what it is about is done,
        and is not undone because the disk is full.
        """
        actor = ACTING.get()
        if actor is not None and by is None and address is None:
            by, address = actor
        with self._lock:
            try:
                self._rotate()
                self._append(act, by, address, about or {})
            except OSError as error:
                self._lost += 1
                _logger.error("an entry of the audit log was not written: %s", error.strerror)

    def settled(self, entry: LedgerEntry) -> None:
        """Append an entry about one of the ledger: a delivery that was decided, or an erasure."""
        decided = entry.decisions[-1].act if entry.decisions else entry.state
        about = {"commit": entry.commit, "table": entry.table, "source": entry.source}
        about |= {"act": decided.value, "condition": entry.condition}
        self.note("settled", about=about)

    def _append(self, act: str, by: str | None, address: str | None, about: Entry) -> None:
        entry: Entry = {
            "n": self._head.number + 1,
            "at": to_text(self._clock()),
            "act": act,
            "by": by,
            "address": address,
            "about": {name: _short(value) for name, value in about.items() if value is not None},
            "before": self._head.hash,
        }
        if self._lost:
            entry["lost"] = self._lost
        entry["hash"] = hash_of(entry)
        path = self._folder / LOG
        line = _line(entry)
        with path.open("ab") as file:
            size = file.tell()
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(path, size)  # half a line would be in the way of the next one
                raise
        self._head = Head(entry["n"], entry["hash"])
        self._lost = 0
        try:
            write_head(self._folder, self._head)
        except OSError as error:  # the entry is there; the next one notes the head anew
            _logger.error("the head of the audit log was not noted: %s", error.strerror)

    def _rotate(self) -> None:
        path = self._folder / LOG
        if not path.exists() or path.stat().st_size < self._segment_bytes:
            return
        path.rename(self._folder / f"audit-{self._head.number:012d}.ndjson")
        leaving = sorted(self._folder.glob(_OLD))[: 1 - _SEGMENTS]
        if leaving:  # told first: what left without a word would look as if it was taken
            through = int(leaving[-1].stem.partition("-")[2])
            self._append("rotated", None, None, {"through": through})
        for old in leaving:
            old.unlink()

    def _mend(self) -> int:
        """Cut off a last line that a kill left unfinished; how many bytes it had."""
        path = self._folder / LOG
        if not path.exists():
            return 0
        size = path.stat().st_size
        with path.open("rb+") as file:
            end = _end_of_last_line(file.read) if size else 0
            file.truncate(end)
        return size - end

    def _last(self) -> Head:
        for path in reversed(_files(self._folder)):
            last = None
            with path.open("rb") as file:
                for last in file:  # noqa: B007
                    pass
            if last is not None:
                if (told := _read(last)) is not None:
                    return Head(told["n"], str(told.get("hash")))
                _logger.error("the last entry of the audit log is damaged")
                return Head(read_head(self._folder).number, hashlib.sha256(last).hexdigest())
        return Head()

    def _doubt(self, noted: Head) -> str | None:
        """What was done to the log if it does not hold the entry that was noted last."""
        if noted.number > self._head.number:
            return "truncated"
        if noted in (Head(), self._head):
            return None
        found = next(self.entries(noted.number - 1, 1), {})  # a kill left the note behind
        return None if Head(found.get("n", 0), found.get("hash", "")) == noted else "rewritten"

    def entries(self, since: int = 0, most: int | None = None) -> Iterator[Entry]:
        """The entries after a number, oldest first; lines that are damaged are left out."""
        told = 0
        with ExitStack() as opened:
            with self._lock:  # meanwhile files get other names, and the oldest leaves
                snapshot = opened.enter_context(_Snapshot.of(self._folder))
            for line in snapshot.lines():
                number = _NUMBER.match(line)
                if number is not None and int(number[1]) <= since:
                    continue
                entry = _read(line)
                if entry is not None and entry["n"] > since:
                    yield entry
                    told += 1
                    if told == most:
                        return

    def verify(self, noted: Head | None = None) -> Verdict:
        """Look at the whole chain; `noted`: an entry that somebody knows to have been there.

        As it stands at this moment: entries that come meanwhile wait for nothing.
        """
        with ExitStack() as opened:
            with self._lock:
                snapshot = opened.enter_context(_Snapshot.of(self._folder))
                last = self._head  # nobody can write to this one
            return _verified(snapshot, [head for head in (noted, last) if head])


class _Snapshot:
    """The files of a log as they are at a moment, whatever is appended, renamed or removed."""

    def __init__(self, files: Sequence[BinaryIO], head: Head) -> None:
        self._files = [(file, os.fstat(file.fileno()).st_size) for file in files]
        self.head = head
        """The last entry, as it is noted beside the log."""

    @classmethod
    @contextmanager
    def of(cls, folder: Path) -> Iterator[_Snapshot]:
        """Opens the files, oldest first; nobody may write meanwhile."""
        with ExitStack() as opened:
            files = [opened.enter_context(path.open("rb")) for path in _files(folder)]
            yield cls(files, read_head(folder))

    def lines(self) -> Iterator[bytes]:
        """What stood there, line by line."""
        for file, left in self._files:
            while line := file.readline(left):
                yield line
                left -= len(line)


def _verified(snapshot: _Snapshot, noted: Sequence[Head]) -> Verdict:
    """Look at every entry: whether it is whole, follows the one before, and is last."""
    head, first, entries = Head(), 0, 0
    left: set[int] = set()
    broken: tuple[int, str] | None = None
    known: defaultdict[int, set[str]] = defaultdict(set)
    for each in (snapshot.head, *noted):
        known[each.number].add(each.hash)
    for line in snapshot.lines():
        entry = _read(line)
        if entry is None:
            broken = (head.number + 1, _CHANGED)
            break
        if why := _doubt(entry, head if entries else None, known.get(entry["n"], ())):
            broken = (entry["n"], why)
            break
        head, entries = Head(entry["n"], entry["hash"]), entries + 1
        first = first or head.number
        if entry["act"] == "rotated":
            left.add(entry["about"]["through"])
    last = max(known, default=0)
    if broken is None and last > head.number:
        broken = (head.number + 1, f"it is missing, as is all up to entry {last}")
    elif broken is None and first > 1 and first - 1 not in left:
        broken = (1, "it is missing, and no entry tells that it left")
    return Verdict(entries, first, head, broken)


def _doubt(entry: Entry, before: Head | None, known: Collection[str]) -> str | None:
    """Why an entry cannot be what was written.

    `before`: None for the first that is there; `known`: what its hash is known to be.
    """
    if not _is_hash_right(entry):
        return _CHANGED
    if before is None:
        follows = entry["n"] > 1 or entry.get("before") == START
    else:
        follows = (entry["n"], entry.get("before")) == (before.number + 1, before.hash)
    if not follows:
        return "it does not follow the entry before it"
    if told := _TOLD.get(entry["act"]):
        return told
    if entry["act"] == "rotated" and type(entry["about"].get("through")) is not int:
        return "it does not tell what left"
    if any(each != entry["hash"] for each in known):
        return "it is another than the one that was noted"
    return None


def _is_hash_right(entry: Entry) -> bool:
    try:
        return bool(entry.get("hash") == hash_of(entry))
    except RecursionError:
        return False


def hash_of(entry: Entry) -> str:
    """The hash of all fields of an entry but its own hash."""
    told = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_head(folder: Path) -> Head:
    """The last entry as it was noted beside the log; none where there is no such note."""
    try:
        return parse_head((folder / HEAD).read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return Head()


def parse_head(text: str) -> Head:
    """A head as `verify` tells it, `number:hash`; raises `ValueError`."""
    number, _, digest = text.partition(":")
    if not number.isascii() or not number.isdigit() or len(digest) != len(START):
        raise ValueError(f"{text!r} is no head of an audit log: it is NUMBER:HASH")
    return Head(int(number), digest)


def write_head(folder: Path, head: Head) -> None:
    """Note the last entry; a kill leaves this note or the one before."""
    unfinished = folder / f"{HEAD}.unfinished"
    unfinished.write_text(f"{head}\n", encoding="ascii")
    unfinished.replace(folder / HEAD)


def _end_of_last_line(read: Callable[[], bytes]) -> int:
    return read().rfind(b"\n") + 1


def _files(folder: Path) -> list[Path]:
    """The files of the log, oldest first."""
    latest = folder / LOG
    return sorted(folder.glob(_OLD)) + ([latest] if latest.exists() else [])


def _line(entry: Entry) -> bytes:
    """The one way to write an entry; halves of characters that meet are one."""
    text = json.dumps(entry, ensure_ascii=False) + "\n"
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text.encode("utf-8", "backslashreplace")


def _read(line: bytes) -> Entry | None:
    """The entry, if that is how it is written: others may hold a name twice."""
    try:
        entry = json.loads(line)
        if not isinstance(entry, dict) or _line(entry) != line:
            return None
    except (ValueError, RecursionError):
        return None
    kinds = {"n": int, "act": str, "about": dict}
    return entry if all(type(entry.get(name)) is kind for name, kind in kinds.items()) else None


def _short(value: Any) -> Any:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value
