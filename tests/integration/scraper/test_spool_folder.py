"""The folder of a spool is there for its owner, and gone once nobody owns it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
