"""Questions to the store: as users ask them, and the same statements on DuckDB itself.

Each statement is asked of a running handler, of a copy of its file opened with DuckDB (what is on
top is the handler's `/_sql`), and of a plain table of the same rows (what is on top of that is the
way in which charges are stored). DuckDB has the limits of the handler's engine here, threads and
memory; what it takes without any is told too.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests
from measure import Figures

TIMES = 5
STATEMENTS = {
    "service_and_month": "SELECT ServiceName, date_trunc('month', ChargePeriodStart) AS month, "
    "sum(BilledCost) AS cost FROM charges GROUP BY 1, 2 ORDER BY 3 DESC, 1",
    "top_movers": "SELECT ResourceId, sum(CASE WHEN ChargePeriodStart < '2024-09-16' "
    "THEN -BilledCost ELSE BilledCost END) AS moved FROM charges "
    "GROUP BY 1 ORDER BY abs(moved) DESC, 1 LIMIT 20",
    "tag_over_time": "SELECT date_trunc('day', ChargePeriodStart) AS day, tags['team'] AS team, "
    "sum(BilledCost) AS cost FROM charges GROUP BY 1, 2 ORDER BY 1, 2",
    "count": "SELECT count(*) FROM charges",
    "thousand_rows": "SELECT * FROM charges LIMIT 1000",
}
_ENGINES = ("sql", "file", "plain", "plain_unlimited")


def stage_queries(folder: Path, _rows: int) -> Figures:
    """All statements of all engines, turn by turn; then `/costs` and `/changes`."""
    import duckdb

    file, plain, unlimited = (folder / f"{name}.duckdb" for name in _ENGINES[1:])
    shutil.copyfile(folder / "data" / "store.duckdb", file)
    make_plain(file, plain)
    shutil.copyfile(plain, unlimited)
    limits = engine_limits()
    took: dict[str, list[float]] = defaultdict(list)
    with (
        handler(folder / "data") as ask,
        duckdb.connect(file, read_only=True, config=limits) as direct,
        duckdb.connect(plain, read_only=True, config=limits) as table,
        duckdb.connect(unlimited, read_only=True) as free,
    ):
        asked: dict[str, Callable[[str], object]] = {
            "sql": lambda statement: ask("POST", "/_sql", json={"stmt": statement}),
            "file": lambda statement: direct.execute(statement).fetchall(),
            "plain": lambda statement: table.execute(statement).fetchall(),
            "plain_unlimited": lambda statement: free.execute(statement).fetchall(),
        }
        for question, statement in STATEMENTS.items():
            for engine in _ENGINES * (TIMES + 1):
                took[f"{question}: {engine}"].append(seconds(partial(asked[engine], statement)))
        took |= answers(ask)
    # The first of each filled the caches.
    figures: Figures = {
        name: {"seconds": statistics.median(times[1:])} for name, times in took.items()
    }
    return figures | {"plain_table": {"store_bytes": plain.stat().st_size}}


def engine_limits() -> dict[str, Any]:
    """Threads and memory that the handler's engine has unless told otherwise."""
    from costwire_db_handler.settings import Settings

    told = {name: field.default for name, field in Settings.model_fields.items()}
    return {"threads": told["threads"], "memory_limit": f"{told['memory_mib']}MiB"}


def make_plain(file: Path, plain: Path) -> None:
    """A table of the rows that users see, and nothing else."""
    import duckdb

    plain.unlink(missing_ok=True)
    with duckdb.connect(plain) as sql:
        sql.execute(f"ATTACH '{file}' AS store (READ_ONLY)")
        sql.execute("CREATE TABLE charges AS FROM store.main.charges")


@contextmanager
def handler(data: Path) -> Iterator[Callable[..., Any]]:
    """A handler over this folder; give it a method, a path and what requests takes."""
    from costwire_cli.services import Service

    log, address_file = data / "logs" / "bench.log", data / "bench.address"
    settings = {"DATA_DIR": str(data), "PORT": "0"}
    service = Service("db-handler", settings, log=log, address_file=address_file)
    service.start()
    try:
        url = service.wait_for_address()
        service.wait_until_ready(url)
        with requests.Session() as session:
            session.trust_env = False
            session.auth = ("costwire", (data / "admin.password").read_text().strip())

            def ask(method: str, path: str, **given: Any) -> Any:
                answer = session.request(method, url + path, timeout=600, **given)
                assert answer.ok, answer.text
                return answer.json()

            yield ask
    finally:
        service.stop()


def answers(ask: Callable[..., Any]) -> dict[str, list[float]]:
    """How long the handler's own questions take."""
    commits = [told["commit"] for told in ask("GET", "/deliveries")["deliveries"]]
    between = {"from": str(min(commits)), "to": str(max(commits))}
    asked = {
        "service_and_month: costs": ("/costs", {"by": "ServiceName,month"}),
        "top_movers: changes": ("/changes", {"by": "ResourceId", "limit": "20"} | between),
        "tag_over_time: costs": ("/costs", {"by": "day,Tags.team"}),
    }
    return {
        name: [
            seconds(partial(ask, "GET", path, params={"table": "charges"} | given))
            for _ in range(TIMES + 1)
        ]
        for name, (path, given) in asked.items()
    }


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of a piece of work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
