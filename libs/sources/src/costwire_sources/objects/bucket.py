"""What is asked of a store: look, list, read a range; the only module that asks it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar

import obstore
from obstore.store import AzureStore, GCSStore, S3Store

from costwire_sources.access import Access
from costwire_sources.errors import NotFound, SourceError, Unreachable, Unreadable
from costwire_sources.objects.access import Patience
from costwire_sources.objects.address import Address, Kind
from costwire_sources.objects.aws import open_s3
from costwire_sources.objects.azure import open_azure
from costwire_sources.objects.google import open_google
from costwire_sources.objects.refusals import LIBRARY_ERRORS, changed, no_bucket, translated

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta

_PAGE_OBJECTS = 1_000

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

    def may_be(self, other: Self) -> bool:
        """Whether both can be of one object; a listing may tell less than the object itself."""
        return self.size == other.size and all(
            mine == its or mine is None or its is None
            for mine, its in ((self.etag, other.etag), (self.version, other.version))
        )


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
        pages = self._listed(
            folder, lambda: obstore.list(self._store, folder or None, chunk_size=_PAGE_OBJECTS)
        )
        while page := self._listed(folder, lambda: next(pages, ())):
            yield from ((meta["path"], Stamp.of(meta)) for meta in page)

    def names(self, folder: str) -> list[str]:
        """The names right in a folder; those of folders end with a slash."""
        found = self._listed(
            folder, lambda: obstore.list_with_delimiter(self._store, folder or None)
        )
        folders = (f"{path.rpartition('/')[2]}/" for path in found["common_prefixes"])
        objects = (meta["path"].rpartition("/")[2] for meta in found["objects"])
        return [*folders, *objects]

    def check(self, path: str, stamp: Stamp) -> None:
        """Raise `SourceChanged` when the object is no longer this one."""
        self._get(path, stamp, {"head": True})

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
        if stamp.etag and not stamp.etag.startswith("W/"):
            options["if_match"] = stamp.etag
        else:
            options["if_unmodified_since"] = stamp.modified
        try:
            found = self._asked(path, lambda: obstore.get(self._store, path, options=options))
        except NotFound as error:
            raise changed(self.address.url(path)) from error
        if not Stamp.of(found.meta).may_be(stamp):  # where a server ignores the condition
            raise changed(self.address.url(path))
        return found

    def _listed(self, folder: str, ask: Callable[[], T]) -> T:
        """A listing finds nothing only where there is no bucket: a folder may be empty."""
        try:
            return self._asked(folder, ask)
        except NotFound as error:
            raise no_bucket(self.address, folder) from error

    def _asked(self, path: str, ask: Callable[[], T]) -> T:
        told: SourceError
        try:
            return _interruptible(ask)
        except LIBRARY_ERRORS as error:
            told = translated(error, self.address, path)
        raise told  # outside, so that the library's text, which may hold signatures, hangs nowhere


def _interruptible(ask: Callable[[], T]) -> T:
    """Ask; in the main thread of a process by another one, so that Ctrl-C ends the wait at once.

    The library hears no signals while it waits.
    """
    if threading.current_thread() is not threading.main_thread():
        return ask()
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer.result()


def open_bucket(address: Address, access: Access, patience: Patience) -> Bucket:
    """The bucket of an address; nothing but credentials is asked for.

    Raises: `Unreadable`, `Unreachable`.
    """
    told: SourceError
    try:
        return Bucket(address, _OPENERS[address.kind](address, access, patience))
    except LIBRARY_ERRORS:
        told = Unreadable(
            f"read {address.name}: the settings or credentials in the environment are not of the "
            "form that the store's client expects; check their spelling"
        )
    raise told
