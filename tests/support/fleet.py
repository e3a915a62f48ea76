"""Exporters and scrapers of several sources and one handler, as processes that can be struck."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.cratedb_store import for_handler
from tests.support.processes import ServiceProcess, free_port
from tests.support.store import ON_CRATEDB, Store

GRACE_SECONDS = 10.0
"""What docs promise between SIGTERM and the end of a service: the default of all three."""
HANDLER = "handler"


class Fleet:
    """All on ports that they keep when they are started again."""

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Path],
        *,
        table: str,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        scrapers: int = 1,
        exporter: Mapping[str, Any] | None = None,
        handler: Mapping[str, Any] | None = None,
    ) -> None:
        """`sources`: of each exporter, by a short name. `environment`: of each process, by name.

        `table`: on CrateDB no other test's, because its charges stay until the tests end.
        `scrapers`: of each exporter. `exporter`, `handler`: further settings.
        """
        self.table = table
        told = environment or {}
        data = folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self._opened = ExitStack()
        engine = self._opened.enter_context(for_handler(data)) if ON_CRATEDB else {}
        self.processes = {
            HANDLER: ServiceProcess(
                "db-handler",
                folder,
                environment=told.get(HANDLER),
                data_dir=data,
                port=port,
                **engine,
                **(handler or {}),
            )
        }
        for name, source in sources.items():
            own, exporter_port = folder / name, free_port()
            self.processes[f"exporter {name}"] = ServiceProcess(
                "exporter",
                own,
                environment=told.get(f"exporter {name}"),
                port=exporter_port,
                source=source,
                table=table,
                data_dir=own / "data",
                polling_interval_seconds=0.2,
                retry_base_seconds=0.2,
                **(exporter or {}),
            )
            for number in range(scrapers):
                scraper = f"scraper {name}" + (f" {number}" if number else "")
                self.processes[scraper] = ServiceProcess(
                    "scraper",
                    own / str(number),
                    environment=told.get(scraper),
                    exporter_url=f"http://127.0.0.1:{exporter_port}",
                    handler_url=f"http://127.0.0.1:{port}",
                    handler_password_file=data / "admin.password",
                    polling_interval_seconds=0.2,
                    block_bytes=16_384,
                )
        try:
            self.processes[HANDLER].start().wait_until_ready()
            self.store = Store(f"http://127.0.0.1:{port}", data)
            for process in self.processes.values():
                if not process.is_running():
                    process.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all."""
        for process in self.processes.values():
            process.kill()
        self._opened.close()

    def strike(self, name: str, how: signal.Signals, pause_seconds: float = 0.0) -> None:
        """Kill a process, or tell it to end, which it does in time; start it again."""
        process = self.processes[name]
        assert process.is_running(), f"{name} ended: {process.log.read_text()[-2_000:]}"
        if how is signal.SIGKILL:
            process.kill()
        else:
            process.end_gracefully(GRACE_SECONDS)
        time.sleep(pause_seconds)
        process.start()

    def wait_until_ready(self) -> None:
        """Wait until every process has something to offer."""
        for process in self.processes.values():
            process.wait_until_ready()
