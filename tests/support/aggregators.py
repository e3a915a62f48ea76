"""The aggregator in this process, over servers that a test has started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from costwire_aggregator.app import create_app
from costwire_aggregator.settings import Settings
from costwire_runtime.asgi import AsgiAdapter

Json = dict[str, Any]
_URL = "http://aggregator.test"


class Aggregator:
    """What it answers; each answer is a new one."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def get(self, path: str) -> requests.Response:
        """An answer that is no failure."""
        answer = self._session.get(f"{_URL}{path}", timeout=30)
        answer.raise_for_status()
        return answer

    def topology(self) -> Json:
        """What it tells of clusters, and of series that it did not use."""
        told = self.get("/v1/topology").json()
        return {part: told[part] for part in ("clusters", "notes") if told.get(part)}

    def icos_document(self) -> Json:
        """The same for the document of ICOS, without the times of its targets."""
        told: Json = self.get("/").json()
        told.pop("timestamp", None)
        return told


@contextmanager
def an_aggregator(folder: Path, *upstreams: Mapping[str, Any]) -> Iterator[Aggregator]:
    """`upstreams`: as in their file, without their names, which are a, b, c, ..."""
    file = folder / "upstreams.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    named = [{"name": name, **one} for name, one in zip("abcdef", upstreams, strict=False)]
    file.write_text(yaml.safe_dump({"upstreams": named}), encoding="utf-8")
    given: dict[str, Any] = {"port": 0, "upstreams_file": file, "deadline_seconds": 30}
    settings = Settings(**given, fresh_seconds=0, stale_seconds=0)
    with AsgiAdapter(create_app(settings)) as transport, requests.Session() as session:
        session.mount(_URL, transport)
        yield Aggregator(session)
