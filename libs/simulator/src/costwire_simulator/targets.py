"""What can be scraped: an exporter's text, where it is, and what Prometheus calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Render = Callable[[float], bytes]
"""Its text at a time, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Target:
    """One exporter."""

    cluster: str
    """Whose it is."""
    path: str
    """Of its text, in the simulator; no two targets have the same."""
    labels: Mapping[str, str]
    """What each of its series gets: `job` and `instance` at least."""
    render: Render
    honor_labels: bool = False
    """Whether its own labels stay where Prometheus has one of that name, too."""

    @property
    def job(self) -> str:
        """The kind of exporter."""
        return self.labels["job"]
