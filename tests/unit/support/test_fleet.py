"""A fleet has the store that the tests are told, and leaves it when its processes do not start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import fleet
from tests.support.processes import ServiceProcess

URL = "http://cratedb.test:4200"


class NotStarted(Exception):
    """Nothing runs in these tests."""


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The data folders whose share of a CrateDB was given back; no process starts."""
    folders: list[Path] = []

    @contextmanager
    def for_handler(data: Path) -> Iterator[dict[str, str]]:
        yield {"cratedb_urls": URL}
        folders.append(data)

    def start(process: ServiceProcess) -> ServiceProcess:
        raise NotStarted(process.name, process._environment)

    monkeypatch.setattr(fleet, "for_handler", for_handler)
    monkeypatch.setattr(ServiceProcess, "start", start)
    return folders


@pytest.mark.parametrize("on_cratedb", [True, False])
def test_handler_has_the_store_that_the_tests_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: list[Path], on_cratedb: bool
) -> None:
    monkeypatch.setattr(fleet, "ON_CRATEDB", on_cratedb)
    with pytest.raises(NotStarted) as told:
        fleet.Fleet(tmp_path, {}, table="charges")
    name, settings = told.value.args
    assert name == "db-handler"
    assert settings.get("HANDLER_CRATEDB_URLS") == (URL if on_cratedb else None)
    assert left == ([tmp_path / "data"] if on_cratedb else [])
