"""The quarantine file: one JSON object per unusable row."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from costwire_focus.batch import Unusable


class QuarantineWriter:
    """Appends rows; their bytes as base64, since they may be anything."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, rows: Sequence[Unusable]) -> None:
        """Append rows in the order given."""
        self._file.writelines(_line(row) for row in rows)


def _line(row: Unusable) -> str:
    told = {
        "file": row.file,
        "line": row.line,
        "raw": base64.b64encode(row.raw).decode("ascii"),
        "column": row.column,
        "rule": row.rule,
        "reason": row.reason,
    }
    return f"{json.dumps(told, ensure_ascii=False)}\n"
