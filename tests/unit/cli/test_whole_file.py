"""A file appears whole or not at all, where it is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from costwire_cli.errors import CommandError
from costwire_cli.whole_file import write_whole


def test_a_file_that_cannot_be_written_to_its_end_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"before")

    def broken() -> Iterator[bytes]:
        yield b"after"
        raise OSError(28, "No space left on device")

    with pytest.raises(CommandError, match="No space left"):
        write_whole(file, broken())
    assert ([*tmp_path.iterdir()], file.read_bytes()) == ([file], b"before")


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "a.csv"
    link.symlink_to("a.csv")
    for text in (b"new", b"newer"):
        write_whole(link, [text])
        assert (link.is_symlink(), file.read_bytes()) == (True, text)


def test_a_device_stays_one() -> None:
    write_whole(Path("/dev/null"), [b"gone"])
    assert Path("/dev/null").is_char_device()
