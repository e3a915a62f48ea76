"""What the readers give: charges as columns of text, and rows that could not be cut into cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Unusable:
    """A row for the quarantine: where it stood, its bytes, and which rule it broke."""

    file: str
    line: int
    raw: bytes
    column: str | None
    rule: str
    reason: str
    row: int | None = None
    """Its place among the charges of its batch; None where it could not be cut into cells."""


@dataclass(frozen=True)
class Batch:
    """Some consecutive charges of one part of a report.

    Shape: every column of `charges` is text (`pa.string()`), named as in the report.
    Null:  an empty cell, and a bare `NULL` or `null`, is null; a quoted `"NULL"` is text.
    Lines: 1-based physical line at which a charge starts (the header is line 1); in formats
           without lines, the number of the row. Several records of JSON may share a line.
    """

    charges: pa.Table
    lines: pa.Array
    file: str
    raw: Callable[[int], bytes]
    unusable: list[Unusable] = field(default_factory=list)
    hashes: NDArray[np.void] | None = None
    """Of the charges' records, where the reader was asked to tell known ones."""
