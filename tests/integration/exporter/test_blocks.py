"""The exposition on disk: what goes in comes out, in each encoding."""

import gzip
import hashlib
import threading
from functools import partial
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from costwire_exporter import blocks
from costwire_exporter.blocks import ExpositionWriter, read_exposition, whole_lines
from costwire_exporter.negotiate import Encoding

CONTENT = [b"first\n", b"second " * 400_000 + b"\n", b"", b"third\n"]


def unpacked(encoding: Encoding, body: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "zstd":
        reader = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True)
        return reader.read()
    return body


@pytest.mark.parametrize("encoding", ["identity", "zstd", "gzip"])
def test_what_is_written_is_read_in_each_encoding(tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "metrics.zst"
    with ExpositionWriter(path, 1) as writer:
        for block in CONTENT:
            writer.write(partial(list, [block]))
    text = b"".join(CONTENT)
    assert unpacked(encoding, b"".join(read_exposition(path, encoding))) == text
    assert writer.written().bytes == len(text)
    assert writer.written().sha256 == hashlib.sha256(text).hexdigest()


def test_each_block_is_a_frame_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "metrics.zst"
    with ExpositionWriter(path, 1) as writer:
        writer.write(lambda: [b"first\n", b"second\n"])
        writer.write(lambda: [b"third\n"])
    assert path.read_bytes().count(zstandard.FRAME_HEADER) == 3


def test_failing_disk_reaches_the_one_who_writes(tmp_path: Path) -> None:
    def write() -> None:
        with ExpositionWriter(tmp_path / "no folder" / "metrics.zst", 1) as writer:
            for _ in range(100):
                writer.write(lambda: [b"x\n"])

    with pytest.raises(FileNotFoundError):
        write()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
def test_disk_that_is_full_at_the_last_byte_is_told() -> None:
    def write() -> None:
        with ExpositionWriter(Path("/dev/full"), 1) as writer:
            writer.write(lambda: [b"short\n"])

    with pytest.raises(OSError, match="No space left"):
        write()


def test_rendering_that_fails_reaches_the_one_who_writes(tmp_path: Path) -> None:
    def broken() -> list[bytes]:
        raise KeyError("column")

    def write() -> None:
        with ExpositionWriter(tmp_path / "metrics.zst", 1) as writer:
            for _ in range(100):
                writer.write(broken)

    with pytest.raises(KeyError):
        write()


def test_error_of_the_reader_ends_the_writing_at_once(tmp_path: Path) -> None:
    def write() -> None:
        with ExpositionWriter(tmp_path / "metrics.zst", 1) as writer:
            writer.write(lambda: [b"x\n"])
            raise ValueError("read")

    with pytest.raises(ValueError, match="read"):
        write()
    assert not [thread for thread in threading.enumerate() if thread.name == "exposition-writer"]


@given(st.lists(st.binary(max_size=30).map(lambda text: text.replace(b"0", b"\n"))))
def test_cutting_behind_line_ends_keeps_every_byte(pieces: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LINES_BYTES", 10)
        cut = list(whole_lines(iter(pieces)))
    assert b"".join(cut) == b"".join(pieces)
    assert all(block.endswith(b"\n") for block in cut[:-1])
