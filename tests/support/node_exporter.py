"""Debian's node exporter, of this machine or of one that is made up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.needs import lack
from tests.support.processes import free_port
from tests.support.programs import running

_PACKAGE = "prometheus-node-exporter"
_OF_SYSTEM = ("cpu", "diskstats", "meminfo", "netclass", "netdev", "uname")
"""Collectors that work wherever there is Linux."""
_OF_HARDWARE = ("cpufreq", "diskstats", "dmi", "hwmon", "netclass", "thermal_zone", "uname")


@contextmanager
def node_exporter(folder: Path) -> Iterator[str]:
    """The address of this machine's; `folder`: of its log."""
    with _node_exporter(folder, *_collect(_OF_SYSTEM), "--collector.netdev.address-info") as url:
        yield url


@contextmanager
def node_exporter_of(hardware: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The address of that of a machine that has these files, under `sys`, `proc` and `udev`."""
    for path, text in hardware.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    paths = {"sysfs": "sys", "procfs": "proc", "udev.data": "udev"}
    there = [f"--path.{name}={folder / path}" for name, path in paths.items()]
    with _node_exporter(folder, *_collect(_OF_HARDWARE), *there) as url:
        yield url


def _collect(collectors: tuple[str, ...]) -> list[str]:
    return ["--collector.disable-defaults", *(f"--collector.{name}" for name in collectors)]


@contextmanager
def _node_exporter(folder: Path, *options: str) -> Iterator[str]:
    program = shutil.which(_PACKAGE) or shutil.which("node_exporter")
    if program is None:
        lack(
            "node-exporter",
            f"{_PACKAGE} is not on PATH; apt-get install --no-install-recommends {_PACKAGE}",
        )
    address = f"127.0.0.1:{free_port()}"
    command = [program, f"--web.listen-address={address}", *options]
    with running(command, folder / "node-exporter.log", f"http://{address}/metrics"):
        yield f"http://{address}"
