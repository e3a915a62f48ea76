"""A VictoriaMetrics of one node that scrapes what a test names."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.needs import lack
from tests.support.processes import free_port
from tests.support.programs import running


@contextmanager
def victoria_metrics(folder: Path, scrape: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Its address; `folder`: of its data and log, `scrape`: scrape configurations."""
    told = os.environ.get("COSTWIRE_TEST_VICTORIA_METRICS") or "victoria-metrics"
    program = shutil.which(told)
    if program is None:
        lack(
            "victoria-metrics",
            f"{told} is not on PATH; apt-get install --no-install-recommends victoria-metrics",
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scrape.yaml"
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [*scrape]}
    file.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"-promscrape.config={file}",
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr={address}",
        "-memory.allowedBytes=64MiB",
    ]
    with running(command, folder / "victoria-metrics.log", f"http://{address}/health"):
        yield f"http://{address}"
