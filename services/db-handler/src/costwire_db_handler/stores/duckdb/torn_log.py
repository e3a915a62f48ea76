"""The end of the engine's log after a loss of power: what was never confirmed is cut off.

DuckDB writes transactions to a log beside its file, and says that one is committed once its last
record is on the disk. A loss of power may leave zeros or half a page behind that, which DuckDB
2.0 refuses to read. Where no commit stands behind the first record that cannot be read, nothing
that anybody was told of is lost by leaving it out.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import shutil
import tempfile
from pathlib import Path

import duckdb

from costwire_db_handler.stores.duckdb.rewriting import log_of, sync

_AT = re.compile(r"Corrupt WAL file: entry at byte position (\d+)")
_HEADER_BYTES = 16
"""Before each record: its length and its checksum, 8 bytes each."""
_logger = logging.getLogger(__name__)


def cut(path: Path, refusal: duckdb.Error) -> bool:
    """Cut the log of a file where the engine stopped to read it, if nothing was committed behind.

    The log as it was stays beside it, with the name's end `.torn`. False: the log stays as it is.
    """
    found = _AT.search(str(refusal))
    log = log_of(path)
    if found is None or not log.exists():
        return False
    at = int(found[1]) - _HEADER_BYTES
    with log.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if at < 0 or content.find(_commit_record(), at) >= 0:
            return False
    kept = log.with_name(f"{log.name}.torn")
    shutil.copyfile(log, kept)
    sync(kept)
    left_out = log.stat().st_size - at
    os.truncate(log, at)
    sync(log)
    _logger.warning(
        "the end of the log was torn, as by a loss of power; no commit stood in it",
        extra={"cut_at_byte": at, "bytes_left_out": left_out, "kept": str(kept)},
    )
    return True


def _commit_record() -> bytes:
    """What the engine writes at the end of each transaction: the last record of a new log."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "probe.duckdb")
        with duckdb.connect(path) as probe:
            probe.execute("CREATE TABLE one (a INTEGER)")
            first = log_of(path).read_bytes()
            probe.execute("CREATE TABLE other (b VARCHAR)")
            second = log_of(path).read_bytes()[len(first) :]
    for length in range(1, len(second) - _HEADER_BYTES):
        record = second[-length - _HEADER_BYTES :]
        if int.from_bytes(record[:8], "little") == length and first.endswith(record):
            return record
    return b""  # an engine that writes another kind of log: found everywhere, nothing is cut
