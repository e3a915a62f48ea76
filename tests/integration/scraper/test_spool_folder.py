"""The folder of a spool is there for its owner, and gone once nobody owns it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.scraper.test_compatible import original_text
from tests.support.faults import RecordFault
from tests.support.small_disk import small_disk

from costwire_scraper.compatible.folder import spool_folder

OWNER = """
import sys, time
from pathlib import Path
from costwire_scraper.compatible.folder import spool_folder
with spool_folder(Path(sys.argv[1])) as folder:
    (folder / "0.arrow").write_bytes(b"half a part")
    print("spooled", flush=True)
    time.sleep(60)
"""


def test_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    with spool_folder(tmp_path) as folder:
        (folder / "0.arrow").write_bytes(b"")
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_killed_scraper_is_removed_by_the_next_one_and_that_of_a_live_one_stays(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, tmp_path], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        try:
            assert owner.stdout.readline() == "spooled\n"
            with spool_folder(tmp_path):
                assert len(list(tmp_path.iterdir())) == 2
        finally:
            owner.kill()
    with spool_folder(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.faults
def test_full_disk_of_a_spool_is_told_and_the_delivery_arrives_once_there_is_room(
    bench: Any, tmp_path: Path, record_fault: RecordFault
) -> None:
    bench.exporter.text = original_text(*["1.5"] * 20_000)
    with small_disk(tmp_path / "disk", 1) as disk:
        refused = bench.run(spool_dir=disk.folder, patience_seconds=0)
        assert refused.transient
        assert "No space left on device; free some room there" in refused.error
        assert list(disk.folder.iterdir()) == []
        assert bench.handler.visible is None
        disk.resize(64)
        assert bench.run(spool_dir=disk.folder).error is None
    lost = 20_000 - bench.handler.visible.num_rows
    record_fault("disk full, scraper's spool", times=1, outcome="told", lost=lost, doubled=0)


@pytest.mark.faults
def test_read_only_folder_of_a_spool_is_told_and_the_delivery_arrives_once_it_can_be_written(
    bench: Any, tmp_path: Path, record_fault: RecordFault
) -> None:
    bench.exporter.text = original_text("1.5", "2")
    with small_disk(tmp_path / "disk", 1) as disk:
        disk.protect()
        refused = bench.run(spool_dir=disk.folder, patience_seconds=0)
        assert "Read-only file system; make it writable" in refused.error
    assert bench.run(spool_dir=tmp_path).error is None
    lost = 2 - bench.handler.visible.num_rows
    record_fault("folder read-only, scraper", times=1, outcome="told", lost=lost, doubled=0)
