"""What a layout makes of a folder: the files to read, their months, and the export's name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from costwire_sources.errors import Incomplete, NotFound, Unreadable
from costwire_sources.layouts.tree import Document

Layout = Literal["auto", "none", "aws", "azure", "partitions", "daily"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
MOST_FILES = 100_000
_NAMED = 5


@dataclass(frozen=True)
class Wanted:
    """What a user wants of a folder."""

    layout: Layout = "auto"
    months: tuple[str, ...] = ()
    """Of an export by months, only these; none: all."""

    def refuse(self, name: str) -> None:
        """Raise `Unreadable` where a layout is told of what is no folder."""
        if self.layout not in ("auto", "none"):
            raise Unreadable(
                f"read {name}: the layout {self.layout} is one of folders, and this is none; name "
                "the export's folder"
            )


@dataclass(frozen=True)
class Listed:
    """A file to read."""

    path: str
    """Relative to the root."""
    rows: int | None = None
    """How many a manifest tells."""


@dataclass(frozen=True)
class Plan:
    """What a folder means."""

    files: Sequence[Listed]
    export: str | None = None
    """The export's folder, the same whatever of it was named; None: it is what was named."""
    months: tuple[str, ...] = ()
    """The billing months that the files are the whole of; none: nothing tells."""
    generation: datetime | None = None
    """When the newest run came to be; None: when the newest file did."""
    others: Sequence[str] = ()
    """What lies below the root and is nothing of the export."""


@dataclass(frozen=True)
class Run:
    """What a provider wrote at once, the whole of some months."""

    months: tuple[str, ...]
    at: datetime
    files: Sequence[Listed]


def plan_of(export: str, runs: Sequence[Run], others: Sequence[str]) -> Plan:
    """The newest runs of an export together.

    A run without files is left for later: it would withdraw all charges of its months.
    Raises: `Incomplete` when no run has files.
    """
    full = [run for run in runs if run.files]
    if not full:
        raise Incomplete(
            f"read {export}: its newest manifests list no files, and would withdraw all charges; "
            "it is looked at again"
        )
    months = sorted({month for run in full for month in run.months})
    files = [file for run in full for file in run.files]
    return Plan(files, export, tuple(months), max(run.at for run in full), others)


def each_once(manifest: Document, files: Iterable[Listed]) -> list[Listed]:
    """The files that a manifest lists. Raises: `Unreadable` where it lists one twice."""
    found: dict[str, Listed] = {}
    for file in files:
        if file.path in found:
            raise manifest.wrong(f"lists {file.path} twice")
        found[file.path] = file
    return list(found.values())


def check_finished(export: str, there: Iterable[str], months: Sequence[str]) -> None:
    """Raise `Incomplete` when no month is finished, `NotFound` when one of the wanted is not."""
    finished = sorted(there)
    if not finished:
        raise Incomplete(
            f"read {export}: no run of this export has its manifest yet, so the first one is being "
            "written; it is looked at again. The layout none reads whatever files are there"
        )
    check_wanted(export, finished, months)


def check_wanted(export: str, there: Sequence[str], months: Sequence[str]) -> None:
    """Raise `NotFound` when one of the wanted months is not there."""
    if lacking := sorted(set(months) - set(there)):
        raise NotFound(
            f"read {export}: it has no {', '.join(lacking)}; it has {', '.join(there) or 'none'}"
        )


def is_wanted(own: Sequence[str], months: Sequence[str]) -> bool:
    """Whether something of these months is to be read."""
    return not months or not set(own).isdisjoint(months)


def the_one(root: str, exports: Sequence[str]) -> str:
    """The only export below a root. Raises: `Unreadable` for several."""
    if len(exports) > 1:
        names = ", ".join(exports[:_NAMED]) + (", ..." if len(exports) > _NAMED else "")
        raise Unreadable(
            f"read {root}: it holds {len(exports)} exports: {names}; name one of them, each is a "
            "source of its own"
        )
    return exports[0]


def missing(manifest: str, file: str) -> Incomplete:
    """What is told while a listed file is not there."""
    return Incomplete(
        f"read {manifest}: this manifest lists {file}, which is not there; it is still being "
        "written or copied, and is looked at again. If it is gone for good, remove its manifest"
    )
