"""Azure Cost Management exports: `<export>/20240901-20240930/<run>/manifest.json` and its blobs.

An export either overwrites the run of its period, or leaves each one beside those before it, in
most cases below a folder of its time. A run whose manifest is not there yet is unfinished. Older
exports have neither runs' folders nor manifests, but a file `<export>_<run>.csv` for each run.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from operator import itemgetter
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

_PERIOD = re.compile(r"(?P<export>.*)/(?P<period>(\d{8})-(\d{8}))(?:/(?P<run>.+))?", re.ASCII)
_MANIFESTS = ("manifest.json", "_manifest.json")
_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RUN_FILE = re.compile(rf".*[-_](?P<run>{_RUN.pattern})\.[^/]*", re.IGNORECASE)
_TIME = re.compile(r"\d{12}(\d\d)?", re.ASCII)
_FOCUS = "focuscost"


class _Finished(NamedTuple):
    """A run that has a manifest."""

    at: datetime
    folder: str
    document: Document


def read(tree: Tree, months: Sequence[str]) -> Plan | None:
    """The newest finished run of every period; None where no such folders are."""
    exports: set[str] = set()
    others: list[str] = []
    folders: defaultdict[str, list[str]] = defaultdict(list)
    files: defaultdict[str, set[str]] = defaultdict(set)
    for full, path in tree.full.items():
        folder, _, name = full.rpartition("/")
        found = _PERIOD.fullmatch(folder)
        if not found:
            others.append(path)
            continue
        if name in _MANIFESTS:
            folders[found["period"]].append(full)
        elif not any(_RUN.fullmatch(part) for part in (found["run"] or "").split("/")):
            others.append(path)
            if told := _RUN_FILE.fullmatch(name):
                files[folder].add(told["run"])
            continue
        exports.add(found["export"])
    if not exports:
        _refuse_runs_as_files(files)
        return None
    export = the_one(tree.root, sorted(exports))
    months_of = {period: _months(export, period) for period in sorted(folders)}
    _refuse_overlap(export, months_of)
    check_finished(export, chain.from_iterable(months_of.values()), months)
    runs = [
        _run(tree, own, folders[period])
        for period, own in months_of.items()
        if is_wanted(own, months)
    ]
    return plan_of(export, runs, others)


def _refuse_runs_as_files(files: Mapping[str, set[str]]) -> None:
    for folder, runs in files.items():
        if len(runs) > 1:
            raise Unreadable(
                f"read {folder}: these are {len(runs)} runs of an Azure export without manifests, "
                "each with all charges; name one file, let the export overwrite its file or write "
                "manifests (file partitioning), or read them as one report with the layout none"
            )


def _months(export: str, period: str) -> tuple[str, ...]:
    """The months of a period. Raises: `Unreadable` for parts of months."""
    start, end = (_date(text) for text in period.split("-"))
    whole = start and end and start <= end and start.day == 1
    if not (whole and start and end and end.day == monthrange(end.year, end.month)[1]):
        raise Unreadable(
            f"read {export}/{period}: these are not whole months, and part of a month cannot "
            "replace the month; export by month, or read it with the layout none"
        )
    count = (end.year - start.year) * 12 + end.month - start.month + 1
    numbers = range(start.month - 1, start.month - 1 + count)
    return tuple(f"{start.year + number // 12:04d}-{number % 12 + 1:02d}" for number in numbers)


def _date(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def _refuse_overlap(export: str, months_of: dict[str, tuple[str, ...]]) -> None:
    owner: dict[str, str] = {}
    for period, months in months_of.items():
        for month in months:
            if owner.setdefault(month, period) != period:
                raise Unreadable(
                    f"read {export}: {month} is in {owner[month]} and in {period}; its charges "
                    "would count twice: name one of these folders"
                )


def _run(tree: Tree, months: tuple[str, ...], manifests: Sequence[str]) -> Run:
    newest = max((_finished(tree, full) for full in _newest(manifests)), key=itemgetter(0, 1))
    document = newest.document
    _check_kind(document)
    blobs = document.sections("blobs", MOST_FILES)
    told = document.count("blobCount")
    if told is not None and told != len(blobs):
        raise document.wrong(f"tells of {told} blobs and lists {len(blobs)}")
    files = (Listed(_path(tree, newest, blob), blob.count("dataRowCount")) for blob in blobs)
    return Run(months, newest.at, each_once(document, files))


def _newest(manifests: Sequence[str]) -> list[str]:
    """Those of the newest time, where all runs are in folders of their times; else all."""
    times = {full: _folder_time(full) for full in manifests}
    newest = max(times.values()) if all(times.values()) else None
    return [full for full in manifests if newest in (None, times[full])]


def _folder_time(full: str) -> str:
    """The name of a folder such as `202409301527` between the period and the manifest."""
    found = _PERIOD.fullmatch(full)
    names = (found["run"] or "").split("/") if found else []
    return next((name for name in names if _TIME.fullmatch(name)), "")


def _finished(tree: Tree, full: str) -> _Finished:
    document = tree.manifest(full)
    written = tree.files[tree.full[full]].modified
    submitted = document.section("runInfo").instant("submittedTime")
    at = submitted or written
    document.not_after(at, written)
    return _Finished(at, full.rpartition("/")[0], document)


def _check_kind(document: Document) -> None:
    kind = document.section("exportConfig").get("type", str)
    if kind.casefold() != _FOCUS:
        raise document.wrong(
            f"is that of an export of {kind[:50]!r}; make one of 'Cost and usage details (FOCUS)', "
            "whose type is FocusCost"
        )


def _path(tree: Tree, run: _Finished, blob: Document) -> str:
    """Where a blob lies here: in the folder of its manifest, whatever is before that."""
    told = blob.get("blobName", str)
    names, own = blob.names_of(told), run.folder.rpartition("/")[2]
    places = [at for at, name in enumerate(names[:-1]) if name == own]
    if not places:
        raise blob.outside(told)
    full = "/".join([run.folder, *names[places[-1] + 1 :]])
    if full not in tree.full:
        raise missing(run.document.name, full)
    path, size = tree.full[full], blob.count("byteCount")
    # Of packed files nobody says which size is told; a torn one is found when it is unpacked.
    if size is not None and full.endswith(".csv") and tree.files[path].size != size:
        raise Incomplete(
            f"read {full}: it has {tree.files[path].size} bytes, and its manifest tells of {size}; "
            "it is still being written or copied, and is looked at again"
        )
    return path
