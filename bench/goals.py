"""What stages are measured against: their baselines, and the floors and goals of the design."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from results import Results, Run, Value, divided, median

MIB = 1 << 20
QUESTIONS = ("service_and_month", "top_movers", "tag_over_time")
OTHER_STATEMENTS = ("count", "thousand_rows")
PIPELINES = ("pipeline_first", "pipeline_unchanged", "pipeline_changed")
_QUESTION_FLOOR, _QUESTION_ROWS = 1 / 1.2, 10_000_000
_GROWTH = 1.2


@dataclass(frozen=True)
class Ratio:
    """How many times as fast a stage is as another one of the same round."""

    stage: str
    of: str
    per: str = "rows"

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.stage} / {self.of}"

    def each(self, run: Run) -> list[Value]:
        """Round by round."""
        return divided(run.speeds(self.stage, self.per), run.speeds(self.of, self.per))


PUBLISH_GO = Ratio("publish", "go_render")
PARSE_GO = Ratio("parse", "go_parse", "bytes")
STORE = Ratio("store_first", "duckdb_read_csv")
FIRST = Ratio("pipeline_first", "duckdb_read_csv")
FIRST_INSIDE = Ratio("pipeline_first_inside", "duckdb_read_csv")
RUNNING_FIRST = Ratio("running_first", "duckdb_read_csv")
RUNNING_CHANGED = Ratio("running_changed", "running_first")
CHANGED = Ratio("pipeline_changed", "pipeline_first")
CHANGED_INSIDE = Ratio("pipeline_changed_inside", "pipeline_first_inside")
RATIOS = (
    Ratio("read", "polars_read_csv"),
    Ratio("validate", "polars_read_csv"),
    Ratio("validate_newest", "polars_read_csv"),
    PUBLISH_GO,
    Ratio("publish", "python_render"),
    PARSE_GO,
    Ratio("parse", "python_parse", "bytes"),
    Ratio("sums_by", "parse"),
    STORE,
    Ratio("store_unchanged", "store_first"),
    Ratio("store_changed", "store_first"),
    FIRST,
    FIRST_INSIDE,
    Ratio("pipeline_unchanged", "pipeline_first"),
    CHANGED,
    CHANGED_INSIDE,
    RUNNING_FIRST,
    RUNNING_CHANGED,
    *(Ratio(f"{question}: sql", f"{question}: plain") for question in QUESTIONS),
    *(
        Ratio(f"{question}: sql", f"{question}: file")
        for question in (*QUESTIONS, *OTHER_STATEMENTS)
    ),
)


@dataclass(frozen=True)
class Promise:
    """A line of the design: what is held to which floor, and which goal."""

    what: str
    floor: float | None
    goal: float | None
    each: Callable[[Run], Sequence[Value]]
    unit: str = "x"
    at_most: bool = False

    def verdict(self, run: Run) -> str:
        """Whether the median holds it."""
        found = median(self.each(run))
        if found is None:
            return ""
        for limit, kept in ((self.goal, "goal met"), (self.floor, "floor met")):
            if limit is not None and (found <= limit if self.at_most else found >= limit):
                return kept
        return "**not met**" if self.floor is not None else "goal not met"


def _peak(run: Run) -> list[Value]:
    peaks = [run.each(pipeline, "rss") for pipeline in PIPELINES]
    return [max((v for v in one if v), default=0) / MIB or None for one in zip(*peaks, strict=True)]


def _times_the_seconds(late: str, early: str) -> Callable[[Run], list[Value]]:
    return lambda run: divided(run.each(late, "seconds"), run.each(early, "seconds"))


def _of_many(rows: int, ratio: Ratio) -> Callable[[Run], list[Value]]:
    """Held for so many charges; fewer are told among the ratios alone."""
    return lambda run: ratio.each(run) if run.rows >= rows else [None] * run.rounds


PROMISES = (
    Promise("CSV to exposition, beside Go's gauge per row", 3, None, PUBLISH_GO.each),
    Promise(
        "CSV to exposition", None, 150_000, lambda run: run.speeds("publish"), unit=" charges/s"
    ),
    Promise("exposition to columns, beside Go's expfmt", 5, None, PARSE_GO.each),
    Promise(
        "exposition to columns",
        None,
        300,
        lambda run: [v and v / 1e6 for v in run.speeds("parse", "bytes")],
        unit=" MB/s",
    ),
    Promise("store in DuckDB, beside its own `read_csv`", 0.5, 1, STORE.each),
    *(
        Promise(
            f"validation, all rules of {which}",
            300_000,
            500_000,
            partial(Run.speeds, stage=stage),
            unit=" charges/s",
        )
        for which, stage in (("FOCUS 1.0", "validate"), ("the newest FOCUS", "validate_newest"))
    ),
    Promise("whole pipeline, beside DuckDB's `read_csv`", 1 / 3, 0.5, FIRST.each),
    Promise("the same, start and end of processes apart", 1 / 3, 0.5, FIRST_INSIDE.each),
    Promise("the same, in services that run already", 1 / 3, 0.5, RUNNING_FIRST.each),
    Promise("1 % changed, beside the first delivery", 5, 10, CHANGED.each),
    Promise("the same, start and end of processes apart", 5, 10, CHANGED_INSIDE.each),
    Promise("the same, in services that run already", 5, 10, RUNNING_CHANGED.each),
    Promise("peak memory of a process", 512, 256, _peak, unit=" MiB", at_most=True),
    *(
        Promise(
            f"`/_sql`: {question.replace('_', ' ')}, beside a plain DuckDB table",
            _QUESTION_FLOOR,
            None,
            _of_many(_QUESTION_ROWS, Ratio(f"{question}: sql", f"{question}: plain")),
        )
        for question in QUESTIONS
    ),
    Promise(
        "seconds of the 100th delivery, 1 % changed, to those of the second",
        _GROWTH,
        None,
        _times_the_seconds("history: delivery 100", "history: second delivery"),
        unit="",
        at_most=True,
    ),
    Promise(
        "seconds of `/costs` after 100 deliveries to those after one",
        _GROWTH,
        None,
        _times_the_seconds("history: /costs after 100", "history: /costs after 1"),
        unit="",
        at_most=True,
    ),
)
ELSEWHERE = (
    "Not measured here: the store in CrateDB (`bench/cratedb.py` does, which wants a server), and "
    "the topology (`TOPOLOGY.md`)."
)
GROWING = ("read", "validate", "publish", "parse", "store_first", "pipeline_first")
"""What may not cost more a row with more rows."""


def growth(results: Results) -> dict[str, tuple[dict[int, Value], Value]]:
    """Microseconds a charge at each size, and the largest size's beside the smallest's."""
    found = {}
    for stage in GROWING:
        costs = {rows: _micros(run, stage) for rows, run in sorted(results.items())}
        there = [cost for cost in costs.values() if cost]
        found[stage] = costs, there[-1] / there[0] if len(there) > 1 else None
    return found


def _micros(run: Run, stage: str) -> Value:
    speed = median(run.speeds(stage))
    return 1e6 / speed if speed else None
