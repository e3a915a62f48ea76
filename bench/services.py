"""How long each service takes to start, what it does with nothing to do, and how large it is."""

from __future__ import annotations

import re
import time
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import psutil
from measure import Figures, emptied
from processes import ProcessFigures
from reports import made_up, write_csv

IDLE_SECONDS = 5.0
ROWS = 100
_SETTLED_SECONDS = 2.0
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(.*)")


def stage_services(folder: Path, _rows: int) -> Figures:
    """Each started alone, one after the other, until it is ready; then all left alone."""
    from costwire_cli.services import Service

    place = emptied(folder / "services")
    place.mkdir()
    write_csv(place / "report.csv", made_up(ROWS))
    addresses: dict[str, str] = {}
    services, figures = [], {}
    try:
        for name in ("db-handler", "exporter", "scraper"):
            service = Service(
                name,
                settings_of(name, place, addresses),
                log=place / f"{name}.log",
                address_file=place / f"{name}.address",
            )
            start = time.perf_counter()
            services.append(service)
            service.start()
            addresses[name] = service.wait_for_address()
            service.wait_until_ready(addresses[name])
            figures[name] = {"seconds": time.perf_counter() - start}
        time.sleep(_SETTLED_SECONDS)
        before = looked()
        time.sleep(IDLE_SECONDS)
        after = looked()
    finally:
        for service in reversed(services):
            service.stop()
    for name, told in figures.items():
        told["cpu"], told["rss"] = before[name]["cpu"], after[name]["rss"]
        told["idle_cpu"] = (after[name]["cpu"] - before[name]["cpu"]) / IDLE_SECONDS
        told["installed_bytes"] = installed_bytes(f"costwire-{name}")
    return {f"start {name}": told for name, told in figures.items()}


def settings_of(name: str, place: Path, addresses: dict[str, str]) -> dict[str, str]:
    """The settings of a service that works with those that were started before it."""
    if name == "exporter":
        return {"PORT": "0", "DATA_DIR": str(place / name), "SOURCE": str(place / "report.csv")}
    if name == "scraper":
        return {
            "PORT": "0",
            "EXPORTER_URL": addresses["exporter"],
            "HANDLER_URL": addresses["db-handler"],
            "HANDLER_PASSWORD_FILE": str(place / "db-handler" / "admin.password"),
        }
    return {"PORT": "0", "DATA_DIR": str(place / name)}


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
