"""Which file names are reports, and which names lie near a mistyped one."""

import codecs
import difflib
import re
import zlib
from collections.abc import Iterable

_TEXTS = (".csv", ".tsv", ".ndjson", ".jsonl")
_PACKINGS = ("", ".gz", ".gzip", ".zst", ".zstd", ".bz2", ".zip")
_REPORTS = (*(text + packing for text in _TEXTS for packing in _PACKINGS), ".zip", ".parquet")
_JSON = (".json", ".json.gz")
_MANIFESTS = ("manifest", "metadata", "schema")
_OTHERS = (".txt", ".md", ".xml", ".yaml", ".yml", ".crc", ".tar.gz", ".tgz", ".tar.bz2")
_PARQUET_SUMMARIES = ("_metadata", "_common_metadata")
_HEADS = (b"\x1f\x8b", b"PAR1", b"\x28\xb5\x2f\xfd", b"BZh")  # gzip, parquet, zstd, bzip2
_COST_KEY = re.compile(rb'"BilledCost"\s*:')
_LIST_OF_OBJECTS = re.compile(rb"\s*\[\s*\{")
_GZIP = 31  # zlib's sign for gzip's own frame

HEAD_BYTES = 16 * 1024


def judge_name(name: str) -> bool | None:
    """Whether a file of a folder is a part of a report; None when only its content can tell.

    Hidden files, manifests and other documents are none.
    """
    lower = name.lower()
    if lower.startswith(".") or lower.endswith(_OTHERS) or lower in _PARQUET_SUMMARIES:
        return False
    if lower.endswith(_JSON):
        return False if any(word in lower for word in _MANIFESTS) else None
    return True if lower.endswith(_REPORTS) else None


def judge_head(name: str, head: bytes) -> bool:
    """Whether a file that begins so may be a report: packed, parquet, or charges in JSON.

    A `.json` in a folder is most often a manifest, a schema or somebody's notes: it is a part where
    it is a list of objects, or has an object on its first line that names a BilledCost.
    """
    if not name.lower().endswith(_JSON):
        return head.startswith(_HEADS)
    if head.startswith(_HEADS[0]):
        try:
            head = zlib.decompressobj(_GZIP).decompress(head, HEAD_BYTES)
        except zlib.error:
            return True  # the reader says what is wrong with it
    head = head.removeprefix(codecs.BOM_UTF8)
    first_line = head.lstrip().partition(b"\n")[0]
    return bool(_LIST_OF_OBJECTS.match(head)) or (
        first_line.startswith(b"{") and _COST_KEY.search(first_line) is not None
    )


def nearest_names(wanted: str, names: Iterable[str]) -> list[str]:
    """At most three names that the writer may have meant, nearest first; case does not count."""
    by_fold = {name.casefold(): name for name in names}
    return [by_fold[fold] for fold in difflib.get_close_matches(wanted.casefold(), by_fold, 3)]
