"""Which objects are the parts of a report."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO
from urllib.parse import quote

from costwire_sources.errors import NotFound, Unreadable
from costwire_sources.layouts import Plan, Seen, Tree, Wanted, find_report
from costwire_sources.naming import HEAD_BYTES, judge_head, judge_name, nearest_names
from costwire_sources.objects.address import fixed_folder, has_wildcards, matches
from costwire_sources.objects.bucket import Bucket, Stamp
from costwire_sources.objects.ranges import RangeStream

MOST_OBJECTS = 100_000
_BUFFER_BYTES = 128 << 10

Heads = dict[tuple[str, Stamp], bool]
"""Whether objects are reports whose names do not tell, by their first bytes."""

Manifests = dict[tuple[str, Stamp], bytes]
"""What manifests say."""


@dataclass(frozen=True)
class ObjectPart:
    """One object, as it was when its source was polled."""

    name: str
    path: str
    stamp: Stamp
    bucket: Bucket
    rows: int | None = None

    @property
    def uri(self) -> str:
        """Where it is."""
        return quote(self.bucket.address.url(self.path), safe="/:")

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.stamp.size

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes; each range is asked for under the condition that nothing changed."""
        self.verify()
        ranges = RangeStream(self._fetch, self.size)
        with io.BufferedReader(ranges, _BUFFER_BYTES) as stream:
            yield stream

    def verify(self) -> None:
        """Raise `SourceChanged` when the key holds another object than the polled one."""
        self.bucket.check(self.path, self.stamp)

    def _fetch(self, start: int, end: int) -> memoryview:
        return self.bucket.read(self.path, self.stamp, start, end)


@dataclass(frozen=True)
class Found:
    """What is there, and what it means."""

    parts: Sequence[ObjectPart]
    plan: Plan
    manifests: Sequence[tuple[str, Stamp]] = ()
    """Those that the plan was read from."""


class Finder:
    """From an address to the parts that are there now."""

    def __init__(self, bucket: Bucket, wanted: Wanted, heads: Heads, manifests: Manifests) -> None:
        """`heads`, `manifests`: what was read at the last poll."""
        self._bucket = bucket
        self._address = bucket.address
        self._wanted = wanted
        self._heads = heads
        self._manifests = manifests
        self.judged: Heads = {}
        self.manifests: Manifests = {}
        """What was needed at this one."""

    def find(self) -> Found:
        """The parts in their order, never none. Raises: `NotFound` and whatever the store says."""
        address = self._address
        if not address.is_folder:
            try:
                stamp = self._bucket.look(address.path)
            except NotFound:
                pass
            else:
                self._wanted.refuse(address.name)
                name = address.path.rpartition("/")[2]
                return Found([ObjectPart(name, address.path, stamp, self._bucket)], Plan([]))
        if has_wildcards(address.path):
            self._wanted.refuse(address.name)
            return Found(self._find_glob(), Plan([]))
        return self._find_in_folder()

    def _find_in_folder(self) -> Found:
        folder = self._address.path
        found = self._walk(folder)
        if not found:
            raise NotFound(self._nothing_there())
        files = {part.name: part for part in found if _is_shown(part.name)}
        tree = Tree(
            self._address.name,
            {name: Seen(file.size, file.stamp.modified) for name, file in files.items()},
            lambda name: self._manifest(files[name]),
        )
        plan = find_report(tree, self._wanted, lambda name: self._is_report(files[name]))
        if not plan.files:
            raise NotFound(
                f"read {self._address.name}: the folder holds no report; it may hold .csv, "
                ".tsv, .jsonl, .json and .parquet objects, packed ones too, also in sub-folders"
            )
        parts = [replace(files[listed.path], rows=listed.rows) for listed in plan.files]
        return Found(parts, plan, [(name, files[name].stamp) for name in tree.read])

    def _manifest(self, file: ObjectPart) -> bytes:
        key = (file.path, file.stamp)
        known = self._manifests.get(key)
        self.manifests[key] = self._first(file, file.size) if known is None else known
        return self.manifests[key]

    def _find_glob(self) -> list[ObjectPart]:
        pattern = self._address.path
        folder = fixed_folder(pattern)
        parts = [
            part
            for part in self._walk(folder)
            if matches(part.path, pattern) and self._is_report(part)
        ]
        if not parts:
            raise NotFound(
                f"read {self._address.name}: no report matches this pattern; look into "
                f"{self._address.url(folder)}"
            )
        return sorted(parts, key=lambda part: part.name)

    def _walk(self, folder: str) -> list[ObjectPart]:
        """All objects below, without those that only stand for a folder."""
        found: dict[str, Stamp] = {}
        for path, stamp in self._bucket.walk(folder):
            found[path] = stamp
            if len(found) > MOST_OBJECTS:
                raise Unreadable(
                    f"read {self._address.name}: there are more than {MOST_OBJECTS} objects; "
                    "name a narrower folder"
                )
        folders = {path[:at] for path in found for at, sign in enumerate(path) if sign == "/"}
        start = len(folder) + 1 if folder else 0
        return [
            ObjectPart(path[start:], path, stamp, self._bucket)
            for path, stamp in found.items()
            if path not in folders or stamp.size
        ]

    def _is_report(self, file: ObjectPart) -> bool:
        name = file.path.rpartition("/")[2]
        verdict = judge_name(name)
        if verdict is not None or not file.size:
            return bool(verdict)
        key = (file.path, file.stamp)
        known = self._heads.get(key)
        if known is None:
            known = judge_head(name, self._first(file, HEAD_BYTES))
        self.judged[key] = known
        return known

    def _first(self, file: ObjectPart, length: int) -> bytes:
        """So many of its first bytes, or all."""
        end = min(length, file.size)
        return bytes(self._bucket.read(file.path, file.stamp, 0, end)) if end else b""

    def _nothing_there(self) -> str:
        address = self._address
        folder, _, wanted = address.path.rpartition("/")
        said = f"read {address.name}: there is no such object or folder"
        if not address.path:
            return f"read {address.name}: the bucket is empty"
        names = self._bucket.names(folder)
        if not names and folder:
            while folder and not self._bucket.names(folder):
                folder = folder.rpartition("/")[0]
            return f"{said}; the nearest folder is {address.url(folder)}"
        near = nearest_names(wanted, (name.rstrip("/") for name in names))
        return f"{said}; " + (
            f"did you mean {' or '.join(near)}?" if near else f"look into {address.url(folder)}"
        )


def _is_shown(name: str) -> bool:
    """Folders whose names begin with `.` or `_` (Hive) are hidden, as on disk."""
    return not any(folder.startswith((".", "_")) for folder in name.split("/")[:-1])
