"""What lies below a folder, and the manifests in it; knows no layout."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from costwire_sources.errors import Unreadable

MOST_MANIFEST_BYTES = 8 << 20
MOST_MANIFESTS_BYTES = 64 << 20
_SHOWN = 200
_MOST_AHEAD = timedelta(days=1)  # clocks and zones
T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """A file or object as a listing tells it."""

    size: int
    modified: datetime


class Tree:
    """The files below a root, by their paths relative to it."""

    def __init__(self, root: str, files: Mapping[str, Seen], fetch: Callable[[str], bytes]) -> None:
        """`fetch`: the whole content of a small file."""
        self.root = root.rstrip("/")
        self.files = files
        self._fetch = fetch
        self.read: list[str] = []
        """The manifests that were asked for."""

    @cached_property
    def full(self) -> Mapping[str, str]:
        """Full path -> relative one. The folders above the root tell what the root is."""
        return {f"{self.root}/{path}": path for path in self.files}

    def manifest(self, full: str) -> Document:
        """Read a manifest. Raises: `Unreadable` for what is none."""
        path = self.full[full]
        size = self.files[path].size
        if size > MOST_MANIFEST_BYTES:
            raise Unreadable(
                f"read {full}: a manifest of {size} bytes is no manifest; "
                f"at most {MOST_MANIFEST_BYTES} are read"
            )
        self.read.append(path)
        if sum(self.files[one].size for one in self.read) > MOST_MANIFESTS_BYTES:
            raise Unreadable(
                f"read {self.root}: its manifests are larger than {MOST_MANIFESTS_BYTES} bytes "
                "together; name a narrower folder, or declare fewer periods"
            )
        return Document.parse(full, self._fetch(path))


class Document:
    """A JSON object of a manifest; what it lacks is told with its name."""

    def __init__(self, name: str, members: Mapping[str, Any]) -> None:
        self.name = name
        self._members = members

    @classmethod
    def parse(cls, name: str, content: bytes) -> Document:
        """Raises: `Unreadable` for what is no JSON object."""
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Unreadable(
                f"read {name}: this manifest is no JSON; have the provider write the export anew, "
                "or remove it"
            ) from error
        if not isinstance(found, dict):
            raise Unreadable(f"read {name}: this manifest is no JSON object")
        return cls(name, found)

    def wrong(self, said: str) -> Unreadable:
        """What is told of a manifest that cannot be right."""
        return Unreadable(f"read {self.name}: this manifest {said}")

    def find(self, key: str, kind: type[T]) -> T | None:
        """A member; None where it is absent or null. Raises: `Unreadable` for another type."""
        value = self._members.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(f"is wrong: its {key} is no {_KINDS[kind]}")
        return value

    def get(self, key: str, kind: type[T]) -> T:
        """A member that has to be there. Raises: `Unreadable`."""
        value = self.find(key, kind)
        if value is None:
            raise self.wrong(f"has no {key}")
        return value

    def count(self, key: str) -> int | None:
        """A number of bytes or rows, where it is told."""
        value = self.find(key, int)
        if value is not None and not 0 <= value < 1 << 53:
            raise self.wrong(f"is wrong: its {key} is {value}, which cannot be")
        return value

    def section(self, key: str) -> Document:
        """An object within it, empty where it is absent."""
        return Document(self.name, self.find(key, dict) or {})

    def sections(self, key: str, most: int) -> list[Document]:
        """A list of objects within it, which has to be there."""
        found = self.get(key, list)
        if len(found) > most:
            raise self.wrong(f"lists {len(found)} {key}; more than {most} are not read")
        if not all(isinstance(one, dict) for one in found):
            raise self.wrong(f"lists {key} that are no objects")
        return [Document(self.name, one) for one in found]

    def instant(self, key: str) -> datetime | None:
        """A time, where it is told; one without zone is UTC."""
        text = self.find(key, str)
        if text is None:
            return None
        try:
            told = datetime.fromisoformat(text)
            return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.wrong(f"is wrong: its {key} is no time: {_short(text)}") from error

    def not_after(self, at: datetime, written: datetime) -> None:
        """Raise `Unreadable` where a run tells a time after its manifest was written.

        All later runs would be older than such a one.
        """
        if at > written + _MOST_AHEAD:
            raise self.wrong(f"is one of a run of {at:%Y-%m-%d %H:%M}, after it was written")

    def names_of(self, path: str) -> list[str]:
        """The names of a path that it lists. Raises: `Unreadable` where it leads out."""
        names = path.strip().removeprefix("/").split("/")
        odd = any(name in ("", ".", "..") or _ODD.search(name) for name in names)
        if odd:
            raise self.outside(path)
        return names

    def outside(self, path: str) -> Unreadable:
        """What is told of a listed file that does not belong to the export."""
        return self.wrong(
            f"lists {_short(path)}, which lies outside its export's folder; nothing there is read. "
            "Keep the folders of an export under the names that the provider gave them"
        )


_KINDS: Mapping[type, str] = {str: "text", int: "whole number", list: "list", dict: "object"}
_ODD = re.compile(r"[\\\x00-\x1f\x7f]")


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
