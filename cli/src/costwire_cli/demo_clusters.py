"""The clusters of the demo: a simulator that makes them up, an aggregator that sees them.

Their machines and disks are those of the demo's bills, so that the bills say what they cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from costwire_cli.aggregator_api import open_aggregator
from costwire_cli.connection import Connection
from costwire_cli.local_get import local_get
from costwire_cli.outline import lines
from costwire_cli.output import say, show
from costwire_cli.services import Service
from costwire_cli.topology_view import question, topology_view
from costwire_focus.estates import Estate, infrastructure

AGGREGATOR_PORT = 8080
_DEPTH = "clusters"


class DemoClusters:
    """The simulator, and the aggregator over it."""

    def __init__(self, estate: Estate, *, logs: Path, scratch: Path) -> None:
        self._estate = estate
        self._logs = logs
        self._scratch = scratch
        self._simulator = self._service(
            "simulator", {"PORT": "0", "RESOURCES_FILE": str(scratch / "resources.json")}
        )
        self._stack = ExitStack()

    @classmethod
    @contextmanager
    def of(cls, estate: Estate, *, logs: Path, scratch: Path) -> Iterator[DemoClusters]:
        """Those of an estate's bills; the simulator starts at once."""
        clusters = cls(estate, logs=logs, scratch=scratch)
        with clusters._stack:
            clusters._start_simulator()
            yield clusters

    def _service(self, name: str, settings: Mapping[str, str]) -> Service:
        return Service(
            name,
            settings,
            log=self._logs / f"{name}.log",
            address_file=self._scratch / f"{name}.address",
        )

    def _start_simulator(self) -> None:
        resources = [asdict(resource) for resource in infrastructure(self._estate)]
        (self._scratch / "resources.json").write_text(json.dumps(resources), encoding="utf-8")
        self._simulator.start()
        self._stack.callback(self._simulator.stop)

    def see(self, handler: Connection, table: str, *, port: int) -> Connection:
        """Have an aggregator see them, with the bills of a handler's table; where it is."""
        simulator = self._simulator.wait_for_address()
        self._simulator.wait_until_ready(simulator)
        settings = {
            "PORT": str(port),
            "UPSTREAMS_FILE": str(self._upstreams(simulator)),
            "HANDLER_URL": handler.url,
            "COSTS_TABLE": table,
        }
        if handler.sign_in is not None:
            user, password = handler.sign_in
            file = self._scratch / "handler.password"
            file.touch(mode=0o600)
            file.write_text(password, encoding="utf-8")
            settings |= {"HANDLER_USER": user, "HANDLER_PASSWORD_FILE": str(file)}
        if handler.ca_file is not None:
            settings["HANDLER_CA_FILE"] = str(handler.ca_file)
        aggregator = self._service("aggregator", settings)
        aggregator.start()
        self._stack.callback(aggregator.stop)
        return Connection(aggregator.wait_for_address(), None)

    def _upstreams(self, simulator: str) -> Path:
        """The file of upstreams, one for each cluster."""
        targets = local_get(f"{simulator}/targets").json()
        names = sorted({target["labels"]["cluster"] for target in targets})
        upstreams = [
            {"name": name, "url": f"{simulator}/prometheus/{name}", "flavour": "kubernetes"}
            for name in names
        ]
        file = self._scratch / "upstreams.yaml"
        file.write_text(json.dumps({"upstreams": upstreams}), encoding="utf-8")  # JSON is YAML
        return file


def show_clusters(aggregator: Connection, period: str) -> None:
    """What is in the clusters, and what they cost in a billing month."""
    with open_aggregator(aggregator, None, for_costs=True) as api:
        told = question(_DEPTH)
        document = api.topology({**told, "costs": "1", "period": period}).document
    say(f"The clusters, and what they cost in {period}")
    for line in lines(topology_view(document, _DEPTH)):
        show(line)
