"""A real Prometheus by its scrape configurations, and when servers like it have scraped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.needs import executable
from tests.support.processes import free_port, local_get
from tests.support.programs import running
from tests.support.waiting import until


@contextmanager
def a_prometheus(
    folder: Path,
    scrape: Sequence[Mapping[str, Any]],
    external_labels: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Its address; `folder`: of its data (`tsdb`) and log."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "prometheus.yml"
    common = {"scrape_interval": "1s", "external_labels": external_labels or {}}
    file.write_text(json.dumps({"global": common, "scrape_configs": scrape}))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    command = [
        executable("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with running(command, folder / "prometheus.log", f"http://{address}/-/ready"):
        yield f"http://{address}"


def wait_until_scraped(server: str, targets: int) -> None:
    """Wait until a server, by its address, has scraped all targets twice: then rates are known."""
    asked = {"query": "count(sum_over_time(up[5m]) >= 2)", "nocache": "1"}

    def has_scraped() -> bool:
        answer = local_get(f"{server}/api/v1/query", asked).json()
        return [one["value"][1] for one in answer["data"]["result"]] == [str(targets)]

    until("everything is scraped twice", has_scraped, 60)
