"""What other programs take for the same work: the baselines that stages are measured against."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path

import psutil
from measure import SAMPLE_ROWS, Figures, report, timed

GO = "COSTWIRE_BENCH_GO"
"""Names the compiled `baselines/main.go`; where it is not set, Go's stages are left out."""


def stage_duckdb_read_csv(folder: Path, _rows: int) -> Figures:
    """DuckDB's own CSV reader into a table on disk."""
    import duckdb

    path = folder / "baseline.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as sql:
        return timed(
            lambda: sql.execute(f"CREATE TABLE t AS FROM read_csv('{report(folder)}')").fetchall()
        )


def stage_polars_read_csv(folder: Path, _rows: int) -> Figures:
    """Polars reads the cells as text, all of them into memory, and types none."""
    import polars as pl

    if report(folder).stat().st_size > psutil.virtual_memory().total / 4:
        return {}
    return timed(lambda: pl.read_csv(report(folder), infer_schema=False))


def stage_python_render(folder: Path, rows: int) -> Figures:
    """A sample per row with Python's prometheus_client, from a small CSV."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily

    class Rows:
        def collect(self) -> list[GaugeMetricFamily]:
            with (folder / "sample.csv").open(newline="") as file:
                reader = csv.reader(file)
                names = next(reader)
                family = GaugeMetricFamily("billed_cost", "", labels=names)
                cost = names.index("BilledCost")
                for row in reader:
                    family.add_metric(row, float(row[cost] or "nan"))
            return [family]

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rows())
    return timed(lambda: generate_latest(registry)) | _small(rows)


def stage_python_parse(folder: Path, rows: int) -> Figures:
    """The parser of Python's prometheus_client, over the text of the small report."""
    from prometheus_client.parser import text_string_to_metric_families

    path = folder / "sample.prom"
    text = path.read_text()
    figures = timed(lambda: list(text_string_to_metric_families(text)))
    return figures | _small(rows) | {"bytes": path.stat().st_size}


def stage_go_render(folder: Path, _rows: int) -> Figures:
    """A gauge per row with client_golang, encoded by promhttp, from the small CSV."""
    return _go("render", folder / "sample.csv")


def stage_go_parse(folder: Path, _rows: int) -> Figures:
    """Go's expfmt over the text of the small report."""
    return _go("parse", folder / "sample.prom")


def _go(act: str, path: Path) -> Figures:
    program = os.environ.get(GO)
    if not program:
        return {}
    done = subprocess.run([program, act, str(path)], stdout=subprocess.PIPE, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def _small(rows: int) -> Figures:
    return {"rows": min(rows, SAMPLE_ROWS)}
