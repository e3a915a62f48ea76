"""One stage of the bench in its own process: `stages.py STAGE FOLDER ROWS`, figures as JSON.

A stage is a function `stage_<name>`, here or in one of MODULES. It works on the files that
`generate` wrote into the folder, and on what the stages before it left there; it can be run again.
It gives its figures, or those of several things by name; none where it cannot be run.
"""

from __future__ import annotations

import json
import random
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from measure import NEWEST_ROWS, Figures, Stopwatch, emptied, report, store_bytes, timed
from reports import parts_of

MODULES = ("reports", "pipeline", "others", "queries", "services", "history")


def main() -> None:
    """Run the stage; what it takes includes nothing of importing."""
    stage, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    figures = named(stage)(folder, rows)
    if "seconds" in figures:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        figures.setdefault("rss", usage.ru_maxrss * 1024)
    told = {stage: figures} if "seconds" in figures else figures
    print(json.dumps(told))


def named(stage: str) -> Callable[[Path, int], Figures]:
    """The function of a stage."""
    name = f"stage_{stage}"
    modules = (import_module(module) for module in MODULES)
    found: Callable[[Path, int], Figures] | None = globals().get(name) or next(
        (getattr(module, name) for module in modules if hasattr(module, name)), None
    )
    if found is None:
        raise SystemExit(f"{stage}: there is no such stage")
    return found


def stage_validate(folder: Path, _rows: int) -> Figures:
    """CSV to columns of text, with the second count; and all rules over what was read."""
    read, rules = checked(report(folder), "1.0")
    return {"read": read, "validate": rules}


def stage_validate_newest(folder: Path, rows: int) -> Figures:
    """All rules of the version that has the most."""
    from costwire_focus.columns import VERSIONS

    _, rules = checked(folder / "newest.csv", VERSIONS[-1])
    return rules | {"rows": min(rows, NEWEST_ROWS)}


def checked(source: Path, version: str) -> tuple[Figures, Figures]:
    """Reading in batches as large as those of the exporter, and the rules over each batch."""
    from costwire_focus.readers import open_report
    from costwire_focus.rules import Validator

    reading, judging = Stopwatch(), Stopwatch()
    with source.open("rb") as stream:
        opened = open_report(stream, source.name, batch_bytes=4 << 20)
        validator, batches = Validator(opened.names, version), opened.batches()
        while True:
            with reading:
                batch = next(batches, None)
            if batch is None:
                break
            with judging:
                validator.check(batch)
    assert validator.findings
    return reading.figures, judging.figures


def stage_publish(folder: Path, rows: int) -> Figures:
    """CSV to a delivery on the exporter's shelf: read, validated, rendered, compressed, hashed."""
    from costwire_exporter.identity import Meaning, shelf_key
    from costwire_exporter.publish import Publisher
    from costwire_exporter.shelf import Shelf
    from costwire_exporter.text import EXPOSITION
    from costwire_sources.opening import open_source

    meaning = Meaning(
        table="charges", mode="replace", period=(), currency=None, dates=None, focus_version=None
    )
    publisher = Publisher(
        meaning,
        Shelf(emptied(folder / "shelf"), shelf_key("bench", meaning)),
        level=1,
        on_progress=lambda _: None,
        is_stopping=lambda: False,
    )
    reading = open_source(str(report(folder))).poll(None)
    assert reading is not None
    with reading:
        figures = timed(lambda: publisher(reading))
    delivery = published(folder)
    return figures | {
        "csv_bytes": report(folder).stat().st_size,
        "text_bytes": delivery.manifest["exposition"]["bytes"],
        "shelf_bytes": (delivery.folder / EXPOSITION).stat().st_size,
    }


def published(folder: Path) -> Any:
    """The delivery that `publish` left."""
    from costwire_exporter.shelf import MANIFEST, Delivery

    return Delivery.load(next((folder / "shelf").rglob(MANIFEST)).parent)


def stage_parse(folder: Path, _rows: int) -> Figures:
    """Exposition to columns, a block at a time; decompressing is not counted."""
    import zstandard

    from costwire_exporter.text import EXPOSITION
    from costwire_focus.exposition.parse import Parser

    delivery = published(folder)
    labels = {column["label"]: column["name"] for column in delivery.manifest["columns"]}
    parser, watch, rest, size = Parser(list(labels)), Stopwatch(), b"", 0
    with zstandard.open(delivery.folder / EXPOSITION, "rb") as stream:
        while read := stream.read(8 << 20):
            text = rest + read
            end = text.rfind(b"\n") + 1
            block, rest = text[:end], text[end:]
            size += len(block)
            with watch:
                parser.charges(block, labels)
    return watch.figures | {"bytes": size}


def stage_sums_by(folder: Path, _rows: int) -> Figures:
    """The first `/metrics?by=ServiceName,RegionId` of a delivery: its exact sums, in few series."""
    from costwire_exporter.aggregate import aggregate

    delivery, columns = published(folder), ("BillingCurrency", "RegionId", "ServiceName")
    return timed(lambda: aggregate(delivery, columns, 10_000))


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


def deliver(folder: Path, source: Path, *, shuffled: bool = False) -> Figures:
    """Stage and commit a report into the store of the folder, without HTTP."""
    from costwire_db_handler.decide import Thresholds
    from costwire_db_handler.stores import StoreLimits, open_store

    manifest, tables = parts_of(source)
    if shuffled:
        random.Random(1).shuffle(tables)  # noqa: S311
    # The parts are mapped into this process: its memory is no measure of the store's.
    limits = StoreLimits(process_memory_mib=1 << 20)
    opened = open_store(folder / "store", thresholds=Thresholds(), limits=limits)
    figures = timed(lambda: settle(opened.own, manifest, tables))
    opened.close()
    return figures | {"rss": None, "store_bytes": store_bytes(folder / "store")}


def stage_store_first(folder: Path, _rows: int) -> Figures:
    """Columns to queryable charges in DuckDB: typed, hashed, staged, committed."""
    emptied(folder / "store")
    return deliver(folder, report(folder))


def stage_store_unchanged(folder: Path, _rows: int) -> Figures:
    """The same charges again, in another order."""
    return deliver(folder, report(folder), shuffled=True)


def stage_store_changed(folder: Path, _rows: int) -> Figures:
    """The charges a day later, one in a hundred changed."""
    return deliver(folder, folder / "changed.csv")


if __name__ == "__main__":
    main()
