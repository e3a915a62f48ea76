"""`costwire run`: delivers reports through the three services, each a process of its own."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from costwire_cli.errors import FAILED, WRONG_USE, CommandError, worst
from costwire_cli.output import say
from costwire_cli.progress import Progress
from costwire_cli.scratch import Folders, folders
from costwire_cli.services import ServiceKilled
from costwire_cli.source_pipeline import Outcome, SourcePipeline, StillWritten
from costwire_cli.store import Store
from costwire_cli.summary import summary
from costwire_sources import Access, Wanted, open_source
from costwire_sources.errors import Incomplete, SourceError

EXPORTER_PORT = 2112
HANDLER_PORT = 8088
TRIES = 3
_LOOK_SECONDS = 1.0
_REMOTE = ("http://", "https://")


def run(args: Namespace) -> int:
    """Deliver every source and tell of each; without `--once` stay, and deliver what changes."""
    if args.source and len(args.sources) > 1:
        raise CommandError("run: --source names one SOURCE; give one", status=WRONG_USE)
    check_sources(
        args.sources,
        Access(args.anonymous, args.instance_metadata),
        Wanted(args.layout, tuple(args.period or ())),
    )
    stays = not (args.once or args.dry_run)
    with ExitStack() as stack:
        places = stack.enter_context(folders(args))
        deliveries = stack.enter_context(Deliveries.of(args, places, stays=stays))
        deliveries.deliver_all()
        if stays:
            deliveries.watch()
        return deliveries.status()


def check_sources(sources: Sequence[str], access: Access, wanted: Wanted) -> None:
    """Raise `CommandError` for a source that is not there, before anything is started.

    What is still being written is waited for.
    """
    for text in sources:
        try:
            source = open_source(text, access=access, wanted=wanted)
            if text.lower().startswith(_REMOTE):
                continue
            reading = source.poll(None)
        except Incomplete:
            continue
        except SourceError as error:
            raise CommandError(str(error)) from error
        if reading is not None:
            with reading:
                continue


class Deliveries:
    """The sources of one command, each with its exporter and scraper, and how they ended."""

    def __init__(self, args: Namespace, store: Store, places: Folders, *, stays: bool) -> None:
        """`stays`: services go on after the first deliveries, on their usual ports."""
        self._args = args
        self.store = store
        self._places = places
        self._stays = stays
        self._pipelines: dict[str, SourcePipeline] = {}
        self._latest: dict[str, int] = {}
        self._cycles: dict[str, int] = {}
        self._troubles: dict[str, str] = {}

    @classmethod
    @contextmanager
    def of(cls, args: Namespace, places: Folders, *, stays: bool) -> Iterator[Deliveries]:
        """Those of a command, over its store; at the end exporters and handler end side by side."""
        store = Store(args, HANDLER_PORT if stays else 0)
        deliveries = cls(args, store, places, stays=stays)
        with ExitStack() as stack:
            stack.callback(deliveries.stop)
            stack.enter_context(store)
            stack.callback(deliveries.end)
            yield deliveries

    def status(self) -> int:
        """The exit status of the latest delivery of every source."""
        return worst(list(self._latest.values()))

    def deliver_all(self) -> None:
        """Deliver one source after the other; one that fails does not keep the next from it."""
        for number, source in enumerate(self._args.sources, start=1):
            try:
                with Progress() as progress:
                    outcome = self._deliver(number, source, progress)
                self._tell(source, outcome)
            except CommandError as error:
                if len(self._args.sources) == 1 and not isinstance(error, StillWritten):
                    raise
                self._latest[source] = FAILED
                self._tell_trouble(source, str(error))

    def _deliver(self, number: int, source: str, progress: Progress) -> Outcome:
        """Deliver a source; a process that was killed on the way is started again.

        Every step can be repeated, so starting over changes nothing twice.
        """
        for left in reversed(range(TRIES)):
            pipeline = self._pipeline(number, source)
            try:
                pipeline.start()
                pipeline.connect(self.store.connect())
                pipeline.await_published(progress, waits=self._stays)
                outcome = pipeline.await_outcome(progress, self.store.raise_if_ended)
            except ServiceKilled:
                pipeline.stop_scraper()
                if not left:
                    raise
                continue
            except CommandError:
                if not self._stays:
                    pipeline.stop()
                raise
            if not self._stays:
                pipeline.end()
            return outcome
        raise AssertionError("the last try returns or raises")

    def _pipeline(self, number: int, source: str) -> SourcePipeline:
        if source not in self._pipelines:
            settings = self._exporter_settings(number, source)
            self._pipelines[source] = SourcePipeline(
                number,
                settings,
                self._scraper_settings(),
                logs=self._places.logs,
                scratch=self._places.scratch,
                rendered=self._places.kept.take(settings) if self._places.kept else None,
            )
        return self._pipelines[source]

    def _exporter_settings(self, number: int, source: str) -> dict[str, str]:
        args = self._args
        settings = {
            "SOURCE": source,
            "TABLE": args.table,
            "MODE": args.mode,
            "PORT": str(EXPORTER_PORT if self._stays and number == 1 else 0),
            "SOURCE_NAME": args.source,
            "PERIOD": ",".join(args.period or ()),
            "CURRENCY": args.currency,
            "DATES": args.dates,
            "FOCUS_VERSION": args.focus_version,
            "SOURCE_LAYOUT": args.layout,
            "ENCODING": args.encoding,
            "MAP_LEGACY": "true" if args.map_legacy else "",
            "SERVE_RESTORED": "false",
            "SOURCE_ANONYMOUS": "true" if args.anonymous else "",
            "SOURCE_INSTANCE_METADATA": "true" if args.instance_metadata else "",
        }
        return {name: value for name, value in settings.items() if value}

    def _scraper_settings(self) -> dict[str, str]:
        return {"ONCE": str(not self._stays).lower(), "DRY_RUN": str(self._args.dry_run).lower()}

    def _tell(self, source: str, outcome: Outcome) -> None:
        """Say how a delivery ended. Raises: `CommandError` when there was none."""
        self._latest[source] = outcome.exit_status
        self._cycles[source] = outcome.cycle
        if outcome.entry is None:
            raise CommandError(outcome.error or "the delivery did not settle")
        self._troubles.pop(source, None)
        hint = self.store.connect().hint
        for line in summary(outcome.entry, hint, dry_run=self._args.dry_run):
            say(line)
        say()

    def watch(self) -> None:
        """Tell of further deliveries until interrupted. Raises: when a service ends."""
        self._tell_addresses()
        try:
            while True:
                time.sleep(_LOOK_SECONDS)
                self.store.raise_if_ended()
                for source, pipeline in self._pipelines.items():
                    pipeline.raise_if_ended()
                    self._tell_news(source, pipeline)
        except KeyboardInterrupt:
            say("stopping")

    def _tell_news(self, source: str, pipeline: SourcePipeline) -> None:
        outcome = pipeline.outcome()
        if outcome is None or outcome.cycle == self._cycles.get(source):
            return
        try:
            self._tell(source, outcome)
        except CommandError as error:
            self._tell_trouble(source, str(error))

    def _tell_trouble(self, source: str, reason: str) -> None:
        """Say why nothing was delivered; not again while it lasts."""
        told = self._troubles.get(source)
        if told is None or told not in reason:
            say(f"{source}: {reason}")
            self._troubles[source] = reason

    def _tell_addresses(self) -> None:
        say(f"database handler  {self.store.connect().url}")
        for source, pipeline in self._pipelines.items():
            say(f"exporter          {pipeline.exporter_url}/metrics  ({source})")
        say("Sources are looked at again now and then; Ctrl-C stops everything.")

    def end(self) -> None:
        """Ask every exporter to end, and stop every scraper."""
        for pipeline in self._pipelines.values():
            pipeline.end()

    def stop(self) -> None:
        """Stop every exporter and scraper."""
        for pipeline in self._pipelines.values():
            pipeline.stop()
