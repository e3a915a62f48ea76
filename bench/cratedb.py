"""CrateDB: our deliveries beside the server's own bulk inserts and the original handler's way.

`bench/cratedb.py URL --pid PID`: a CrateDB that holds nothing else, its superuser `crate` without a
password, and the number of its process, whose CPU time is told. All ways write the same report;
they take turns, medians are told. `--original URL`: the original handler itself, before the same
CrateDB; it is sent the records that its scraper would send.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import urllib3
from measure import report
from reports import manifest_of, stage_generate
from stages import settle

from costwire_db_handler.charges.fit import Fit
from costwire_db_handler.charges.incoming import StagedCharges
from costwire_db_handler.charges.prepare import Preparer
from costwire_db_handler.charges.staging import StagedParts, part_path, write_part
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.sql.answers import SqlCall
from costwire_db_handler.stores import StoreLimits
from costwire_db_handler.stores.cratedb import rows
from costwire_db_handler.stores.cratedb.cluster import Cluster, ClusterOptions, Credentials, Session
from costwire_db_handler.stores.cratedb.layout import (
    Layout,
    Storage,
    add_columns,
    create_table,
    insert_rows,
)
from costwire_db_handler.stores.cratedb.loading import Bulk
from costwire_db_handler.stores.cratedb.rows import Versioning
from costwire_db_handler.stores.cratedb.store import CrateDBOptions, CrateDBStore
from costwire_focus.columns import value_type

ACCOUNT = Credentials("crate", "")
ORIGINAL_ROWS = 1_000
KEY = (
    *("resourceid", "resourcename", "billingperiodend", "billingperiodstart"),
    *("chargeperiodend", "chargeperiodstart", "skupriceid"),
)
MONTH = (
    "SELECT servicename, sum(billedcost) FROM charges "
    "WHERE chargeperiodstart >= '2024-01-01' GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
)


@dataclass
class Bench:
    """The database under test."""

    url: str
    pid: int
    session: Session
    folder: Path

    def measured(self, work: Callable[[], Any]) -> dict[str, float]:
        """Wall seconds, and CPU seconds of the server and of this process."""
        server = psutil.Process(self.pid)
        before, own = sum(server.cpu_times()[:2]), time.process_time()
        start = time.perf_counter()
        work()
        return {
            "seconds": time.perf_counter() - start,
            "server_cpu": sum(server.cpu_times()[:2]) - before,
            "own_cpu": time.process_time() - own,
        }

    def forget(self) -> None:
        """Leave nothing behind."""
        found = self.session.execute(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables "
            "WHERE table_schema IN ('doc', 'costwire') ORDER BY table_type DESC"
        ).rows
        for schema, name, kind in found:
            what = "VIEW" if kind == "VIEW" else "TABLE"
            self.session.execute(f'DROP {what} IF EXISTS "{schema}"."{name}"')

    def store(self, **options: Any) -> CrateDBStore:
        """Our store."""
        return CrateDBStore.open(
            CrateDBOptions(ClusterOptions([self.url]), ACCOUNT, **options),
            self.folder / "data",
            thresholds=Thresholds(),
            limits=StoreLimits(),
        )

    def bytes_of(self, schema: str) -> int:
        """Of all tables of a schema, their segments merged."""
        names = self.session.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? "
            "AND table_type = 'BASE TABLE' AND table_name LIKE 'charges%'",
            [schema],
        ).rows
        for (name,) in names:
            table = f'"{schema}"."{name}"'
            self.session.execute(f"OPTIMIZE TABLE {table} WITH (max_num_segments = 1)")
            self.session.execute(f"REFRESH TABLE {table}")
        time.sleep(2)
        ((size,),) = self.session.execute(
            "SELECT sum(size) FROM sys.shards WHERE schema_name = ? AND table_name LIKE 'charges%' "
            'AND "primary"',
            [schema],
        ).rows
        return int(size)


def ours(bench: Bench, parts: Any, changed: Any) -> dict[str, dict[str, float]]:
    """A first delivery, and a second one with one charge in a hundred changed."""
    bench.forget()
    store = bench.store()
    figures = {
        "ours, first": bench.measured(lambda: settle(store.own, *parts)),
        "ours, 1 % changed": bench.measured(lambda: settle(store.own, *changed)),
    }
    figures["ours, first"]["bytes"] = bench.bytes_of("costwire")
    figures |= {"ours, month query while loading": loading_latency(store, changed)}
    store.close()
    return figures


def loading_latency(store: CrateDBStore, delivery: Any) -> dict[str, float]:
    """The p95 of a query, through `/_sql`, while another source's first delivery is written."""
    manifest, tables = delivery
    other = manifest.model_copy(update={"source": "other", "mode": "append"})
    done, waits = threading.Event(), []
    body = json.dumps({"stmt": MONTH}).encode()

    def ask() -> None:
        while not done.is_set():
            start = time.perf_counter()
            answer = store.own.run_sql(SqlCall(body))
            assert answer.status == 200, b"".join(answer.pieces)
            waits.append(time.perf_counter() - start)
            time.sleep(0.05)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        settle(store.own, other, tables)
    finally:
        done.set()
        thread.join()
    return {"seconds": statistics.quantiles(waits, n=20)[-1], "queries": len(waits)}


def server_limit(bench: Bench, parts: Any) -> dict[str, dict[str, float]]:
    """The same rows into the same table with bodies that were made before: the server alone."""
    bench.forget()
    store = bench.store()
    store.close()
    manifest, tables = parts
    names = [column.name for column in manifest.columns]
    layout = Layout(table="charges").with_columns(names)
    bulk, storage = Bulk(), Storage()
    bench.session.execute(create_table(layout, storage))
    preparer, folder = Preparer(), bench.folder / "limit"
    folder.mkdir(exist_ok=True)
    keys: dict[str, bool] = {}
    for seq, table in enumerate(tables):
        part = preparer.prepare(table, seq)
        write_part(part_path(folder, seq), part, str(seq))
        for chunk in part.charges.column(":Tags").chunks:
            keys |= dict.fromkeys(chunk.keys.to_pylist(), True)
    declared = layout.with_tag_keys("tags", keys, storage.tag_keys)
    bench.session.execute(add_columns(declared, layout.public()) or "SELECT 1")
    staged = StagedCharges(StagedParts(folder), Fit(), "")
    bodies = list(encoded(staged, declared, bulk))
    statement = insert_rows(declared, list(rows.stored_columns(declared, staged.schema()).values()))

    def write() -> None:
        with ThreadPoolExecutor(bulk.in_flight) as pool:
            list(pool.map(lambda body: bench.session.execute_many(statement, body), bodies))
        bench.session.execute(f"REFRESH TABLE {declared.physical}")

    figures = bench.measured(write)
    figures["bytes"] = bench.bytes_of("costwire")
    return {"the server's bulk inserts": figures}


def encoded(staged: StagedCharges, layout: Layout, bulk: Bulk) -> Iterator[memoryview]:
    """The bodies of the bulk inserts."""
    schema = staged.schema()
    columns = list(rows.stored_columns(layout, schema))
    versioning = Versioning.visible(1, 1, "")
    for part in staged.tables(schema, None):
        ready = rows.encoded(part, columns, versioning, by_month=True)
        for batch in ready.batches(bulk.rows, bulk.bytes):
            yield batch.json()


def original_way(bench: Bench, parts: Any) -> dict[str, dict[str, float]]:
    """Lists of 1,000 records, upserted on seven columns, one after the other.

    As the original handler does it: every cell as text, the catalog asked before each list.
    """
    import crate.client

    bench.forget()
    manifest, tables = parts
    names = [column.name for column in manifest.columns]
    kinds = {"AMOUNT": "DOUBLE PRECISION", "INSTANT": "TIMESTAMP", "TAGS": "OBJECT(DYNAMIC)"}
    columns = ", ".join(f"{n} {kinds.get(value_type(n).name, 'TEXT')}" for n in names)
    bench.session.execute(
        f"CREATE TABLE doc.charges ({columns}, PRIMARY KEY ({', '.join(KEY)})) "
        "WITH (column_policy = 'dynamic')"
    )
    records = [row for table in tables for row in table.to_pylist()]
    statement = (
        f"INSERT INTO charges ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET BilledCost = excluded.BilledCost"
    )

    def write() -> None:
        with crate.client.connect(bench.url) as connection:
            cursor = connection.cursor()
            for start in range(0, len(records), ORIGINAL_ROWS):
                cursor.execute(
                    "SELECT table_name FROM information_schema.tables WHERE table_name = 'charges'"
                )
                cursor.executemany(
                    statement,
                    [
                        [original_cell(name, row[name]) for name in names]
                        for row in records[start : start + ORIGINAL_ROWS]
                    ],
                )

    return {"the original's way": bench.measured(write)}


def original_handler(bench: Bench, parts: Any, url: str) -> dict[str, dict[str, float]]:
    """The original handler, sent lists of 1,000 records one after the other; and all once more.

    Over HTTP, as it has no other way in; its own CPU time is not told.
    """
    bench.forget()
    _, tables = parts
    records = [original_record(row) for table in tables for row in table.to_pylist()]
    lists = [
        json.dumps(records[start : start + ORIGINAL_ROWS]).encode()
        for start in range(0, len(records), ORIGINAL_ROWS)
    ]
    headers = urllib3.make_headers(basic_auth="crate:crate")
    headers["Content-Type"] = "application/json"
    pool = urllib3.PoolManager(headers=headers, timeout=600, retries=False)

    def write() -> None:
        for body in lists:
            answer = pool.request("POST", f"{url}/upload?table=charges&type=cost", body=body)
            assert answer.status == 200, answer.data

    return {
        "the original handler": bench.measured(write),
        "the original handler, all again": bench.measured(write),
    }


def original_record(row: dict[str, str | None]) -> dict[str, Any]:
    """A charge as the original scraper sends it; tags with quotes would cost it the whole list."""
    tags = json.loads(row.get("Tags") or "{}")
    labels = {name: cell or "" for name, cell in row.items()}
    labels["Tags"] = ";".join(
        f"{key}: {value}" for key, value in tags.items() if not {'"', "\\"} & set(f"{key}{value}")
    )
    return {"labels": labels, "value": labels["BilledCost"], "timestamp": 0}


def original_cell(name: str, cell: str | None) -> Any:
    """A cell as the original handler sends it: keys are never null, empty amounts are 0."""
    kind = value_type(name).name
    if kind == "TAGS":
        tags = json.loads(cell or "{}")
        return {key.replace(".", ""): str(value) for key, value in tags.items()}
    if cell is None:
        return 0.0 if kind == "AMOUNT" else "" if name.lower() in KEY else None
    return cell


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--pid", type=int, required=True, help="CrateDB's process")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--original", help="where the original handler answers")
    args = parser.parse_args()
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory(prefix="costwire-bench-") as name:
        folder = Path(name)
        stage_generate(folder, args.rows)
        cluster = Cluster(ClusterOptions([args.url]))
        bench = Bench(args.url, args.pid, cluster.session(ACCOUNT), folder)
        for _ in range(args.rounds):
            first = manifest_of(report(folder))
            changed = manifest_of(folder / "changed.csv")
            figures = server_limit(bench, first) | ours(bench, first, changed)
            if args.original:
                figures |= original_handler(bench, first, args.original)
            else:
                figures |= original_way(bench, first)
            rounds.append(figures)
        bench.forget()
        cluster.close()
    print_table(rounds, args.rows)


def print_table(rounds: list[dict[str, dict[str, float]]], charges: int) -> None:
    """Medians of the rounds."""
    print(f"{charges:,} charges, {len(rounds)} rounds, medians (least to most)")
    print("| way | seconds | rows/s | server CPU s | our CPU s | bytes a row |")
    print("| --- | --- | --- | --- | --- | --- |")
    for way in rounds[0]:
        figures = [each[way] for each in rounds]
        seconds = [each["seconds"] for each in figures]
        median = statistics.median(seconds)
        if "server_cpu" not in figures[0]:
            print(
                f"| {way}: p95 | {median:.3f} ({min(seconds):.3f} to {max(seconds):.3f}) | | | | |"
            )
            continue
        server, own = (
            statistics.median(each[name] for each in figures) for name in ("server_cpu", "own_cpu")
        )
        sizes = [each["bytes"] / charges for each in figures if "bytes" in each]
        size = f"{statistics.median(sizes):.0f}" if sizes else "-"
        print(
            f"| {way} | {median:.1f} ({min(seconds):.1f} to {max(seconds):.1f}) "
            f"| {charges / median:,.0f} | {server:.1f} | {own:.1f} | {size} |"
        )


if __name__ == "__main__":
    main()
