"""An estate as files: relative paths and bytes, the truth about them last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from costwire_focus.estates.estate import Estate
from costwire_focus.estates.report import generate

TRUTH = "truth.json"


def files(estate: Estate) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each file's path below the target folder and its bytes; `truth.json` is the last one."""
    reports: list[dict[str, Any]] = []
    for report in generate(estate):
        reports.append(report.truth)
        name, chunks = report.name, report.chunks()
        del report  # before the next one is made: two of them would double the memory
        yield name, chunks
    truth = {"seed": estate.seed, "rows": estate.rows, "reports": reports}
    yield TRUTH, iter([json.dumps(truth, indent=1, ensure_ascii=False).encode() + b"\n"])
