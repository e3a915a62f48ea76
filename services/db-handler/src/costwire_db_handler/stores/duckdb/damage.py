"""What DuckDB says where its file is damaged, and what is to be done then.

DuckDB keeps a checksum of each block of its file and of each record of its log, so damage is
refused, never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

REMEDY = (
    "put back a copy of the data folder that was made while the handler was stopped, or "
    "start with an empty folder: scrapers deliver anew what exporters serve"
)
SENTENCE = "the file of the database is damaged; whoever runs the handler has to put back a copy"
_OF_STATEMENTS = (
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.NotSupportedError,
    duckdb.ProgrammingError,
)
"""What the engine says of statements, in which values and names of users stand."""


def is_damage(error: BaseException) -> bool:
    """Whether an error is the engine's word for a file that cannot be trusted."""
    # A log that belongs to another state of the file is as bad: the two were copied apart.
    is_of_file = isinstance(error, duckdb.Error) and not isinstance(error, _OF_STATEMENTS)
    said = str(error) if is_of_file else ""
    return "Corrupt" in said or "WAL checkpoint iteration" in said


def has_given_up(error: BaseException) -> bool:
    """Whether the engine does nothing more until its file is opened anew: a write did not succeed.

    What was committed stands in the log, also where the disk is full.
    """
    return any(
        isinstance(one, duckdb.FatalException) and not is_damage(one) for one in _causes(error)
    )


def given_up(error: BaseException) -> str:
    """What a caller is told then."""
    full = any("No space left" in str(one) for one in _causes(error))
    reason = "the disk of the data folder is full" if full else "the engine could not write"
    return f"ask the database: {reason}; it is opened anew, try again in a while"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def told(path: Path, refusal: duckdb.Error) -> str:
    """Why a file cannot be opened, and what to do; `refusal`: what the engine says."""
    said = f"open {path}: {str(refusal).splitlines()[0]}"
    return f"{said}; {REMEDY}" if is_damage(refusal) else said
