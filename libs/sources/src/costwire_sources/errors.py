"""What can go wrong with a source.

SourceError
├── UnknownScheme   the text names no kind of source that can be opened
├── NotFound        nothing is there
├── Unreadable      something is there, and it may not or cannot be read
├── SourceChanged   it was rewritten while it was read (transient)
├── Incomplete      its provider has not finished it (transient)
└── Unreachable     the server did not answer, or not to the end (transient)
"""

from typing import ClassVar


class SourceError(Exception):
    """A source could not be read; the message names the source and says what to do."""

    transient: ClassVar[bool] = False
    retry_after_seconds: float | None = None
    """How long the server asks to be left alone."""


class UnknownScheme(SourceError):
    """The text names no kind of source that can be opened."""


class NotFound(SourceError):
    """Nothing is there under this name."""


class Unreadable(SourceError):
    """It is there, but it may not or cannot be read."""


class SourceChanged(SourceError):
    """It was rewritten while it was read; the next reading sees the new content."""

    transient = True


class Incomplete(SourceError):
    """Its provider is still writing it; a later poll sees all of it."""

    transient = True


class Unreachable(SourceError):
    """The server did not answer, or its answer broke off."""

    transient = True
