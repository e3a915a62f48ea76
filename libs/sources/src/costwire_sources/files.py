"""Reports on disk: a file, a folder of parts, or a glob."""

import glob
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

from costwire_sources.errors import NotFound, SourceChanged, SourceError, Unreadable
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

    state: State
    generation: datetime
    parts: Sequence[FilePart]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was spooled, so nothing is freed."""


class FileSource:
    """A file, a folder or a glob; unchanged means that no file's stamp moved.

    Its name is the absolute path: two files of one name in two folders are two sources.
    """

    def __init__(self, text: str, *, name: str | None = None) -> None:
        self._text = os.path.normpath(Path(text).expanduser().absolute())
        self.name = name or self._text

    def poll(self, previous: State | None) -> FileReading | None:
        """Stat the files, and read nothing."""
        parts = _find(self._text)
        newest = max(part.stamp.mtime_ns for part in parts)
        state = _state(parts, settled=time.time_ns() - newest > SETTLED_AFTER_SECONDS * 1e9)
        if state == previous and not state.endswith(_UNSETTLED):
            return None
        generation = datetime.fromtimestamp(newest // 10**9, UTC)
        return FileReading(
            state, generation.replace(microsecond=newest % 10**9 // 10**3), tuple(parts)
        )


def _state(parts: Sequence[FilePart], *, settled: bool) -> State:
    stamps = "\n".join(f"{part.name}\0{part.stamp}" for part in parts)
    digest = hashlib.sha256(stamps.encode("utf-8", "surrogateescape")).hexdigest()
    return State(digest if settled else digest + _UNSETTLED)


def _find(text: str) -> list[FilePart]:
    path = Path(text)
    try:
        found = path.stat()
    except FileNotFoundError as error:
        if glob.has_magic(text):
            return _find_glob(text)
        raise NotFound(_nothing_there(path)) from error
    except OSError as error:
        raise _translated(error, path) from error
    if stat.S_ISDIR(found.st_mode):
        return _find_in_folder(path)
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"read {path}: it is neither a file nor a folder; give one of these")
    return [FilePart(path.name, path, _Stamp.of(found))]


def _find_in_folder(folder: Path) -> list[FilePart]:
    parts = _parts(folder, _walk(folder))
    if not parts:
        raise NotFound(
            f"read {folder}: the folder holds no report; "
            "it may hold .csv, .csv.gz, .csv.zst and .parquet files, also in sub-folders"
        )
    return parts


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
    parts = _parts(fixed, (fixed / name for name in names))
    if not parts:
        raise NotFound(f"read {text}: no report matches this pattern; look into {fixed}")
    return parts


def _before_magic(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if glob.has_magic(name):
            return
        yield name


def _parts(base: Path, paths: Iterator[Path]) -> list[FilePart]:
    parts = []
    for path in paths:
        verdict = judge_name(path.name)
        if verdict is False or not (verdict or path.is_file()):
            continue
        try:
            found = path.stat()
            if stat.S_ISREG(found.st_mode) and (verdict or judge_head(_head(path))):
                parts.append(FilePart(path.relative_to(base).as_posix(), path, _Stamp.of(found)))
        except OSError as error:
            raise _translated(error, path) from error
    return sorted(parts, key=lambda part: part.name)


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


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
