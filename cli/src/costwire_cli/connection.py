"""Where a command's database handler is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Connection:
    """Where the handler is, and who asks."""

    url: str
    sign_in: tuple[str, str] | None
    hint: str = ""
    """The options that name this store in a command that is suggested to the user."""
    ca_file: Path | None = None
    """What its certificate is checked with; None: the usual authorities."""
    certificate: tuple[Path, Path] | None = None
    """The user's own, and its key."""
