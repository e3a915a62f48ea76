"""Reports in a bucket: one object, a folder of parts, or a glob."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from costwire_sources.access import Access
from costwire_sources.layouts import Wanted
from costwire_sources.objects.access import Patience
from costwire_sources.objects.address import parse_address
from costwire_sources.objects.bucket import open_bucket
from costwire_sources.objects.finding import Finder, Found, Heads, Manifests, ObjectPart
from costwire_sources.source import State


@dataclass(frozen=True)
class ObjectReading:
    """The objects that a poll found."""

    name: str
    months: tuple[str, ...]
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
        wanted: Wanted | None = None,
    ) -> None:
        self._address = parse_address(url)
        self._told_name = name
        self.name = name or self._address.name
        self._access = access or Access()
        self._patience = patience or Patience()
        self._wanted = wanted or Wanted()
        self._heads: Heads = {}
        self._manifests: Manifests = {}

    def poll(self, previous: State | None) -> ObjectReading | None:
        """List, and read nothing but manifests and the first bytes of what no name tells."""
        bucket = open_bucket(self._address, self._access, self._patience)
        finder = Finder(bucket, self._wanted, self._heads, self._manifests)
        found = finder.find()
        self._heads, self._manifests = finder.judged, finder.manifests
        state = _state(found)
        if state == previous:
            return None
        newest = max(part.stamp.modified for part in found.parts).astimezone(UTC)
        return ObjectReading(
            name=self._told_name or found.plan.export or self.name,
            months=found.plan.months,
            state=state,
            generation=found.plan.generation or newest,
            parts=tuple(found.parts),
        )


def _state(found: Found) -> State:
    stamps = [(part.name, part.stamp) for part in found.parts]
    stamps += [*found.manifests]
    told = "\n".join(
        f"{name}\0{stamp.size}\0{stamp.etag}\0{stamp.version}\0{stamp.modified.isoformat()}"
        for name, stamp in stamps
    )
    meant = f"{found.plan.export}\0{found.plan.months}"
    return State(hashlib.sha256(f"{meant}\n{told}".encode()).hexdigest())
