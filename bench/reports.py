"""The reports that stages work on, and their charges in the parts in which a scraper posts them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measure import NEWEST_ROWS, SAMPLE_ROWS, Figures, Stopwatch, report

_FILE_ROWS = 1_000_000
"""Charges that are made up at a time."""
_PART_BYTES = 4 << 20
"""Of CSV: its exposition has the size of a scraper's part."""


def stage_generate(folder: Path, rows: int) -> Figures:
    """The report, and the same a day later with one charge in a hundred corrected.

    Beside them: their charges in the parts in which a scraper posts them, a report of the newest
    version, and for the slow ways of others a small report and its text.
    """
    from costwire_focus.columns import VERSIONS

    watch = Stopwatch()
    with report(folder).open("wb") as sink, (folder / "changed.csv").open("wb") as changed:
        for number, one in enumerate(made_up(rows)):
            with watch:
                write_charges(one.charges, sink, header=not number)
            write_charges(day_later(one).charges, changed, header=not number)
    for source in (report(folder), folder / "changed.csv"):
        write_parts(source)
    write_csv(folder / "newest.csv", made_up(min(rows, NEWEST_ROWS), VERSIONS[-1]))
    (small,) = made_up(min(rows, SAMPLE_ROWS))
    write_csv(folder / "sample.csv", [small])
    (folder / "sample.prom").write_bytes(rendered(small.charges))
    return watch.figures


def made_up(rows: int, focus_version: str = "1.0", month: str = "2024-09") -> Iterator[Any]:
    """Reports of one cloud and month, as many charges in all."""
    from costwire_focus.estates import Estate, generate

    return generate(
        Estate(
            seed=7,
            rows=rows,
            rows_per_file=_FILE_ROWS,
            clouds=("aws",),
            months=(month,),
            focus_version=focus_version,
        )
    )


def day_later(one: Any) -> Any:
    """A report with one charge in a hundred corrected."""
    from costwire_focus.estates import redeliver

    return redeliver(one, 8, corrected=one.charges.num_rows // 100, withdrawn=0, new=0)


def write_csv(path: Path, reports: Iterable[Any]) -> None:
    """Reports as one CSV file."""
    with path.open("wb") as sink:
        for number, one in enumerate(reports):
            write_charges(one.charges, sink, header=not number)


def write_charges(charges: Any, sink: Any, *, header: bool = True) -> None:
    """Charges as CSV."""
    from costwire_focus.estates.csv_text import csv_chunks

    chunks = csv_chunks(charges)
    first = next(chunks)
    sink.writelines([first] if header else [])
    sink.writelines(chunks)


def rendered(charges: Any) -> bytes:
    """Charges as the exporter's text."""
    from costwire_focus.exposition.render import Renderer

    renderer = Renderer(charges.column_names)
    return b"".join((renderer.header(), renderer.render(charges), renderer.footer()))


def manifest_of(source: Path) -> tuple[Any, list[Any]]:
    """A manifest of a report as its exporter would tell it, and the report's charges in parts."""
    tables: list[Any] = []
    return kept(source, tables.append), tables


def kept(source: Path, keep: Callable[[Any], object]) -> Any:
    """Give each part of a report away as a scraper sends it; the manifest of all of them."""
    import pyarrow as pa

    from costwire_focus.amounts import CostSums
    from costwire_focus.manifest import (
        ColumnLabel,
        CostSum,
        Exposition,
        Manifest,
        ManifestTimes,
        RowCounts,
    )
    from costwire_focus.readers import open_report
    from costwire_focus.repeats import each_once

    sums, rows = CostSums(), 0
    with source.open("rb") as stream:
        opened = open_report(stream, source.name, batch_bytes=_PART_BYTES)
        for batch in opened.batches():
            charges = batch.charges
            sums.add(charges)
            rows += charges.num_rows
            keep(pa.table([*map(each_once, charges.columns)], names=charges.column_names))
    now = datetime.now(UTC)
    return Manifest(
        id=hashlib.sha256(os.urandom(8)).hexdigest(),
        table="charges",
        source="bench",
        generation=now,
        focus_version="1.0",
        columns=[ColumnLabel(name=name, label=name) for name in opened.names],
        rows=RowCounts(read=rows, published=rows, quarantined=0),
        sums={
            currency: {
                name: total and CostSum(read=total, published=total, quarantined="0")
                for name, total in lines.items()
            }
            for currency, lines in sums.to_json().items()
        },
        exposition=Exposition(samples=rows, bytes=0, sha256="0" * 64, renderer=1),
        times=ManifestTimes(read=now),
    )


def write_parts(source: Path) -> None:
    """Keep a report's parts and its manifest beside it, where `parts_of` finds them."""
    import pyarrow as pa

    writer: Any = None

    def keep(charges: Any) -> None:
        nonlocal writer
        writer = writer or pa.ipc.new_stream(source.with_suffix(".arrow"), charges.schema)
        writer.write_table(charges)

    source.with_suffix(".json").write_text(kept(source, keep).to_json())
    writer.close()


def parts_of(source: Path) -> tuple[Any, list[Any]]:
    """What `manifest_of` gives, from the disk; the memory of the parts is the page cache's."""
    import pyarrow as pa

    from costwire_focus.manifest import Manifest

    manifest = Manifest.model_validate_json(source.with_suffix(".json").read_text())
    new = {"id": hashlib.sha256(os.urandom(8)).hexdigest(), "generation": datetime.now(UTC)}
    stream = pa.ipc.open_stream(pa.memory_map(str(source.with_suffix(".arrow"))))
    return manifest.model_copy(update=new), [pa.Table.from_batches([part]) for part in stream]
