"""Reports on disk: a file, a folder of parts, or a glob."""

import glob
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

from costwire_sources.errors import NotFound, SourceChanged, SourceError, Unreadable
from costwire_sources.layouts import Seen, Tree, Wanted, find_report
from costwire_sources.naming import HEAD_BYTES, judge_head, judge_name, nearest_names
from costwire_sources.source import State

# A file may be rewritten within one tick of its clock, at the same size. What is younger than this
# when it is polled is therefore read once more at the next poll.
SETTLED_AFTER_SECONDS = 2.0
_UNSETTLED = "~"


@dataclass(frozen=True)
class _Stamp:
    """What changes about a file when it is rewritten or replaced."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(frozen=True)
class FilePart:
    """One file on disk, as it was when its source was polled."""

    name: str
    path: Path
    stamp: _Stamp
    rows: int | None = None

    @property
    def uri(self) -> str:
        """Where it is."""
        return self.path.as_uri()

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.stamp.size

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes; what they are is compared with what was polled."""
        try:
            stream = self.path.open("rb")
        except OSError as error:
            raise _translated(error, self.path) from error
        with stream:
            self._compare(os.fstat(stream.fileno()))
            yield stream

    def verify(self) -> None:
        """Raise `SourceChanged` when the path holds another content than the polled one."""
        try:
            self._compare(self.path.stat())
        except OSError as error:
            raise SourceChanged(
                f"read {self.path}: it was removed while it was read; wait for the next poll"
            ) from error

    def _compare(self, found: os.stat_result) -> None:
        if _Stamp.of(found) != self.stamp:
            raise SourceChanged(
                f"read {self.path}: it was rewritten while it was read; "
                "write to another name and rename it into place, or wait for the next poll"
            )


@dataclass(frozen=True)
class FileReading:
    """The files that a poll found."""

    name: str
    months: tuple[str, ...]
    state: State
    generation: datetime
    parts: Sequence[FilePart]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was spooled, so nothing is freed."""


@dataclass(frozen=True)
class _Found:
    """What is there, and what a layout tells of it."""

    parts: Sequence[FilePart]
    export: str | None = None
    months: tuple[str, ...] = ()
    generation: datetime | None = None
    manifests: Sequence[FilePart] = ()

    def state(self, *, settled: bool) -> State:
        told = "\n".join(
            [
                f"{self.export}\0{self.months}",
                *(f"{part.name}\0{part.stamp}" for part in (*self.manifests, *self.parts)),
            ]
        )
        digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
        return State(digest if settled else digest + _UNSETTLED)


class FileSource:
    """A file, a folder or a glob; unchanged means that no file's stamp moved.

    Its name is the absolute path: two files of one name in two folders are two sources. A folder
    is read as its layout means it, and then has the name of the export that it belongs to.
    """

    def __init__(self, text: str, *, name: str | None = None, wanted: Wanted | None = None) -> None:
        self._text = os.path.normpath(Path(text).expanduser().absolute())
        self._told_name = name
        self.name = name or self._text
        self._wanted = wanted or Wanted()

    def poll(self, previous: State | None) -> FileReading | None:
        """Stat the files, and read nothing but manifests."""
        found = _find(self._text, self._wanted)
        files = (*found.parts, *found.manifests)
        settled = time.time_ns() - _newest(files) > SETTLED_AFTER_SECONDS * 1e9
        state = found.state(settled=settled)
        if state == previous and not state.endswith(_UNSETTLED):
            return None
        return FileReading(
            name=self._told_name or found.export or self.name,
            months=found.months,
            state=state,
            generation=found.generation or _instant(_newest(found.parts)),
            parts=tuple(found.parts),
        )


def _newest(files: Sequence[FilePart]) -> int:
    return max(file.stamp.mtime_ns for file in files)


def _instant(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 10**9)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 10**3)


def _find(text: str, wanted: Wanted) -> _Found:
    path = Path(text)
    try:
        found = path.stat()
    except FileNotFoundError as error:
        if glob.has_magic(text):
            wanted.refuse(text)
            return _Found(_find_glob(text))
        raise NotFound(_nothing_there(path)) from error
    except OSError as error:
        raise _translated(error, path) from error
    if stat.S_ISDIR(found.st_mode):
        return _find_in_folder(path, wanted)
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"read {path}: it is neither a file nor a folder; give one of these")
    wanted.refuse(text)
    return _Found([FilePart(path.name, path, _Stamp.of(found))])


def _find_in_folder(folder: Path, wanted: Wanted) -> _Found:
    files = {file.name: file for file in _regular(folder, _walk(folder))}
    seen = {name: Seen(file.size, _instant(file.stamp.mtime_ns)) for name, file in files.items()}
    tree = Tree(folder.as_posix(), seen, lambda path: _content(files[path]))
    plan = find_report(tree, wanted, lambda path: _is_report(files[path]))
    if not plan.files:
        raise NotFound(
            f"read {folder}: the folder holds no report; "
            "it may hold .csv, .tsv, .jsonl, .json and .parquet files, packed ones too, "
            "also in sub-folders"
        )
    return _Found(
        [replace(files[listed.path], rows=listed.rows) for listed in plan.files],
        plan.export,
        plan.months,
        plan.generation,
        [files[path] for path in tree.read],
    )


def _walk(folder: Path) -> Iterator[Path]:
    """All files below, without folders hidden by `.` or `_` (Hive); links are not followed."""

    def refuse(error: OSError) -> None:
        raise _translated(error, folder) from error

    for root, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        yield from (Path(root, name) for name in files)


def _find_glob(text: str) -> list[FilePart]:
    fixed = Path(*_before_magic(Path(text).parts))
    pattern = Path(text).relative_to(fixed).as_posix()
    names = glob.iglob(pattern, root_dir=fixed, recursive=True)  # noqa: PTH207 -- skips hidden files
    files = _regular(fixed, (fixed / name for name in names))
    parts = sorted((file for file in files if _is_report(file)), key=lambda part: part.name)
    if not parts:
        raise NotFound(f"read {text}: no report matches this pattern; look into {fixed}")
    return parts


def _before_magic(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if glob.has_magic(name):
            return
        yield name


def _regular(base: Path, paths: Iterator[Path]) -> Iterator[FilePart]:
    """The files among these; what vanishes meanwhile and is no report is passed over."""
    for path in paths:
        try:
            found = path.stat()
        except OSError as error:
            if judge_name(path.name) is False:
                continue
            raise _translated(error, path) from error
        if stat.S_ISREG(found.st_mode):
            yield FilePart(path.relative_to(base).as_posix(), path, _Stamp.of(found))


def _is_report(file: FilePart) -> bool:
    verdict = judge_name(file.path.name)
    if verdict is not None:
        return verdict
    try:
        with file.path.open("rb") as stream:
            return judge_head(file.path.name, stream.read(HEAD_BYTES))
    except OSError as error:
        raise _translated(error, file.path) from error


def _content(file: FilePart) -> bytes:
    with file.open() as stream:
        return stream.read()


def _nothing_there(path: Path) -> str:
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    if folder != path.parent:
        return f"read {path}: there is no folder {path.parent}; the nearest one is {folder}"
    near = nearest_names(path.name, (entry.name for entry in folder.iterdir()))
    hint = f"did you mean {' or '.join(near)}?" if near else f"look into {folder.absolute()}"
    return f"read {path}: there is no such file or folder; {hint}"


def _translated(error: OSError, path: Path) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceChanged(f"read {path}: it was removed meanwhile; wait for the next poll")
    if isinstance(error, PermissionError):
        return Unreadable(
            f"read {path}: permission denied; let the user of this process read it (chmod, chown)"
        )
    return Unreadable(f"read {path}: {error.strerror or error}")
