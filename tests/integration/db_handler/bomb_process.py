"""A process that runs the statements given on its input as a writer, and tells what became of each.

It is a process of its own because its memory is measured and capped.
"""

import json
import resource
import sys
import time
from pathlib import Path

from costwire_db_handler.sql.access import TableCatalog
from costwire_db_handler.sql.errors import SqlError
from costwire_db_handler.sql.guard import check
from costwire_db_handler.stores.duckdb.headroom import Headroom
from costwire_db_handler.stores.duckdb.locks import harden
from costwire_db_handler.stores.duckdb.parse import DuckParser
from costwire_db_handler.stores.duckdb.sandbox import Limits, Sandbox
from costwire_db_handler.stores.duckdb.user_tables import StoredOwnership
from costwire_db_handler.stores.duckdb.watchdog import MIB, Watchdog
from costwire_db_handler.users import Role


def peak_mib() -> int:
    """The most memory this process has held; `ru_maxrss` alone would count its parent's too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:"))


def main(folder: Path, bombs: dict[str, str]) -> dict[str, object]:
    import duckdb  # after the packages above, as in the handler: they tune its allocator

    connection = duckdb.connect(folder / "costs.duckdb")
    connection.execute(
        "CREATE TABLE charges AS SELECT CAST(i AS DECIMAL(38,18)) AS BilledCost, "
        "'service ' || i % 7 AS ServiceName FROM range(20000) AS r(i)"
    )
    harden(
        connection,
        temp_directory=folder / "spill",
        memory_bytes=200 * MIB,
        max_temp_bytes=500 * MIB,
    )
    catalog = TableCatalog(frozenset({"charges"}))
    parser = DuckParser()
    watchdog = Watchdog(ceiling_bytes=400 * MIB)
    sandbox = Sandbox(watchdog, StoredOwnership(), Limits(timeout_seconds=2.0), Headroom())

    def run(statement: str) -> tuple[int, str, list[list[object]]]:
        try:
            checked = check(statement, role=Role.WRITER, user="ann", catalog=catalog, parser=parser)
            with connection.cursor() as cursor:
                result = sandbox.run(cursor, checked)
        except SqlError as refused:
            return refused.status, refused.message, []
        rows = [list(row.values()) for batch in result.batches for row in batch.to_pylist()]
        return 200, "", rows[:3]

    outcomes = {}
    for name, statement in bombs.items():
        started = time.monotonic()
        status, message, rows = run(statement)
        outcomes[name] = {
            "status": status,
            "message": message,
            "rows": rows,
            "seconds": round(time.monotonic() - started, 2),
            "peak_mib": peak_mib(),
        }
    alive = run("SELECT count(*) FROM charges")[2]
    watchdog.close()
    return {
        "outcomes": outcomes,
        "alive": alive,
        "peak_mib": peak_mib(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), json.load(sys.stdin)), default=str))
