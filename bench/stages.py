"""One stage of the bench in its own process: `stages.py STAGE FOLDER ROWS`, figures as JSON."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the stage; what it takes includes nothing of importing."""
    stage, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    work: Callable[[Path, int], dict[str, Any]] = globals()[f"stage_{stage}"]
    figures = work(folder, rows)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures.setdefault("rss", usage.ru_maxrss * 1024)
    print(json.dumps(figures))


def timed(work: Callable[[], Any]) -> dict[str, Any]:
    """Wall and CPU seconds of a piece of work."""
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}


def report(folder: Path) -> Path:
    """The report that all stages work on."""
    return folder / "report.csv"


def stage_generate(folder: Path, rows: int) -> dict[str, Any]:
    """The report, and beside it the same a day later with one charge in a hundred corrected."""
    from costwire_focus.estates import Estate, generate, redeliver, write_csv

    estate = Estate(seed=7, rows=rows, rows_per_file=rows, clouds=("aws",), focus_version="1.0")
    made = []

    def write() -> None:
        with report(folder).open("wb") as sink:
            for one in generate(estate):
                made.append(one)
                write_csv(one.charges, sink)

    figures = timed(write)
    (only,) = made
    later = redeliver(only, 8, corrected=rows // 100, withdrawn=0, new=0)
    with (folder / "changed.csv").open("wb") as sink:
        write_csv(later.charges, sink)
    return figures


def stage_duckdb_read_csv(folder: Path, _rows: int) -> dict[str, Any]:
    """The baseline: DuckDB's own CSV reader into a table on disk."""
    import duckdb

    with duckdb.connect(folder / "baseline.duckdb") as sql:
        return timed(
            lambda: sql.execute(f"CREATE TABLE t AS FROM read_csv('{report(folder)}')").fetchall()
        )


def stage_polars_read_csv(folder: Path, _rows: int) -> dict[str, Any]:
    """What validation is measured against: polars reads the same cells as text, and types none."""
    import polars as pl

    return timed(lambda: pl.read_csv(report(folder), infer_schema=False))


def stage_read(folder: Path, _rows: int) -> dict[str, Any]:
    """CSV to columns of text, with the second count."""
    from costwire_focus.readers import open_report

    def read() -> None:
        with report(folder).open("rb") as stream:
            for _ in open_report(stream, "report.csv").batches():
                pass

    return timed(read)


def stage_validate(folder: Path, _rows: int) -> dict[str, Any]:
    """All rules over batches that are in memory, as large as those of the exporter."""
    from costwire_focus.readers import open_report
    from costwire_focus.rules import Validator

    with report(folder).open("rb") as stream:
        opened = open_report(stream, "report.csv", batch_bytes=4 << 20)
        batches = list(opened.batches())
    validator = Validator(opened.names, "1.0")

    def validate() -> None:
        for batch in batches:
            validator.check(batch)
        assert validator.findings

    return timed(validate)


def stage_publish(folder: Path, _rows: int) -> dict[str, Any]:
    """CSV to a delivery on the exporter's shelf: read, validated, rendered, compressed, hashed."""
    from costwire_exporter.identity import Meaning, shelf_key
    from costwire_exporter.publish import Publisher
    from costwire_exporter.shelf import Shelf
    from costwire_sources.opening import open_source

    meaning = Meaning(
        table="charges", mode="replace", period=(), currency=None, dates=None, focus_version=None
    )
    publisher = Publisher(
        meaning,
        Shelf(folder / "shelf", shelf_key("bench", meaning)),
        level=1,
        on_progress=lambda _: None,
        is_stopping=lambda: False,
    )
    reading = open_source(str(report(folder))).poll(None)
    with reading:
        return timed(lambda: publisher(reading))


def exposition(folder: Path) -> tuple[dict[str, str], bytes]:
    """The labels and the text of what `publish` left."""
    import zstandard

    manifest_file = next((folder / "shelf").rglob("manifest.json"))
    manifest = json.loads(manifest_file.read_text())
    compressed = next(manifest_file.parent.glob("*.zst"))
    with zstandard.open(compressed, "rb") as stream:
        text = stream.read()
    return {column["label"]: column["name"] for column in manifest["columns"]}, text


def stage_parse(folder: Path, _rows: int) -> dict[str, Any]:
    """Exposition to columns, a block at a time."""
    from costwire_focus.exposition.parse import Parser

    labels, text = exposition(folder)
    blocks, start = [], 0
    while start < len(text):
        end = text.rfind(b"\n", start, start + (8 << 20)) + 1
        blocks.append(text[start:end])
        start = end
    parser = Parser(list(labels))

    def parse() -> None:
        for block in blocks:
            parser.charges(block, labels)

    figures = timed(parse)
    figures["megabytes_per_second"] = len(text) / 1e6 / figures["seconds"]
    return figures


def manifest_of(source: Path) -> tuple[Any, list[Any]]:
    """A manifest of a report as its exporter would tell it, and the report's charges in parts."""
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

    sums = CostSums()
    with source.open("rb") as stream:
        opened = open_report(stream, source.name, batch_bytes=8 << 20)
        tables = [batch.charges for batch in opened.batches()]
    for table in tables:
        sums.add(table)
    rows = sum(table.num_rows for table in tables)
    now = datetime.now(UTC)
    manifest = Manifest(
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
    return manifest, tables


def _now() -> datetime:
    return datetime.now(UTC)


def settle(store: Any, manifest: Any, tables: list[Any]) -> Any:
    """Open, stage and commit a delivery; gives the ledger's entry.

    Two parts are staged at a time, as the scraper posts them.
    """
    entry = store.open_delivery(manifest, _now)
    with ThreadPoolExecutor(2) as pool:
        posts = [
            pool.submit(store.stage_part, entry.commit, seq, table, str(seq))
            for seq, table in enumerate(tables)
        ]
        for post in posts:
            post.result()
    return store.commit(entry.commit, _now)


def deliver(folder: Path, source: Path, *, shuffled: bool = False) -> dict[str, Any]:
    """Stage and commit a report into the store of the folder, without HTTP."""
    from costwire_db_handler.decide import Thresholds
    from costwire_db_handler.stores import StoreLimits, open_store

    manifest, tables = manifest_of(source)
    if shuffled:
        random.Random(1).shuffle(tables)  # noqa: S311
    opened = open_store(folder / "store", thresholds=Thresholds(), limits=StoreLimits())
    figures = timed(lambda: settle(opened.own, manifest, tables))
    opened.close()
    return figures


def stage_store_first(folder: Path, _rows: int) -> dict[str, Any]:
    """Columns to queryable charges in DuckDB: typed, hashed, staged, committed."""
    return deliver(folder, report(folder))


def stage_store_unchanged(folder: Path, _rows: int) -> dict[str, Any]:
    """The same charges again, in another order."""
    return deliver(folder, report(folder), shuffled=True)


def stage_store_changed(folder: Path, _rows: int) -> dict[str, Any]:
    """The charges a day later, one in a hundred changed."""
    return deliver(folder, folder / "changed.csv")


def run_pipeline(folder: Path, source: Path) -> dict[str, Any]:
    """`costwire run --once` as a user calls it, and what its processes took."""
    from processes import watched

    command = [sys.executable, "-m", "costwire_cli", "run", str(source), "--once"]
    options = ["--data", str(folder / "data"), "--source", "bench"]
    start = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    with watched(process.pid) as figures:
        status = process.wait(timeout=3_600)
        seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"costwire run ended with status {status}")
    seen = figures.seen
    return {
        "seconds": seconds,
        "cpu": sum(process["cpu"] for process in seen.values()),
        "rss": max(process["rss"] for process in seen.values()),
        "processes": seen,
    }


def stage_pipeline_first(folder: Path, _rows: int) -> dict[str, Any]:
    """CSV on disk to queryable, the first time."""
    return run_pipeline(folder, report(folder))


def stage_pipeline_changed(folder: Path, _rows: int) -> dict[str, Any]:
    """The same a day later, one charge in a hundred changed."""
    return run_pipeline(folder, folder / "changed.csv")


if __name__ == "__main__":
    main()
