"""How a real Prometheus finds and scrapes the exporters. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from costwire_simulator.exporters.targets import JOBS
from costwire_simulator.targets import Target

TARGETS_PATH = "/targets"


def discovered(targets: Iterable[Target], address: str) -> list[dict[str, Any]]:
    """Targets as Prometheus' HTTP discovery takes them; `address`: host and port of all of them."""
    return [
        {
            "targets": [address],
            "labels": {"__metrics_path__": target.path, **target.labels},
        }
        for target in targets
    ]


def scrape_config(
    url: str, *, cluster: str | None = None, interval_seconds: float = 15.0
) -> dict[str, Any]:
    """A configuration of Prometheus that scrapes the simulator at `url`; as JSON it is YAML too.

    `cluster`: that of one alone, as its own Prometheus would; else of all.
    """
    interval = f"{round(interval_seconds * 1000)}ms"
    of_cluster = f"&cluster={cluster}" if cluster else ""
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": honor,
                "honor_timestamps": False,
                "http_sd_configs": [{"url": f"{url}{TARGETS_PATH}?job={job}{of_cluster}"}],
            }
            for job, honor in JOBS.items()
        ],
    }
