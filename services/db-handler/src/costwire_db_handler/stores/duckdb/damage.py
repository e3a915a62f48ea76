"""What DuckDB says where its file is damaged, and what is to be done then.

DuckDB keeps a checksum of each block of its file and of each record of its log, so damage is
refused, never read.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

REMEDY = (
    "put back a copy of the data folder that was made while the handler was stopped, or "
    "start with an empty folder and restart the scrapers: they deliver anew what exporters serve"
)
SENTENCE = "the file of the database is damaged; whoever runs the handler has to put back a copy"


def is_damage(error: BaseException) -> bool:
    """Whether an error is the engine's word for a file that cannot be trusted."""
    told = isinstance(error, duckdb.Error) and "Corrupt" in str(error)
    return told or isinstance(error, duckdb.FatalException)


def told(path: Path, refusal: duckdb.Error) -> str:
    """Why a file cannot be opened, and what to do; `refusal`: what the engine says."""
    said = f"open {path}: {str(refusal).splitlines()[0]}"
    return f"{said}; {REMEDY}" if is_damage(refusal) else said
