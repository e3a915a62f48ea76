"""Layouts without manifests: folders by billing month and by day, told by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from costwire_sources.errors import NotFound, Unreadable
from costwire_sources.layouts.aws import run_time
from costwire_sources.layouts.plan import Listed, Plan, Wanted, check_wanted, is_wanted, the_one

_MONTH = re.compile(
    r"(?P<export>.*)/billing_period=(?P<month>\d{4}-(?:0[1-9]|1[0-2]))/(?P<rest>.+)",
    re.IGNORECASE | re.ASCII,
)
_DAY = re.compile(
    r"(.*/)?(\d{4}/\d{2}/\d{2}|(date|day|dt)=\d{4}-\d{2}-\d{2}|year=\d{4}/month=\d+/day=\d+)/.+",
    re.IGNORECASE | re.ASCII,
)


def in_folders(root: str, paths: Sequence[str], wanted: Wanted) -> Plan:
    """The plan of reports at these paths below a root: all of them, unless months are wanted.

    Raises: `NotFound` for a layout that is told and not there, `Unreadable` for runs of AWS
    without their manifests.
    """
    layout = wanted.layout
    if layout in ("auto", "partitions"):
        plan = _partitions(root, paths, wanted.months)
        if plan is not None:
            return plan
        if layout == "partitions" and paths:
            raise _elsewhere(root, paths, _MONTH, "billing_period=YYYY-MM/")
    if layout == "daily" and paths and not all(_DAY.fullmatch(f"{root}/{path}") for path in paths):
        raise _elsewhere(root, paths, _DAY, "YYYY/MM/DD/, date=YYYY-MM-DD/ or day=YYYY-MM-DD/")
    return Plan([Listed(path) for path in paths])


def _partitions(root: str, paths: Sequence[str], months: Sequence[str]) -> Plan | None:
    found = [_MONTH.fullmatch(f"{root}/{path}") for path in paths]
    places = [match for match in found if match]
    if not places or len(places) < len(paths):
        return None
    export = the_one(root, sorted({match["export"] for match in places}))
    for match in places:
        if any(run_time(name) for name in match["rest"].split("/")[:-1]):
            raise Unreadable(
                f"read {match[0]}: this is one of several refreshes of an AWS Data Export, and "
                "without manifests nothing tells the newest; copy the folder metadata as well"
            )
    there = sorted({match["month"] for match in places})
    check_wanted(export, there, months)
    files = [
        Listed(path)
        for path, match in zip(paths, places, strict=True)
        if is_wanted([match["month"]], months)
    ]
    return Plan(files, export, tuple(months) or tuple(there))


def _elsewhere(root: str, paths: Sequence[str], where: re.Pattern[str], shape: str) -> NotFound:
    other = next(path for path in paths if not where.fullmatch(f"{root}/{path}"))
    return NotFound(f"read {root}: {other} lies in no folder of the form {shape}")
