"""Parts of open deliveries on disk: Arrow files that survive a kill, one folder per delivery."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from costwire_db_handler.errors import PartDiffers

_DIGEST, _QUARANTINE, _REFUSED = b"digest", b"quarantine", b"refused"


class Staging:
    """The staged parts of one delivery. A part is there as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def parts(self) -> list[int]:
        """The numbers of the parts that are there."""
        return sorted(int(path.stem) for path in self._folder.glob("*.arrow"))

    def holds(self, seq: int, digest: str) -> bool:
        """Whether the part is there; raises `PartDiffers` when it is there with other bytes."""
        path = self._path(seq)
        if not path.exists():
            return False
        known = self._metadata(seq)[_DIGEST].decode()
        if known != digest:
            raise PartDiffers(
                f"stage part {seq}: it was staged before with other bytes; "
                "abort the delivery and open it anew"
            )
        return True

    def write(
        self,
        seq: int,
        charges: pa.Table,
        *,
        digest: str,
        quarantine: Sequence[dict[str, Any]],
        refused: pa.Table,
    ) -> None:
        """Keep a part durably, with the rows of it that cannot be stored."""
        self._folder.mkdir(parents=True, exist_ok=True)
        metadata = {
            _DIGEST: digest.encode(),
            _QUARANTINE: json.dumps(list(quarantine)).encode(),
            _REFUSED: json.dumps(refused.to_pylist()).encode(),
        }
        table = charges.replace_schema_metadata(metadata)
        path = self._path(seq)
        unfinished = path.with_suffix(".unfinished")
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with unfinished.open("wb") as sink:
            with pa.ipc.new_file(sink, table.schema, options=options) as writer:
                writer.write_table(table)
            sink.flush()
            os.fsync(sink.fileno())
        unfinished.replace(path)

    def read(self, names: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The parts in order, whole or with some of their columns (those that a part has)."""
        for seq in self.parts():
            with pa.OSFile(str(self._path(seq))) as file:
                yield _read_columns(file, names).replace_schema_metadata(None)

    def schemas(self) -> Iterator[pa.Schema]:
        """The schema of each part."""
        for seq in self.parts():
            with pa.OSFile(str(self._path(seq))) as file:
                yield pa.ipc.open_file(file).schema.remove_metadata()

    def quarantine(self) -> list[dict[str, Any]]:
        """The rows of all parts that cannot be stored."""
        return [row for seq in self.parts() for row in json.loads(self._metadata(seq)[_QUARANTINE])]

    def refused(self) -> list[dict[str, str | None]]:
        """The cells of the same rows, as they came."""
        return [row for seq in self.parts() for row in json.loads(self._metadata(seq)[_REFUSED])]

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _metadata(self, seq: int) -> dict[bytes, bytes]:
        with pa.OSFile(str(self._path(seq))) as file:
            return dict(pa.ipc.open_file(file).schema.metadata)

    def _path(self, seq: int) -> Path:
        return self._folder / f"{seq:08}.arrow"


def _read_columns(file: pa.NativeFile, names: Sequence[str] | None) -> pa.Table:
    if names is None:
        return pa.ipc.open_file(file).read_all()
    schema = pa.ipc.open_file(file).schema
    wanted = [schema.get_field_index(name) for name in names if name in schema.names]
    file.seek(0)
    options = pa.ipc.IpcReadOptions(included_fields=wanted)
    return pa.ipc.open_file(file, options=options).read_all()
