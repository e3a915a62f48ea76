"""AWS Data Exports: `data/BILLING_PERIOD=2024-09/...` beside `metadata/BILLING_PERIOD=2024-09/...`.

An export either overwrites its files, and leaves behind what it needs no more, or gives each
refresh a folder `<time>-<execution>`. Only what the newest manifest of a month lists is the month.
AWS writes that manifest after the data.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from costwire_sources.errors import Incomplete, Unreadable
from costwire_sources.layouts.plan import (
    MOST_FILES,
    Listed,
    Plan,
    Run,
    check_finished,
    each_once,
    is_wanted,
    missing,
    plan_of,
    the_one,
)
from costwire_sources.layouts.tree import Document, Tree

_FLAGS = re.IGNORECASE | re.ASCII
_PARTITION = r"(?P<partition>billing_period=(?P<month>\d{4}-(?:0[1-9]|1[0-2])))"
_DATA = re.compile(rf"(?P<export>.*)/data/{_PARTITION}/.+", _FLAGS)
_MANIFEST = re.compile(
    rf"(?P<export>.*)/metadata/{_PARTITION}/(?:(?P<run>[^/]+)/)?[^/]*manifest\.json", _FLAGS
)
_RUN = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)", re.ASCII)
_BUCKET = re.compile(r"s3://[^/]+/")
_COST = "billedcost"
_ABOUT = "/metadata/"


class _Manifest(NamedTuple):
    """A candidate; the last one in order is the newest."""

    at: datetime
    full: str
    partition: str


def read(tree: Tree, months: Sequence[str]) -> Plan | None:
    """The newest refresh of every month; None where no such folders are."""
    exports: set[str] = set()
    others: list[str] = []
    manifests: defaultdict[str, list[_Manifest]] = defaultdict(list)
    for full, path in tree.full.items():
        if found := _MANIFEST.fullmatch(full):
            at = run_time(found["run"] or "") or tree.files[path].modified
            manifests[found["month"]].append(_Manifest(at, full, found["partition"]))
        elif not (found := _DATA.fullmatch(full)):
            if _ABOUT not in f"/{path}":
                others.append(path)
            continue
        exports.add(found["export"])
    if not exports:
        return None
    export = the_one(tree.root, sorted(exports))
    if not f"{export}/".startswith(f"{tree.root}/"):
        raise Unreadable(
            f"read {tree.root}: this is part of an AWS Data Export, whose data and manifests lie "
            f"beside each other; name {export}, and choose months by the declared period"
        )
    check_finished(export, manifests, months)
    runs = [
        _run(tree, export, month, max(found))
        for month, found in sorted(manifests.items())
        if is_wanted([month], months)
    ]
    return plan_of(export, runs, others)


def run_time(folder: str) -> datetime | None:
    """The time that the folder of a refresh begins with, as in `20240930T053621Z-<execution>`."""
    found = _RUN.match(folder)
    if not found:
        return None
    try:
        return datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _run(tree: Tree, export: str, month: str, newest: _Manifest) -> Run:
    document = tree.manifest(newest.full)
    written = tree.files[tree.full[newest.full]].modified
    document.not_after(newest.at, written)
    _check_columns(document)
    listed = document.get("dataFiles", list)
    if len(listed) > MOST_FILES:
        raise document.wrong(f"lists {len(listed)} dataFiles; more than {MOST_FILES} are not read")
    paths = (_path(tree, document, export, newest.partition, entry) for entry in listed)
    files = each_once(document, map(Listed, paths))
    for file in files:
        if tree.files[file.path].modified > written:
            raise Incomplete(
                f"read {tree.root}/{file.path}: it is newer than its manifest, so the export is "
                "being written; it is looked at again. If these are copies, copy the manifests last"
            )
    return Run((month,), newest.at, files)


def _check_columns(document: Document) -> None:
    """Other tables than FOCUS have the same layout; where the columns are told, they tell."""
    columns = document.find("columns", list) or []
    names = {
        str(column.get("name") if isinstance(column, dict) else column).casefold()
        for column in columns
    }
    if names and _COST not in names:
        raise document.wrong(
            "is that of another table than FOCUS: it has no column BilledCost; make an export of "
            "'FOCUS with AWS columns' in AWS Data Exports"
        )


def _path(tree: Tree, document: Document, export: str, partition: str, entry: object) -> str:
    """Where a listed file lies here: below `data/<partition>/` of this export, whatever is before.

    An export that was copied or replicated names the bucket and folder that it was written to.
    """
    if not isinstance(entry, str):
        raise document.wrong("lists dataFiles that are no text")
    names = document.names_of(_BUCKET.sub("", entry.strip(), count=1))
    lower = [name.lower() for name in names]
    places = [
        at
        for at in range(len(names) - 2)
        if lower[at] == "data" and lower[at + 1] == partition.lower()
    ]
    if not places:
        raise document.outside(entry)
    full = "/".join([export, *names[places[-1] :]])
    if full not in tree.full:
        raise missing(document.name, full)
    return tree.full[full]
