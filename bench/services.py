"""How long each service takes to start, what it does with nothing to do, and how large it is."""

from __future__ import annotations

import re
import time
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Self

import psutil
from measure import Figures, emptied
from processes import ProcessFigures
from reports import made_up, write_csv

NAMES = ("db-handler", "exporter", "scraper")
IDLE_SECONDS = 5.0
FEW = 100
"""Charges, where their number does not matter."""
_SETTLED_SECONDS = 2.0
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(.*)")


class Services:
    """A handler, an exporter and a scraper of one source, started one after the other."""

    def __init__(self, folder: Path, source: Path, **settings: str) -> None:
        """`folder`: is emptied. `settings`: of the exporter and the scraper, without prefix."""
        self.folder = emptied(folder)
        self.folder.mkdir()
        self._source, self._settings = source, settings
        self._addresses: dict[str, str] = {}
        self._started: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for service in reversed(self._started):
            service.stop()

    def start(self, name: str) -> float:
        """Start one; gives the seconds until it was ready."""
        from costwire_cli.services import Service

        service = Service(
            name,
            {"PORT": "0"} | self._settings_of(name),
            log=self.log(name),
            address_file=self.folder / f"{name}.address",
        )
        start = time.perf_counter()
        self._started.append(service)
        service.start()
        self._addresses[name] = service.wait_for_address()
        service.wait_until_ready(self._addresses[name])
        return time.perf_counter() - start

    def log(self, name: str) -> Path:
        """Where a service writes its log."""
        return self.folder / f"{name}.log"

    def _settings_of(self, name: str) -> dict[str, str]:
        data = {"DATA_DIR": str(self.folder / name)}
        if name == "exporter":
            return data | {"SOURCE": str(self._source)} | self._settings
        if name == "scraper":
            return self._settings | {
                "EXPORTER_URL": self._addresses["exporter"],
                "HANDLER_URL": self._addresses["db-handler"],
                "HANDLER_PASSWORD_FILE": str(self.folder / "db-handler" / "admin.password"),
            }
        return data


def stage_services(folder: Path, _rows: int) -> Figures:
    """Each started alone, one after the other, until it is ready; then all left alone."""
    write_csv(folder / "tiny.csv", made_up(FEW))
    with Services(folder / "services", folder / "tiny.csv") as services:
        seconds = {name: services.start(name) for name in NAMES}
        time.sleep(_SETTLED_SECONDS)
        before = looked()
        time.sleep(IDLE_SECONDS)
        after = looked()
    return {
        f"start {name}": {
            "seconds": seconds[name],
            "cpu": before[name]["cpu"],
            "rss": after[name]["rss"],
            "idle_cpu": (after[name]["cpu"] - before[name]["cpu"]) / IDLE_SECONDS,
            "installed_bytes": installed_bytes(f"costwire-{name}"),
        }
        for name in NAMES
    }


def looked() -> dict[str, dict[str, float]]:
    """CPU seconds and memory of the services that run below this process, by name."""
    figures = ProcessFigures()
    figures.look(psutil.Process())
    return figures.seen


def installed_bytes(package: str) -> int:
    """Of a package and all that it requires, as installed here, with what is compiled.

    An image holds that, and its base with Python on top.
    """
    found: dict[str, Distribution] = {}
    _require(package, found)
    return sum(_size(one) for one in found.values())


def _require(package: str, found: dict[str, Distribution]) -> None:
    name = package.lower().replace("_", "-")
    if name in found:
        return
    try:
        found[name] = distribution(package)
    except PackageNotFoundError:  # for another system, or another Python
        return
    for line in found[name].requires or ():
        match = _REQUIREMENT.match(line)
        if match and "extra ==" not in match[2]:
            _require(match[1], found)


def _size(one: Distribution) -> int:
    files = [Path(str(one.locate_file(file))) for file in one.files or ()]
    return sum(file.stat().st_size for file in files if file.is_file())
