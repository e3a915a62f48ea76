"""Which metrics lack series because targets are down: by what else their jobs are known to tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from costwire_aggregator.upstreams.targets import Key, Targets

_MOST_JOBS = 3
"""Named in one reason."""
_OWN_PREFIX = "costwire_"
"""Of families that are computed in a question: behind it stands what they are computed from."""


def outages(
    targets: Targets, told: Mapping[str, Collection[Key]], asked: Collection[str]
) -> Mapping[str, str]:
    """Why metrics are not told in full, by metric.

    `told`: which targets have told each metric, as keys of `targets`; `asked`: all metrics.
    A metric is lacking where a target is down whose job is one of those that tell it. What a job
    tells is not known where all its targets are down in a cluster, and none in another one tells
    anything; then those metrics are lacking whose kind the cluster tells nothing of.
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    down = Counter(target.job for target in targets if not target.is_up)
    if not down:
        return {}
    all_of = Counter(target.job for target in targets)
    for name, keys in told.items():
        for job in sorted({key[0] for key in keys} & down.keys()):
            reasons[name].append(_told_of(job, down[job], all_of[job]))
    alive = {name: {key for key in keys if _is_alive(key, targets)} for name, keys in told.items()}
    known = {key[0] for keys in alive.values() for key in keys}
    clusters = {name: {*map(targets.cluster, keys)} for name, keys in alive.items()}
    kinds = Counter(map(_kind, asked))
    for cluster, jobs in _silent(targets, known).items():
        # What names no cluster may be of any.
        these = {cluster, ("",) * len(cluster)}
        there = {_kind(name) for name, of_it in clusters.items() if of_it & these}
        for name in asked:
            if _kind(name) not in there and kinds[_kind(name)] > 1:
                reasons[name].extend(_told_of(job, down[job], all_of[job]) for job in sorted(jobs))
    return {name: _together(of_it) for name, of_it in reasons.items()}


def _is_alive(key: Key, targets: Targets) -> bool:
    """Whether what has this key is told still: rates outlast their target by some minutes."""
    found = targets.of(key)
    return not found or any(target.is_up for target in found)


def _silent(targets: Targets, known: Collection[str]) -> Mapping[Key, set[str]]:
    """The jobs of each cluster that have no target that is up, without those that are known."""
    jobs: dict[Key, set[str]] = defaultdict(set)
    alive = {(target.cluster, target.job) for target in targets if target.is_up}
    for target in targets:
        if target.job not in known and (target.cluster, target.job) not in alive:
            jobs[target.cluster].add(target.job)
    return jobs


def _kind(name: str) -> str:
    """The first word: exporters begin all their metrics with it."""
    return name.removeprefix(_OWN_PREFIX).split("_", 1)[0]


def _told_of(job: str, down: int, of: int) -> str:
    return f"job {job}: {down} of {of} target{'s' if of > 1 else ''} down"


def _together(reasons: Iterable[str]) -> str:
    first = [*dict.fromkeys(reasons)]
    more = len(first) - _MOST_JOBS
    return "; ".join([*first[:_MOST_JOBS], *([f"and {more} more jobs"] if more > 0 else [])])
