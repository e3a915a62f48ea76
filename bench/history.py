"""A month in many deliveries: what each of them takes on disk, and how fast its past answers.

`bench/history.py --rows 100000`: a report, and each further delivery of it with 1 % of its charges
changed (corrected, re-dimensioned, withdrawn), into the embedded store; and into the CrateDB that
COSTWIRE_TEST_CRATEDB_URL names, which holds nothing else, its superuser `crate` without a password.
Then questions drawn at random, asked in this process through the store, as `/costs` and `/changes`
ask it. `--profile` tells in which statements the time of `/changes` goes.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cratedb import ACCOUNT, Bench
from measure import Figures, emptied, store_bytes
from reports import manifest_of
from stages import settle

from costwire_db_handler.answers.changes import ChangesQuestion, changes
from costwire_db_handler.answers.costs import CostsQuestion, costs
from costwire_db_handler.decide import Thresholds
from costwire_db_handler.stores import StoreLimits, open_store
from costwire_db_handler.stores.cratedb.cluster import Cluster, ClusterOptions
from costwire_focus.estates import Estate, daily, generate

TABLE = "charges"
MIB = 1 << 20
BY = (
    *("ServiceName", "ServiceName,Tags.env,month", "RegionId", "SubAccountId,ServiceName"),
    *("day", "ChargeCategory,BillingPeriodStart", "Tags.team", "ResourceId"),
)
FILTERS = (
    *("", "", "Tags.env = 'prod'", "ChargeCategory = 'Usage'", "BilledCost > 1"),
    *("RegionId LIKE 'eu-%' AND Tags.team IN ('search', 'mobile')",),
)
MONTH = {"by": "ServiceName,month"}
LONG = 100
_ASKED = 5
METRICS = ("BilledCost", "EffectiveCost", "BilledCost,EffectiveCost,ListCost,ContractedCost")


_LOOKS = 15
"""At a size, until it stays: merged segments leave a while after their merge."""


@dataclass
class Engine:
    """A store that takes the deliveries, and how large its files are."""

    name: str
    open: Callable[[], Any]
    size: Callable[[], int]
    merge: Callable[[], object] = lambda: None
    """Leaves one segment of each shard, without the rows that updates left."""
    sizes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    """After the first delivery and the last, logs folded in."""

    def __post_init__(self) -> None:
        """Open the store."""
        self.store = self.open()

    def settle(self) -> None:
        """Close the store, which folds its log in, and open it again."""
        self.store.close()
        self.merge()
        size, before = self.size(), 0
        for _ in range(_LOOKS):
            if size == before:
                break
            size, before = self.size(), size
        self.settled.append(size)
        self.store = self.open()

    def deliver(self, source: Path) -> None:
        """Settle a delivery, and look how large the store is then."""
        manifest, tables = manifest_of(source)
        start = time.perf_counter()
        entry = settle(self.store.own, manifest, tables)
        self.seconds.append(time.perf_counter() - start)
        assert entry.state == "committed", entry.reason
        self.commits.append(entry.commit)
        self.sizes.append(self.size())
        if len(self.commits) == 1:
            self.settle()


def main() -> None:
    """Deliver, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="current charges")
    parser.add_argument("--deliveries", type=int, default=30)
    parser.add_argument("--questions", type=int, default=100, help="of each kind")
    parser.add_argument("--seed", type=int, default=5, help="of the questions")
    parser.add_argument("--profile", action="store_true", help="tell the statements of /changes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="costwire-bench-") as name:
        engines = list(opened(Path(name)))
        for source in written(Path(name), args.rows, args.deliveries):
            for engine in engines:
                engine.deliver(source)
            took = ", ".join(f"{engine.seconds[-1]:.1f} s" for engine in engines)
            sys.stderr.write(f"{source.stem}: {took}\n")
        for engine in engines:
            engine.settle()
        print(f"{args.rows:,} charges, {args.deliveries} deliveries, 1 % changed in each\n")
        print_growth(engines, args.rows)
        print_answers(engines, args)
        if args.profile:
            print_profile(engines[0], random.Random(args.seed), args.questions)  # noqa: S311
        for engine in engines:
            engine.store.close()


def stage_history(folder: Path, rows: int) -> Figures:
    """What a delivery and a question take early and late in a history of 100 deliveries."""
    place = emptied(folder / "history")
    place.mkdir()
    engine, figures = embedded(place / "store"), {}
    for number, source in enumerate(written(place, rows, LONG), start=1):
        engine.deliver(source)
        if number in (1, LONG):
            ask_costs(engine, MONTH)
            took = [timed(ask_costs, engine, MONTH) / 1000 for _ in range(_ASKED)]
            figures[f"history: /costs after {number}"] = {"seconds": statistics.median(took)}
    engine.store.close()
    early, late = engine.seconds[1 : 1 + _ASKED], engine.seconds[-_ASKED:]
    figures["history: second delivery"] = {"seconds": statistics.median(early)}
    figures[f"history: delivery {LONG}"] = {"seconds": statistics.median(late)}
    return figures


def embedded(data: Path) -> Engine:
    """The embedded store, empty."""
    # The reports are made in this process too: its memory is no measure of the store's.
    limits = StoreLimits(process_memory_mib=MIB)

    def open_embedded() -> Any:
        return open_store(data, thresholds=Thresholds(), limits=limits)

    return Engine("embedded", open_embedded, lambda: store_bytes(data))


def opened(folder: Path) -> Iterator[Engine]:
    """The stores, empty."""
    yield embedded(folder / "store")
    if url := os.environ.get("COSTWIRE_TEST_CRATEDB_URL"):
        session = Cluster(ClusterOptions([url])).session(ACCOUNT)
        bench = Bench(url, 0, session, folder)
        bench.forget()
        yield Engine(
            "CrateDB", bench.store, lambda: shard_bytes(session), lambda: bench.bytes_of("costwire")
        )


def shard_bytes(session: Any) -> int:
    """Of the table's shards, without replicas; the server counts them once a second or so."""
    found = session.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'costwire' "
        "AND table_type = 'BASE TABLE' AND table_name LIKE 'charges%'"
    ).rows
    for (name,) in found:
        session.execute(f'REFRESH TABLE costwire."{name}"')
    time.sleep(2)
    ((size,),) = session.execute(
        "SELECT sum(size) FROM sys.shards WHERE schema_name = 'costwire' "
        "AND table_name LIKE 'charges%' AND \"primary\""
    ).rows
    return int(size)


def written(folder: Path, rows: int, deliveries: int) -> Iterator[Path]:
    """Each delivery's file; it is gone when the next one is made."""
    estate = Estate(seed=7, rows=rows, rows_per_file=rows, clouds=("aws",), focus_version="1.2")
    (report,) = generate(estate)
    for state in daily(report, 8, deliveries, whole=True):
        path = folder / f"delivery-{state.truth['delivery']['day']}.csv"
        with path.open("wb") as file:
            file.writelines(state.chunks())
        yield path
        path.unlink()


def print_growth(engines: list[Engine], rows: int) -> None:
    """What a delivery adds to the store."""
    print(
        "| engine | first MiB | bytes a charge | last MiB | a delivery adds KiB | % of the first "
        "| bytes a changed charge | first s | later s, median |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for engine in engines:
        first, last = engine.settled
        growth = (last - first) / max(1, len(engine.sizes) - 1)
        print(
            f"| {engine.name} | {first / MIB:.1f} | {first / rows:.0f} | {last / MIB:.1f} "
            f"| {growth / 1024:.0f} | {100 * growth / first:.1f} | {growth / (rows / 100):.0f} "
            f"| {engine.seconds[0]:.1f} | {statistics.median(engine.seconds[1:]):.1f} |"
        )
    for engine in engines:
        steps = " ".join(f"{size / MIB:.1f}" for size in engine.sizes)
        print(f"\n{engine.name}, MiB after each delivery, its log with it: {steps}")


def _given(asked: dict[str, str]) -> list[tuple[str, str]]:
    return [("table", TABLE), *((name, value) for name, value in asked.items() if value)]


def ask_costs(engine: Engine, asked: dict[str, str]) -> int:
    """One answer of `/costs`; gives the number of its rows."""
    question = CostsQuestion.read(_given(asked))
    with engine.store.own.versions(TABLE) as versions:
        return len(costs(versions, question, datetime.now(UTC)).rows)


def ask_changes(
    engine: Engine, asked: dict[str, str], watch: Callable[[Any], Any] = lambda found: found
) -> int:
    """One answer of `/changes`."""
    question = ChangesQuestion.read(_given(asked))
    with engine.store.own.versions(TABLE) as versions:
        return len(changes(watch(versions), question, datetime.now(UTC)).rows)


def drawn(engine: Engine, kind: str, dice: random.Random) -> dict[str, str]:
    """A question of a kind."""
    asked = {name: dice.choice(choices) for name, choices in CHOICES.items()}
    commits = engine.commits
    if kind == "/costs as of":
        asked["as_of"] = str(dice.choice(commits))
    elif kind != "/costs now":
        at = dice.randrange(len(commits) - 1)
        near = kind == "/changes to the next"
        begin, end = commits[at : at + 2] if near else dice.sample(commits, 2)
        asked |= {"from": str(begin), "to": str(end)}
    return asked


CHOICES = {"by": BY, "filter": FILTERS, "metric": METRICS}
KINDS = {
    "/costs now": ask_costs,
    "/costs as of": ask_costs,
    "/changes to the next": ask_changes,
    "/changes of any pair": ask_changes,
}


def print_answers(engines: list[Engine], args: argparse.Namespace) -> None:
    """How long answers take; the same questions for each engine."""
    print("\n| engine | question | n | p50 ms | p95 ms | longest ms | the longest |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for engine in engines:
        for kind, ask in KINDS.items():
            dice = random.Random(f"{args.seed} {kind}")  # noqa: S311
            questions = [drawn(engine, kind, dice) for _ in range(args.questions)]
            ask(engine, questions[0])
            took = [timed(ask, engine, asked) for asked in questions]
            slowest = questions[took.index(max(took))]
            told = ", ".join(f"{n}={v}" for n, v in slowest.items() if v and n != "metric")
            print(
                f"| {engine.name} | {kind} | {len(took)} | {statistics.median(took):.0f} "
                f"| {sorted(took)[int(len(took) * 0.95)]:.0f} | {max(took):.0f} | {told} |"
            )


def timed(work: Callable[..., object], *given: object) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work(*given)
    return (time.perf_counter() - start) * 1000


class Watched:
    """A connection that counts the time of its statements."""

    def __init__(self, sql: Any, took: dict[str, float], times: Counter[str]) -> None:
        self._sql, self._took, self._times = sql, took, times
        self._label = ""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._sql, name)
        if name not in ("execute", "executemany", "fetchall"):
            return found

        def run(*given: Any) -> Any:
            if given:
                self._label = label(str(given[0]))
                self._times[self._label] += 1
            start = time.perf_counter()
            answer = found(*given)
            self._took[self._label] += time.perf_counter() - start
            return self if answer is self._sql else answer

        return run


def label(statement: str) -> str:
    """The beginning of a statement, the same however many columns it is about."""
    text = re.sub(r"\d+", "#", " ".join(statement.split())).replace("|", "/")
    text = re.sub(r"(came\.g#, )+", "came.g#, ", re.sub(r"(?<!\.)(g#, )+", "g#, ", text))
    text = re.sub(r"SELECT (?:(?!FROM).)* AS g#, (?=.*count\(\*\) AS charges)", "SELECT .. ", text)
    text = re.sub(r'(, sum\("\w+"\) AS s#)+', ", sums", text)
    return text[:90]


def print_profile(engine: Engine, dice: random.Random, number: int) -> None:
    """In which statements of the embedded store the time of `/changes` goes."""
    for kind in ("/changes to the next", "/changes of any pair"):
        took: dict[str, float] = defaultdict(float)
        times: Counter[str] = Counter()

        def watch(versions: Any, took: Any = took, times: Any = times) -> Any:
            versions._sql = Watched(versions._sql, took, times)
            return versions

        wall = sum(
            timed(ask_changes, engine, drawn(engine, kind, dice), watch) for _ in range(number)
        )
        in_sql = sum(took.values()) * 1000 / number
        print(f"\n{kind}: {wall / number:.0f} ms, of which {in_sql:.0f} ms in SQL\n")
        print("| ms a question | times | statement |")
        print("| --- | --- | --- |")
        for statement, seconds in sorted(took.items(), key=lambda item: -item[1])[:16]:
            each, often = seconds * 1000 / number, times[statement] / number
            print(f"| {each:.1f} | {often:.1f} | `{statement}` |")


if __name__ == "__main__":
    main()
