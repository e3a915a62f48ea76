"""Which objects are the parts of a report."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from costwire_sources.errors import NotFound, Unreadable
from costwire_sources.naming import HEAD_BYTES, judge_head, judge_name, nearest_names
from costwire_sources.objects.address import fixed_folder, has_wildcards, matches
from costwire_sources.objects.bucket import Bucket, Stamp
from costwire_sources.objects.ranges import RangeStream

MOST_OBJECTS = 100_000
_BUFFER_BYTES = 128 << 10

Heads = dict[tuple[str, Stamp], bool]
"""Whether objects are reports whose names do not tell, by their first bytes."""


@dataclass(frozen=True)
class ObjectPart:
    """One object, as it was when its source was polled."""

    name: str
    path: str
    stamp: Stamp
    bucket: Bucket

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


class Finder:
    """From an address to the parts that are there now."""

    def __init__(self, bucket: Bucket, heads: Heads) -> None:
        """`heads`: what was judged at the last poll."""
        self._bucket = bucket
        self._address = bucket.address
        self._heads = heads
        self.judged: Heads = {}
        """What was judged at this one."""

    def find(self) -> list[ObjectPart]:
        """The parts in their order, never none. Raises: `NotFound` and whatever the store says."""
        address = self._address
        if not address.is_folder:
            try:
                stamp = self._bucket.look(address.path)
            except NotFound:
                pass
            else:
                name = address.path.rpartition("/")[2]
                return [ObjectPart(name, address.path, stamp, self._bucket)]
        if has_wildcards(address.path):
            return self._find_glob()
        return self._find_in_folder()

    def _find_in_folder(self) -> list[ObjectPart]:
        folder = self._address.path
        found = self._walk(folder)
        if not found:
            raise NotFound(self._nothing_there())
        parts = self._parts(folder, (path for path in found if _is_shown(path, folder)), found)
        if not parts:
            raise NotFound(
                f"read {self._address.name}: the folder holds no report; it may hold .csv, "
                ".csv.gz, .csv.zst and .parquet objects, also in sub-folders"
            )
        return parts

    def _find_glob(self) -> list[ObjectPart]:
        pattern = self._address.path
        folder = fixed_folder(pattern)
        found = self._walk(folder)
        parts = self._parts(folder, (path for path in found if matches(path, pattern)), found)
        if not parts:
            raise NotFound(
                f"read {self._address.name}: no report matches this pattern; look into "
                f"{self._address.url(folder)}"
            )
        return parts

    def _walk(self, folder: str) -> dict[str, Stamp]:
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
        return {path: stamp for path, stamp in found.items() if path not in folders or stamp.size}

    def _parts(
        self, folder: str, paths: Iterable[str], found: Mapping[str, Stamp]
    ) -> list[ObjectPart]:
        start = len(folder) + 1 if folder else 0
        parts = [
            ObjectPart(path[start:], path, found[path], self._bucket)
            for path in paths
            if self._is_report(path, found[path])
        ]
        return sorted(parts, key=lambda part: part.name)

    def _is_report(self, path: str, stamp: Stamp) -> bool:
        verdict = judge_name(path.rpartition("/")[2])
        if verdict is not None or not stamp.size:
            return bool(verdict)
        key = (path, stamp)
        if key in self._heads:
            self.judged[key] = self._heads[key]
        else:
            head = self._bucket.read(path, stamp, 0, min(HEAD_BYTES, stamp.size))
            self.judged[key] = judge_head(bytes(head))
        return self.judged[key]

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


def _is_shown(path: str, folder: str) -> bool:
    """Folders whose names begin with `.` or `_` (Hive) are hidden, as on disk."""
    below = path[len(folder) + 1 :] if folder else path
    return not any(name.startswith((".", "_")) for name in below.split("/")[:-1])
