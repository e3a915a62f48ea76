"""What a delivery is told by, at the door: manifests and lists of quarantined rows; pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from costwire_db_handler.errors import BadManifest, BadPart
from costwire_db_handler.quarantined import NEEDED
from costwire_focus.amounts import READABLE
from costwire_focus.canonical import exact_sum
from costwire_focus.manifest import MANIFEST_FORMAT, CostSum, Manifest

_AMOUNT = re.compile(READABLE)


def read_manifest(body: bytes) -> Manifest:
    """A manifest that does not contradict itself; raises `BadManifest`."""
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as wrong:
        raise BadManifest(f"read the manifest: {_first_error(wrong)}") from wrong
    contradiction = _contradiction(manifest)
    if contradiction:
        raise BadManifest(f"read the manifest: {contradiction}")
    return manifest


def read_quarantine(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The rows that an exporter could not use, one JSON object a line; raises `BadPart`."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _quarantined(line, number)


def _contradiction(manifest: Manifest) -> str | None:
    if manifest.format != MANIFEST_FORMAT:
        return f"format {manifest.format} is not known here; this handler takes {MANIFEST_FORMAT}"
    rows = manifest.rows
    if rows.read != rows.published + rows.quarantined:
        return (
            f"rows: {rows.read} were read, but {rows.published} published "
            f"and {rows.quarantined} quarantined"
        )
    names = Counter(column.name for column in manifest.columns)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        return f"columns: {twice[0]!r} stands twice"
    for currency, lines in manifest.sums.items():
        for column, line in lines.items():
            wrong = line and _wrong_sum(line)
            if wrong:
                return f"sums: {column} in {currency}: {wrong}"
    return None


def _wrong_sum(line: CostSum) -> str | None:
    try:
        read, *parts = map(_amount, (line.read, line.published, line.quarantined))
        total = exact_sum(parts)
    except ArithmeticError:
        return "one of its sums is no amount"
    if read != total:
        return f"{line.read} was read, but {line.published} published"
    return None


def _amount(text: str) -> Decimal:
    if not _AMOUNT.match(text):
        raise InvalidOperation
    return exact_sum((Decimal(text),))


def _quarantined(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as broken:
        raise BadPart(f"read the quarantine: line {number} is no JSON", line=number) from broken
    if not isinstance(row, dict) or not all(name in row for name in NEEDED):
        raise BadPart(
            f"read the quarantine: line {number} lacks one of {', '.join(NEEDED)}", line=number
        )
    cells = row.get("cells")
    texts = [row[name] for name in NEEDED if name not in ("line", "column")]
    is_number = type(row["line"]) is int and 0 <= row["line"] < 1 << 63
    is_column = row["column"] is None or _is_text(row["column"])
    if not (is_number and is_column and all(map(_is_text, texts))):
        raise BadPart(
            f"read the quarantine: line {number}: `line` is a whole number, all else is text",
            line=number,
        )
    if cells is not None and not (isinstance(cells, dict) and all(map(_is_text, cells.values()))):
        raise BadPart(
            f"read the quarantine: line {number}: `cells` has a text for each column", line=number
        )
    return {name: row[name] for name in NEEDED} | {"cells": cells}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _first_error(wrong: ValidationError) -> str:
    error = wrong.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(step) for step in error["loc"]) or "the document"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"
