"""The port of a source: poll it, and read the parts of what it holds now."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import BinaryIO, NewType, Protocol, Self

State = NewType("State", str)
"""What a source remembers of a reading, as text that outlives the process; only it can read it."""


class Part(Protocol):
    """One file of a report."""

    @property
    def name(self) -> str:
        """Path relative to the source, with `/` on every system."""

    @property
    def uri(self) -> str:
        """Where it is, for links: percent-encoded, without credentials, query and fragment."""

    @property
    def size(self) -> int:
        """Bytes as stored (compressed, where the file is)."""

    @property
    def rows(self) -> int | None:
        """How many rows a manifest tells that it has; None where nothing tells."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Open the bytes, seekable; raises `SourceChanged` when they are no longer those polled."""

    def verify(self) -> None:
        """Raise `SourceChanged` when the file was rewritten since it was polled."""


class Reading(Protocol):
    """What a source held when it was polled; leaving it frees what was spooled."""

    @property
    def name(self) -> str:
        """Name for ledgers: the source's, or that of the export which it is part of."""

    @property
    def months(self) -> Sequence[str]:
        """The billing months, as YYYY-MM, that it is the whole of; none where nothing tells."""

    @property
    def state(self) -> State:
        """Hand this to the next poll."""

    @property
    def generation(self) -> datetime:
        """When the content came to be, aware UTC; the time of reading where nothing tells."""

    @property
    def parts(self) -> Sequence[Part]:
        """The files in the order in which they are read, never none."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Source(Protocol):
    """A place that holds the current state of a report."""

    @property
    def name(self) -> str:
        """Name for people and ledgers, without credentials, query and fragment."""

    def poll(self, previous: State | None) -> Reading | None:
        """Look once; None says that nothing changed since `previous`."""
