"""Which file names are reports, and which names lie near a mistyped one."""

import difflib
from collections.abc import Iterable

_REPORTS = (".csv", ".csv.gz", ".csv.gzip", ".csv.zst", ".csv.zstd", ".parquet")
_OTHERS = (".json", ".json.gz", ".txt", ".md", ".xml", ".yaml", ".yml", ".crc", ".tar.gz", ".tgz")
_PARQUET_SUMMARIES = ("_metadata", "_common_metadata")
_HEADS = (b"\x1f\x8b", b"PAR1", b"\x28\xb5\x2f\xfd")  # gzip, parquet, zstd

HEAD_BYTES = 4


def judge_name(name: str) -> bool | None:
    """Whether a file of a folder is a part of a report; None when only its content can tell.

    Hidden files, manifests and other documents are none.
    """
    lower = name.lower()
    if lower.startswith(".") or lower.endswith(_OTHERS) or lower in _PARQUET_SUMMARIES:
        return False
    return True if lower.endswith(_REPORTS) else None


def judge_head(head: bytes) -> bool:
    """Whether a file that begins so may be a report: gzip, zstd or parquet."""
    return head.startswith(_HEADS)


def nearest_names(wanted: str, names: Iterable[str]) -> list[str]:
    """At most three names that the writer may have meant, nearest first; case does not count."""
    by_fold = {name.casefold(): name for name in names}
    return [by_fold[fold] for fold in difflib.get_close_matches(wanted.casefold(), by_fold, 3)]
