"""How a cycle ended, as an exit status and as a file for whoever started the scraper."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETTLED = 0
FAILED = 1
QUARANTINED = 3
HELD = 4

_UNSEEN_STATES = frozenset({"superseded", "rejected"})
_SETTLED_STATES = frozenset({"committed", "unchanged", *_UNSEEN_STATES})
_PAUSE_BETWEEN_WRITES = 0.25

log = logging.getLogger(__name__)

Entry = Mapping[str, Any]
"""An entry of the ledger, as the database handler answers it."""


@dataclass(frozen=True)
class Outcome:
    """The end of a cycle: the ledger's entry, or the error that kept it from one.

    `repeated` says that the exporter still serves the delivery that was settled before, `waiting`
    that it still reads its first report, `asked_pause_seconds` how long a server wants peace.
    """

    entry: Entry | None = None
    error: str | None = None
    transient: bool = False
    dry_run: bool = False
    repeated: bool = False
    waiting: bool = False
    asked_pause_seconds: float = 0.0

    @property
    def exit_status(self) -> int:
        """0 settled, 3 settled with quarantined rows, 4 held, 1 failed."""
        if self.entry is None:
            return FAILED
        state = self.entry["state"]
        if state == "held":
            return SETTLED if self.dry_run else HELD
        if state not in _SETTLED_STATES and not self.dry_run:
            return FAILED
        if not self.entry.get("balanced", True):
            return FAILED
        if self.dry_run or state in _UNSEEN_STATES:
            return SETTLED
        return QUARANTINED if self.entry["rows"].get("quarantined") else SETTLED


class OutcomeFile:
    """A JSON file that is replaced as a whole: progress while a cycle runs, its outcome after."""

    def __init__(self, path: Path | None) -> None:
        """`path`: None writes nothing."""
        self._path = path
        self._cycle = 0
        self._written = 0.0
        self._phase = ""

    def progress(self, phase: str, samples: int, expected: int) -> None:
        """Tell how far the running cycle is; within a phase, a call too soon is skipped."""
        now = time.monotonic()
        if phase != self._phase or now - self._written >= _PAUSE_BETWEEN_WRITES:
            self._phase, self._written = phase, now
            self._write({"phase": phase, "samples": samples, "expectedSamples": expected})

    def settled(self, outcome: Outcome) -> None:
        """Tell how a cycle ended."""
        self._cycle += 1
        self._write(
            {
                "phase": "done",
                "cycle": self._cycle,
                "exitStatus": outcome.exit_status,
                "entry": outcome.entry,
                "error": outcome.error,
                "transient": outcome.transient,
                "dryRun": outcome.dry_run,
            }
        )

    def _write(self, document: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        staged = self._path.with_name(self._path.name + ".new")
        try:
            staged.write_text(json.dumps(document), encoding="utf-8")
            staged.replace(self._path)
        except OSError as error:  # the delivery is worth more than what is told of it
            told = {"file": str(self._path), "reason": str(error)}
            log.warning("outcome not written", extra=told)
