"""Validation by all rules of each version, beside polars' reading of the same file as text.

`bench/rules.py [VERSION...]`: rounds turn by turn, medians with the slowest and the fastest;
the batches are in memory, as large as the exporter's.
"""

from __future__ import annotations

import argparse
import io
import statistics
from collections import defaultdict
from functools import partial

import polars as pl
from measure import timed
from reports import made_up, write_charges

from costwire_focus.batch import Batch
from costwire_focus.readers import open_report
from costwire_focus.rules import Validator, rules_of
from costwire_focus.versions import VERSIONS

_BATCH_BYTES = 4 << 20


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    reports = {version: made(version, args.rows) for version in args.versions}
    figures = defaultdict(list)
    for _ in range(args.rounds):
        for version, csv in reports.items():
            figures[version, "rules"].append(timed(partial(judge, read(csv), version)))
            figures[version, "polars"].append(timed(partial(pl.read_csv, csv, infer_schema=False)))
    print("| version | rules | rows/s | min - max | rows/CPU s | polars' reading, rows/s | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for version in args.versions:
        rules, polars = figures[version, "rules"], figures[version, "polars"]
        speeds = [args.rows / one["seconds"] for one in rules]
        speed = statistics.median(speeds)
        by_cpu = statistics.median(args.rows / one["cpu"] for one in rules)
        reading = statistics.median(args.rows / one["seconds"] for one in polars)
        print(
            f"| {version} | {len(rules_of(version))} | {speed:,.0f} "
            f"| {min(speeds):,.0f} - {max(speeds):,.0f} | {by_cpu:,.0f} "
            f"| {reading:,.0f} | {speed / reading:.2f} |"
        )


def made(version: str, rows: int) -> bytes:
    """A report of one cloud."""
    sink = io.BytesIO()
    for one in made_up(rows, version):
        write_charges(one.charges, sink)
    return sink.getvalue()


def read(csv: bytes) -> list[Batch]:
    """The batches of a report."""
    return list(open_report(io.BytesIO(csv), "report.csv", batch_bytes=_BATCH_BYTES).batches())


def judge(batches: list[Batch], version: str) -> None:
    """All rules over all batches."""
    validator = Validator(batches[0].charges.column_names, version)
    for batch in batches:
        validator.check(batch)
    assert validator.findings


if __name__ == "__main__":
    main()
