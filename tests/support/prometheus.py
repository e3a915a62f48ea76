"""A real Prometheus server that scrapes what a test names, and its query API."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.needs import executable
from tests.support.processes import answers, free_port, local_get
from tests.support.waiting import until

STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Job:
    """What is scraped: an exporter, and the parameters of its /metrics."""

    name: str
    url: str
    by: str | None = None
    http: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the job: `tls_config`, `basic_auth`."""

    def config(self) -> dict[str, Any]:
        """As in Prometheus' configuration file."""
        return {
            "job_name": self.name,
            "scheme": urlsplit(self.url).scheme,
            **self.http,
            "params": {"by": [self.by]} if self.by else {},
            "static_configs": [{"targets": [urlsplit(self.url).netloc]}],
        }


class Prometheus:
    """The server; leaving it ends it."""

    def __init__(self, folder: Path, jobs: Sequence[Job]) -> None:
        """`folder`: of its data and log."""
        self._program = executable("prometheus")
        self._folder = folder
        self._jobs = jobs
        self.url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> Self:
        config = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [job.config() for job in self._jobs],
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "prometheus.yml"
        path.write_text(json.dumps(config))  # JSON is YAML
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={path}",
                    f"--storage.tsdb.path={self._folder / 'tsdb'}",
                    f"--web.listen-address={urlsplit(self.url).netloc}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until("Prometheus is ready", lambda: answers(f"{self.url}/-/ready"), 60)
            until("everything is scraped", self._has_scraped_all, 60)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _has_scraped_all(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        up = {labels["job"] for labels, value in self.query("up") if value == 1.0}
        return up == {job.name for job in self._jobs}

    def query(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """The samples of an instant query: labels and value."""
        found = self._ask("query", query=expression)["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def series(self, match: str) -> list[Mapping[str, str]]:
        """The labels of all series that match."""
        return list(self._ask("series", **{"match[]": match}))

    def _ask(self, what: str, **params: str) -> Any:
        answer = local_get(f"{self.url}/api/v1/{what}", params).json()
        assert answer["status"] == "success", answer
        return answer["data"]


def remarks_of_promtool(text: bytes) -> list[str]:
    """What `promtool check metrics` says of an exposition; fails the test when it cannot parse."""
    done = subprocess.run(
        [executable("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = done.stderr.decode().splitlines()
    assert done.returncode in (0, 3), said
    return [line for line in said if line]
