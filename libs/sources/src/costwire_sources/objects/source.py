"""Reports in a bucket: one object, a folder of parts, or a glob."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from costwire_sources.objects.access import Access, Patience
from costwire_sources.objects.address import parse_address
from costwire_sources.objects.bucket import open_bucket
from costwire_sources.objects.finding import Finder, Heads, ObjectPart
from costwire_sources.source import State


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
        self._heads: Heads = {}

    def poll(self, previous: State | None) -> ObjectReading | None:
        """List, and read nothing but the first bytes of objects whose names do not tell."""
        bucket = open_bucket(self._address, self._access, self._patience)
        finder = Finder(bucket, self._heads)
        parts = finder.find()
        self._heads = finder.judged
        state = _state(parts)
        if state == previous:
            return None
        newest = max(part.stamp.modified for part in parts)
        return ObjectReading(state, newest.astimezone(UTC), tuple(parts))


def _state(parts: Sequence[ObjectPart]) -> State:
    stamps = "\n".join(
        f"{part.name}\0{stamp.size}\0{stamp.etag}\0{stamp.version}\0{stamp.modified.isoformat()}"
        for part in parts
        for stamp in [part.stamp]
    )
    return State(hashlib.sha256(stamps.encode()).hexdigest())
