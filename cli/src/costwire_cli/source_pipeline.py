"""The exporter and the scraper of one source, as processes, from start to outcome."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costwire_cli.connection import Connection
from costwire_cli.errors import CommandError
from costwire_cli.local_get import NoAnswer, local_get
from costwire_cli.progress import Progress
from costwire_cli.services import Service
from costwire_sources.errors import Incomplete

TRANSIENT_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_LOOK_AT_FILE_SECONDS = 0.03
Json = Mapping[str, Any]


class StillWritten(CommandError):
    """The provider has not finished the report; the exporter looks at it again."""


@dataclass(frozen=True)
class Outcome:
    """How the scraper's cycle ended, as its outcome file tells it."""

    cycle: int
    exit_status: int
    entry: Json | None
    error: str | None
    transient: bool


class SourcePipeline:
    """One source on its way; its files are in a scratch folder of its own."""

    def __init__(
        self,
        number: int,
        exporter_settings: Mapping[str, str],
        scraper_settings: Mapping[str, str],
        *,
        logs: Path,
        scratch: Path,
        rendered: Path | None = None,
    ) -> None:
        """`number`: of this source among those of the command, from 1.

        `rendered`: where the exporter keeps what it rendered; None is among the scratch files.
        """
        folder = scratch / str(number)
        folder.mkdir(parents=True)
        suffix = "" if number == 1 else f"-{number}"
        self._outcome_file = folder / "outcome.json"
        self._exporter = Service(
            "exporter",
            {"DATA_DIR": str(rendered or folder / "exporter"), **exporter_settings},
            log=logs / f"exporter{suffix}.log",
            address_file=folder / "exporter.address",
        )
        self._scraper_settings = {
            "OUTCOME_FILE": str(self._outcome_file),
            "SPOOL_DIR": str(folder),
            "PORT": "0",
            **scraper_settings,
        }
        self._scraper_log = logs / f"scraper{suffix}.log"
        self._scraper_address_file = folder / "scraper.address"
        self._scraper: Service | None = None
        self.exporter_url = ""

    def start(self) -> None:
        """Start the exporter, unless it runs, and the scraper, which loads and waits."""
        if not self._exporter.is_running():
            self.exporter_url = ""
            self._exporter.start()
        self._outcome_file.unlink(missing_ok=True)
        self._scraper = Service(
            "scraper",
            self._scraper_settings,
            log=self._scraper_log,
            address_file=self._scraper_address_file,
        )
        self._scraper.start(settings_follow=True)

    def connect(self, connection: Connection) -> None:
        """Let the scraper begin: it waits for the exporter as long as that reads."""
        self.exporter_url = self._exporter.wait_for_address()
        settings = {"EXPORTER_URL": self.exporter_url, "HANDLER_URL": connection.url}
        if connection.sign_in is not None:
            settings["HANDLER_USER"], settings["HANDLER_PASSWORD"] = connection.sign_in
        if connection.ca_file is not None:
            settings["HANDLER_CA_FILE"] = str(connection.ca_file)
        if connection.certificate is not None:
            certificate, key = map(str, connection.certificate)
            settings |= {"HANDLER_CERT_FILE": certificate, "HANDLER_KEY_FILE": key}
        if self._scraper is not None:
            self._scraper.give(settings)

    def await_published(self, progress: Progress, *, waits: bool) -> None:
        """Wait until the exporter has read the source.

        `waits`: the exporter goes on, so what is still being written is no reason to stay here.
        Raises: `CommandError` with the exporter's reason when it cannot read it, `StillWritten`.
        """
        patience_ends = time.monotonic() + TRANSIENT_PATIENCE_SECONDS
        while not self._is_published(progress, time.monotonic() > patience_ends, waits=waits):
            self._exporter.raise_if_ended()
            time.sleep(_LOOK_SECONDS)

    def _is_published(self, progress: Progress, impatient: bool, *, waits: bool) -> bool:
        try:
            answer = local_get(f"{self.exporter_url}/delivery")
        except NoAnswer:
            return False
        if answer.ok:
            return True
        standing = answer.json().get("exporter") or {}
        failure = standing.get("lastFailure")
        if failure and waits and failure["kind"] == Incomplete.__name__:
            raise StillWritten(failure["reason"])
        if failure and (impatient or not failure.get("transient")):
            raise CommandError(failure["reason"])
        if (reading := standing.get("progress")) is not None:
            progress.show("reading", reading["rows"], reading["bytesRead"], reading["bytesTotal"])
        return False

    def await_outcome(self, progress: Progress, on_look: Callable[[], None]) -> Outcome:
        """Wait for the outcome of the scraper's first cycle.

        `on_look` is called now and then, and may raise to end the wait. A scraper that stays tries
        again after transient trouble, which is waited for a while.
        """
        patience_ends = time.monotonic() + TRANSIENT_PATIENCE_SECONDS
        while True:
            ended = self._scraper is not None and self._scraper.ended() is not None
            outcome = self.outcome(progress)
            if outcome is not None and (
                ended or not outcome.transient or time.monotonic() > patience_ends
            ):
                return outcome
            if ended:
                self.raise_if_ended()
            self._exporter.raise_if_ended()
            on_look()
            time.sleep(_LOOK_AT_FILE_SECONDS)

    def outcome(self, progress: Progress | None = None) -> Outcome | None:
        """The latest outcome; None while the first cycle runs."""
        try:
            told = json.loads(self._outcome_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        if told["phase"] == "done":
            return Outcome(
                told["cycle"],
                told["exitStatus"],
                told["entry"],
                told["error"],
                told["transient"],
            )
        if progress is not None:
            samples = told["samples"]
            progress.show(told["phase"], samples, samples, told["expectedSamples"])
        return None

    def raise_if_ended(self) -> None:
        """Raise `CommandError` when one of the two processes has ended."""
        self._exporter.raise_if_ended()
        if self._scraper is not None:
            self._scraper.raise_if_ended()

    def stop_scraper(self) -> None:
        """Stop the scraper; the exporter goes on."""
        if self._scraper is not None:
            self._scraper.stop()

    def end(self) -> None:
        """Ask both to end, and wait for the scraper alone: a handler's client ends before it."""
        self._exporter.ask_to_end()
        self.stop_scraper()

    def stop(self) -> None:
        """Stop both."""
        self.stop_scraper()
        self._exporter.stop()
