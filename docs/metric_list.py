"""Writes docs/metrics.md from the services' own registries: `python docs/metric_list.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from costwire_aggregator import metrics as aggregator
from costwire_db_handler import metrics as db_handler
from costwire_exporter import metrics as exporter
from costwire_runtime.metrics import SHARED_METRICS, Metric
from costwire_scraper import metrics as scraper

INTRODUCTION = """\
# Metrics

What do the services tell of themselves? Each one answers `/-/metrics` in Prometheus text; process
metrics (`process_*`) stand beside these. Costs are elsewhere: the exporter's `/metrics?by=` is what
a Prometheus server should keep. This page is written by `make docs`.
"""


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(page())


def page() -> str:
    """The whole page."""
    sections = [INTRODUCTION]
    for module in (exporter, scraper, db_handler, aggregator):
        service = module.SERVICE
        sections.append(section(service.replace("_", "-"), service, module.ALL_METRICS))
    sections.append(section("Every service", "<service>", SHARED_METRICS))
    return "\n".join(sections)


def section(title: str, service: str, metrics: Iterable[Metric]) -> str:
    """A table of one service's metrics."""
    lines = [f"## {title}", "", "| metric | labels | what it tells |", "| --- | --- | --- |"]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.full_name(service)}` | {labels} | {metric.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
