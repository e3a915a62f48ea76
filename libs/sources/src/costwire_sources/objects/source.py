"""Reports in a bucket: one object, a folder of parts, or a glob."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar

import obstore
from obstore.store import AzureStore, GCSStore, S3Store

from costwire_sources.errors import NotFound, SourceError, Unreachable, Unreadable
from costwire_sources.naming import HEAD_BYTES, judge_head, judge_name, nearest_names
from costwire_sources.objects.access import Access, Patience
from costwire_sources.objects.address import (
    Address,
    Kind,
    fixed_folder,
    has_wildcards,
    matches,
    parse_address,
)
from costwire_sources.objects.aws import open_s3
from costwire_sources.objects.azure import open_azure
from costwire_sources.objects.google import open_google
from costwire_sources.objects.ranges import RangeStream
from costwire_sources.objects.refusals import LIBRARY_ERRORS, changed, translated
from costwire_sources.source import State

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta

MOST_OBJECTS = 100_000
_PAGE_OBJECTS = 1_000
_BUFFER_BYTES = 128 << 10

Store = S3Store | AzureStore | GCSStore
T = TypeVar("T")
_OPENERS: Mapping[Kind, Callable[[Address, Access, Patience], Store]] = {
    "s3": open_s3,
    "az": open_azure,
    "gs": open_google,
}


@dataclass(frozen=True)
class Stamp:
    """What changes about an object when it is written again."""

    size: int
    etag: str | None
    version: str | None
    modified: datetime

    @classmethod
    def of(cls, meta: "ObjectMeta") -> Self:
        """As a listing or a look at the object tells it."""
        etag = meta["e_tag"]
        if etag and not etag.endswith('"'):  # Azure's listings leave the quotes out
            etag = f'"{etag}"'
        return cls(meta["size"], etag or None, meta["version"], meta["last_modified"])


class Bucket:
    """The store of one poll and of its parts; every failure of the library is told in our words."""

    def __init__(self, address: Address, store: Store) -> None:
        self.address = address
        self._store = store

    def look(self, path: str) -> Stamp:
        """What an object is now. Raises: `NotFound`."""
        meta = self._asked(path, lambda: obstore.head(self._store, path))
        return Stamp.of(meta)

    def walk(self, folder: str) -> Iterator[tuple[str, Stamp]]:
        """Everything below a folder, a page at a time."""
        pages = self._asked(
            folder, lambda: obstore.list(self._store, folder or None, chunk_size=_PAGE_OBJECTS)
        )
        while page := self._asked(folder, lambda: next(pages, ())):
            yield from ((meta["path"], Stamp.of(meta)) for meta in page)

    def names(self, folder: str) -> list[str]:
        """The names right in a folder; those of folders end with a slash."""
        found = self._asked(
            folder, lambda: obstore.list_with_delimiter(self._store, folder or None)
        )
        folders = (f"{path.rpartition('/')[2]}/" for path in found["common_prefixes"])
        objects = (meta["path"].rpartition("/")[2] for meta in found["objects"])
        return [*folders, *objects]

    def check(self, path: str, stamp: Stamp) -> None:
        """Raise `SourceChanged` when the object is no longer this one."""
        found = self._get(path, stamp, {"head": True})
        if Stamp.of(found.meta).size != stamp.size:
            raise changed(self.address.url(path))

    def read(self, path: str, stamp: Stamp, start: int, end: int) -> memoryview:
        """A range of the object, whole, and of no other state of it than this one."""
        found = self._get(path, stamp, {"range": (start, end)})
        block = memoryview(self._asked(path, found.bytes))
        if len(block) != end - start:
            raise Unreachable(
                f"read {self.address.url(path)}: the answer broke off after {len(block)} of "
                f"{end - start} bytes; it is asked for again at the next poll"
            )
        return block

    def _get(self, path: str, stamp: Stamp, options: "GetOptions") -> "GetResult":
        if stamp.etag is not None:
            options["if_match"] = stamp.etag
        else:
            options["if_unmodified_since"] = stamp.modified
        try:
            return self._asked(path, lambda: obstore.get(self._store, path, options=options))
        except NotFound as error:
            raise changed(self.address.url(path)) from error

    def _asked(self, path: str, ask: Callable[[], T]) -> T:
        told: SourceError
        try:
            return ask()
        except LIBRARY_ERRORS as error:
            told = translated(error, self.address, path)
        raise told  # outside, so that the library's text, which may hold signatures, hangs nowhere


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


@dataclass(frozen=True)
class ObjectReading:
    """The objects that a poll found."""

    state: State
    generation: datetime
    parts: Sequence[ObjectPart]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was spooled, so nothing is freed."""


class ObjectSource:
    """An object, a folder or a glob in a bucket; unchanged means that no object was written.

    Nothing is asked, and no credentials are looked for, before it is polled.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        access: Access | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._address = parse_address(url)
        self.name = name or self._address.name
        self._access = access or Access()
        self._patience = patience or Patience()
        self._heads: dict[tuple[str, Stamp], bool] = {}

    def poll(self, previous: State | None) -> ObjectReading | None:
        """List, and read nothing but the first bytes of objects whose names do not tell."""
        bucket = Bucket(self._address, self._open())
        finder = _Finder(bucket, self._heads)
        parts = finder.find()
        self._heads = finder.judged
        state = _state(parts)
        if state == previous:
            return None
        newest = max(part.stamp.modified for part in parts)
        return ObjectReading(state, newest.astimezone(UTC), tuple(parts))

    def _open(self) -> Store:
        told: SourceError
        try:
            return _OPENERS[self._address.kind](self._address, self._access, self._patience)
        except LIBRARY_ERRORS:
            told = Unreadable(
                f"read {self._address.name}: the settings or credentials in the environment are "
                "not of the form that the store's client expects; check their spelling"
            )
        raise told


def _state(parts: Sequence[ObjectPart]) -> State:
    stamps = "\n".join(
        f"{part.name}\0{stamp.size}\0{stamp.etag}\0{stamp.version}\0{stamp.modified.isoformat()}"
        for part in parts
        for stamp in [part.stamp]
    )
    return State(hashlib.sha256(stamps.encode()).hexdigest())


class _Finder:
    """From an address to the parts that are there now."""

    def __init__(self, bucket: Bucket, heads: dict[tuple[str, Stamp], bool]) -> None:
        self._bucket = bucket
        self._address = bucket.address
        self._heads = heads
        self.judged: dict[tuple[str, Stamp], bool] = {}
        """Whether objects are reports whose names do not tell, by their first bytes."""

    def find(self) -> list[ObjectPart]:
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
