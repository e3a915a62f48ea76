"""The id of a delivery: the same content under the same meaning is the same delivery."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields

from costwire_focus.instants import DateOrder
from costwire_focus.manifest import Mode
from costwire_sources.source import Part

_FORMAT = 1
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Meaning:
    """The settings that change what the bytes of a report mean."""

    table: str
    mode: Mode
    period: tuple[str, ...]
    currency: str | None
    dates: DateOrder | None
    focus_version: str | None
    encoding: str | None = None
    map_legacy: bool = False

    def said(self) -> dict[str, object]:
        """The settings by name; the later ones only where they differ from their default.

        So deliveries that do without them keep their ids.
        """
        told = asdict(self)
        later = [field for field in fields(self) if field.default is not MISSING]
        for field in later:
            if told[field.name] == field.default:
                del told[field.name]
        return told


def delivery_id(meaning: Meaning, parts: Sequence[str]) -> str:
    """SHA-256 over the meaning and the parts' hashes in order; names of files are no part of it."""
    said = {"format": _FORMAT, **meaning.said(), "parts": list(parts)}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def shelf_key(source: str, meaning: Meaning) -> str:
    """Stands for everything that what is published depends on, beside the bytes."""
    said = json.dumps({"source": source, **meaning.said()}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def content_hash(part: Part) -> str:
    """SHA-256 of a part's bytes as they are stored."""
    digest = hashlib.sha256()
    with part.open() as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
