"""What is delivered: a manifest, its parts and its quarantine; here, as an exporter serves them."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol, get_args

import pyarrow as pa

from costwire_focus.errors import Unreadable
from costwire_focus.exposition.parse import Parser
from costwire_focus.manifest import ChangeKind, Exposition, Manifest
from costwire_scraper.blocks import line_blocks
from costwire_scraper.errors import BrokenExposition, DeliveryReplaced, WrongExposition
from costwire_scraper.exporter_client import ExporterClient
from costwire_scraper.handler_client import part_body
from costwire_scraper.transfer import Part
from costwire_scraper.verify import Sums, Tally, differences

QUARANTINE_IN_MEMORY = 1024 * 1024


class Progress(Protocol):
    """How far a shipment has come."""

    def expect(self, samples: int) -> None:
        """So many are to be decoded."""

    def decoded(self, samples: int, text_bytes: int) -> None:
        """A block of the text was decoded."""


class Shipment(Protocol):
    """A delivery on its way; the parts can be asked for again, with the same result."""

    @property
    def manifest(self) -> Manifest:
        """What the handler is told before anything is sent."""

    def parts(self, staged: Collection[int]) -> Iterator[Part]:
        """All parts in order, without the bodies of those that are staged already."""

    def changes(self) -> Iterator[Part]:
        """What the delivery changes in parts, the added ones first; none where it does not tell."""

    def quarantine(self) -> AbstractContextManager[IO[bytes]]:
        """The quarantined rows as NDJSON, in a file at its start."""


@dataclass(frozen=True)
class ServedShipment:
    """A delivery as an exporter with `/delivery` serves it, verified while it is read."""

    manifest: Manifest
    exporter: ExporterClient
    block_bytes: int
    progress: Progress
    spool_dir: Path | None = None

    def parts(self, staged: Collection[int]) -> Iterator[Part]:
        """Decode the exposition.

        The last part is given only after the whole text was found to be what the manifest promises:
        the last block of a text that was cut off is a wrong one.
        Raises: `BrokenExposition` on a text that is too short, `WrongExposition` on another one.
        """
        manifest = self.manifest
        self.progress.expect(manifest.exposition.samples)
        with self.exporter.exposition(manifest.id) as text:
            yield from self._parts(text, manifest.exposition, manifest.published_sums(), staged)

    def changes(self) -> Iterator[Part]:
        """Decode what was added, then what was removed, in the same way."""
        changes = self.manifest.changes
        if changes is None:
            return
        self.progress.expect(changes.added.samples + changes.removed.samples)
        for kind in get_args(ChangeKind):
            with self.exporter.changes(self.manifest.id, kind) as text:
                for part in self._parts(text, changes.of(kind), None, ()):
                    yield replace(part, kind=kind)

    def _parts(
        self,
        text: Iterable[bytes],
        promised: Exposition,
        sums: Sums | None,
        staged: Collection[int],
    ) -> Iterator[Part]:
        columns = self.manifest.label_columns()
        names = list(columns.values())
        parser = Parser(list(columns))
        tally = Tally()
        held_back: Part | None = None
        for seq, block in enumerate(line_blocks(text, self.block_bytes)):
            if held_back is not None:
                yield held_back
            charges = with_columns(_parsed(parser, block, columns), names)
            tally.add_text(block)
            if tally.bytes > promised.bytes + self.block_bytes:
                raise WrongExposition(
                    f"read exposition: it is longer than the {promised.bytes} bytes that the "
                    "manifest promises. Nothing was stored; something between exporter and "
                    "scraper changed the text"
                )
            tally.add_charges(charges)
            self.progress.decoded(charges.num_rows, len(block))
            body = None if seq in staged else part_body(charges)
            held_back = Part(seq, charges.num_rows, body)
        check(tally, promised, sums)
        if held_back is not None:
            yield held_back

    @contextmanager
    def quarantine(self) -> Iterator[IO[bytes]]:
        """The rows of `/quarantine`, as many as the manifest says."""
        folder = str(self.spool_dir) if self.spool_dir else None
        with tempfile.SpooledTemporaryFile(QUARANTINE_IN_MEMORY, dir=folder) as file:
            rows, promised = 0, self.manifest.rows.quarantined
            with self.exporter.quarantine(self.manifest.id) as pieces:
                for line in line_blocks(pieces, QUARANTINE_IN_MEMORY):
                    rows += line.count(b"\n")
                    if rows > promised:
                        break
                    file.write(line)
            if rows != promised:
                raise DeliveryReplaced(
                    f"read quarantine: {rows} rows or more instead of {promised}"
                    if rows > promised
                    else f"read quarantine: {rows} rows instead of {promised}"
                )
            file.seek(0)
            yield file


def _parsed(parser: Parser, block: bytes, columns: dict[str, str]) -> pa.Table:
    try:
        return parser.charges(block, columns)
    except Unreadable as error:
        if block.endswith(b"\n"):
            raise WrongExposition(str(error)) from error
        raise BrokenExposition("read exposition: it ended within a line") from error


def check(tally: Tally, promised: Exposition, sums: Sums | None) -> None:
    """Compare a whole exposition with what the manifest tells of it; `sums`: where it tells them.

    Raises: `BrokenExposition` when the text is too short, `WrongExposition` when it differs.
    """
    if tally.bytes < promised.bytes:
        raise BrokenExposition(
            f"read exposition: it ended after {tally.bytes} of {promised.bytes} bytes"
        )
    if found := differences(tally, promised, sums):
        raise WrongExposition(
            "verify exposition: it is not what the manifest promises: "
            + "; ".join(found)
            + ". Nothing was stored; something between exporter and scraper changed the text"
        )


def with_columns(charges: pa.Table, names: list[str]) -> pa.Table:
    """The charges with exactly these columns, in this order; an absent one is null throughout."""
    present = set(charges.column_names)
    absent = pa.nulls(charges.num_rows, pa.string())
    columns = [charges.column(name) if name in present else absent for name in names]
    return pa.table(columns, names=names)
