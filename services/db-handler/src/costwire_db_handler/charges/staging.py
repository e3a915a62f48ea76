"""Parts of open deliveries on disk: Arrow files that survive a kill, one folder per delivery."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from costwire_db_handler.charges.prepare import Prepared
from costwire_db_handler.charges.summary import Summary
from costwire_db_handler.errors import PartDiffers
from costwire_focus.manifest import ChangeKind
from costwire_focus.repeats import plain_table

_DIGEST, _QUARANTINE, _REFUSED, _ROWS = b"digest", b"quarantine", b"refused", b"rows"
_SUMMARY = b"summary"
_BLOCK_BYTES = 1 << 20
_SUFFIX, _UNFINISHED = ".arrow", ".unfinished"
_CHECKSUM_BYTES = 32
"""Behind each file: SHA-256 of all before. Arrow has none, and a bit of an amount is money."""


class StagingArea:
    """The staged parts of all open deliveries."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moving = threading.Lock()

    def keep_only(self, commits: Collection[int]) -> None:
        """Remove the parts of deliveries that are open no more, and what was never finished."""
        if not self._folder.is_dir():
            return
        kept = {str(commit) for commit in commits}
        for path in self._folder.iterdir():
            if path.is_dir() and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix == _UNFINISHED:
                path.unlink()

    def parts_of(self, commit: int, kind: ChangeKind | None = None) -> StagedParts:
        """What is staged of a delivery at this moment; `kind`: of what it changes."""
        return StagedParts(self._of(commit, kind))

    def holds(self, commit: int, seq: int, digest: str, kind: ChangeKind | None = None) -> bool:
        """Whether a part is there; raises `PartDiffers` when it is there with other bytes."""
        path = part_path(self._of(commit, kind), seq)
        if not path.exists():
            return False
        if _metadata(path)[_DIGEST].decode() != digest:
            raise PartDiffers(
                f"stage part {seq}: it was staged before with other bytes; "
                "abort the delivery and open it anew"
            )
        return True

    def place(
        self,
        commit: int,
        seq: int,
        part: Prepared,
        digest: str,
        must_be_open: Callable[[], None],
        kind: ChangeKind | None = None,
    ) -> None:
        """Keep a part durably, as a whole or not at all.

        `must_be_open` raises when the delivery was settled meanwhile; then nothing is kept.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            write_part(unfinished, part, digest)
            with self._moving:
                must_be_open()
                if not self.holds(commit, seq, digest, kind):
                    self._of(commit, kind).mkdir(parents=True, exist_ok=True)
                    unfinished.replace(part_path(self._of(commit, kind), seq))
        finally:
            unfinished.unlink(missing_ok=True)

    def clear(self, commit: int) -> None:
        """Remove all parts of a delivery that is open no more."""
        with self._moving:
            shutil.rmtree(self._of(commit), ignore_errors=True)

    def _of(self, commit: int, kind: ChangeKind | None = None) -> Path:
        return self._folder / str(commit) / (kind or "")


class StagedParts:
    """The parts of one delivery that were there when it was asked for; later ones are not seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.numbers = sorted(int(path.stem) for path in folder.glob(f"*{_SUFFIX}"))

    def verify(self) -> None:
        """Raise `PartDiffers` where a file is no longer what was staged."""
        for path in self._paths():
            with path.open("rb") as file:
                end = path.stat().st_size - _CHECKSUM_BYTES
                if end <= 0 or _checksum(file, end) != file.read():
                    raise _damaged(path)

    def read(self, names: Sequence[str] | None = None, *, plain: bool = True) -> Iterator[pa.Table]:
        """The parts in order, whole or with some of their columns (those that a part has).

        `plain=False`: columns may be dictionaries, as they are staged.
        """
        for path in self._paths():
            with _opened(path) as file:
                table = _read_columns(file, names)
                yield plain_table(table) if plain else table

    def schemas(self) -> Iterator[pa.Schema]:
        """The schema of each part, with dictionaries as they are staged."""
        for path in self._paths():
            with _opened(path) as file:
                yield _reader(file).schema.remove_metadata()

    def quarantine(self) -> Iterator[dict[str, Any]]:
        """The rows of all parts that cannot be stored."""
        for path in self._paths():
            yield from json.loads(_metadata(path)[_QUARANTINE])

    def refused(self) -> Iterator[dict[str, str | None]]:
        """The cells of the same rows, as they came."""
        for path in self._paths():
            yield from json.loads(_metadata(path)[_REFUSED])

    def sizes(self) -> dict[int, int]:
        """How many charges each part came with, the refused ones included."""
        return {seq: int(_metadata(part_path(self._folder, seq))[_ROWS]) for seq in self.numbers}

    @cached_property
    def summary(self) -> Summary:
        """What is known of all parts together."""
        return Summary.merged(_summary(path) for path in self._paths())

    def _paths(self) -> Iterator[Path]:
        return (part_path(self._folder, seq) for seq in self.numbers)


def part_path(folder: Path, seq: int) -> Path:
    """Where a part stands in the folder of its delivery."""
    return folder / f"{seq:08}{_SUFFIX}"


def _metadata(path: Path) -> dict[bytes, bytes]:
    with _opened(path) as file:
        return dict(_reader(file).schema.metadata)


def _summary(path: Path) -> Summary:
    told = _metadata(path).get(_SUMMARY)
    if told is None:
        raise PartDiffers(
            f"read part {int(path.stem)}: another version of the handler staged it; "
            "abort the delivery and open it anew"
        )
    return Summary.model_validate_json(told)


def write_part(path: Path, part: Prepared, digest: str) -> None:
    """Write a part durably."""
    metadata = {
        _DIGEST: digest.encode(),
        _QUARANTINE: json.dumps(part.quarantine).encode(),
        _REFUSED: json.dumps(part.refused.to_pylist()).encode(),
        _ROWS: str(part.charges.num_rows + part.refused.num_rows).encode(),
        _SUMMARY: part.summary.model_dump_json().encode(),
    }
    table = part.charges.replace_schema_metadata(metadata)
    with path.open("w+b") as sink:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        sink.write(_checksum(sink, sink.tell()))
        sink.flush()
        os.fsync(sink.fileno())


def _checksum(file: BinaryIO, end: int) -> bytes:
    """Of the bytes before `end`, where the file stands afterwards."""
    digest = hashlib.sha256()
    file.seek(0)
    while end and (block := file.read(min(end, _BLOCK_BYTES))):
        digest.update(block)
        end -= len(block)
    return digest.digest()


def _read_columns(file: pa.NativeFile, names: Sequence[str] | None) -> pa.Table:
    if names is None:
        return _reader(file).read_all()
    schema = _reader(file).schema
    wanted = [schema.get_field_index(name) for name in names if name in schema.names]
    file.seek(0)
    # None at all would mean every column.
    options = pa.ipc.IpcReadOptions(included_fields=wanted or [0])
    return _reader(file, options).read_all().select(range(len(wanted)))


@contextmanager
def _opened(path: Path) -> Iterator[pa.NativeFile]:
    try:
        with pa.OSFile(str(path)) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def _reader(
    file: pa.NativeFile, options: pa.ipc.IpcReadOptions | None = None
) -> pa.ipc.RecordBatchFileReader:
    end = file.size() - _CHECKSUM_BYTES
    if end <= 0:
        raise pa.ArrowInvalid("no part")
    return pa.ipc.open_file(file, footer_offset=end, options=options)


def _damaged(path: Path) -> PartDiffers:
    return PartDiffers(
        f"read part {int(path.stem)}: its file is damaged, or another version of the handler "
        "staged it; abort the delivery and open it anew"
    )
