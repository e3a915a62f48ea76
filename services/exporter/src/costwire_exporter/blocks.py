"""The exposition on disk: written as independent zstd frames, read in the encoding asked for."""

import hashlib
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

import pyarrow as pa
import zstandard

from costwire_exporter.errors import Stalled
from costwire_exporter.negotiate import Encoding
from costwire_focus.exposition import RENDERER_VERSION
from costwire_focus.manifest import Exposition

Block: TypeAlias = bytes | pa.Buffer
Rendering: TypeAlias = Callable[[], Iterable[Block]]

READ_BYTES = 1 << 20
LINES_BYTES = 2 << 20
_QUEUE_BLOCKS = 1
_TICK_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0
_GZIP_LEVEL, _GZIP_CONTAINER, _ZSTD_LEVEL = 1, 31, 1


@dataclass(frozen=True)
class Written:
    """What was written, counted without its encoding."""

    bytes: int
    sha256: str

    def of(self, samples: int) -> Exposition:
        """As a manifest tells it."""
        return Exposition(
            samples=samples, bytes=self.bytes, sha256=self.sha256, renderer=RENDERER_VERSION
        )


class ExpositionWriter:
    """Renders, compresses, hashes and writes blocks in order, beside the thread that reads."""

    def __init__(self, path: Path | None, level: int) -> None:
        """`path`: None to count and hash alone."""
        self._path = path
        self._compressor = zstandard.ZstdCompressor(level=level)
        self._queue: queue.Queue[Rendering | None] = queue.Queue(_QUEUE_BLOCKS)
        self._error: BaseException | None = None
        self._ended, self._abandoned = threading.Event(), threading.Event()
        self._digest, self._bytes = hashlib.sha256(), 0
        self._thread = threading.Thread(target=self._run, name="exposition-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def write(self, render: Rendering) -> None:
        """Have blocks rendered and written; waits while that is behind, raises what it raised.

        Raises: `Stalled` when it falls behind for too long.
        """
        self._hand_over(render)

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self._hand_over(None)
            else:
                self._abandoned.set()
        finally:
            self._thread.join(_PATIENCE_SECONDS)
        if error[0] is None and not self._ended.is_set():
            raise self._stalled()
        if error[0] is None and self._error is not None:
            raise self._error

    def _hand_over(self, item: Rendering | None) -> None:
        patience_ends = time.monotonic() + _PATIENCE_SECONDS
        while not self._ended.is_set():
            try:
                return self._queue.put(item, timeout=_TICK_SECONDS)
            except queue.Full:
                if time.monotonic() > patience_ends:
                    self._abandoned.set()
                    raise self._stalled() from None
        raise self._error or self._stalled()

    def _stalled(self) -> Stalled:
        return Stalled(
            f"write {self._path}: nothing was taken for {_PATIENCE_SECONDS:g} seconds; "
            "look at the disk"
        )

    def written(self) -> Written:
        """The count; complete once the block is left."""
        return Written(self._bytes, self._digest.hexdigest())

    def _run(self) -> None:
        try:
            with (
                self._path.open("wb") if self._path else nullcontext() as file,
                ThreadPoolExecutor(1, "exposition-hash") as beside,
            ):
                while (render := self._next()) is not None:
                    for block in filter(len, render()):
                        hashing = beside.submit(self._digest.update, block)
                        self._bytes += len(block)
                        if file is not None:
                            file.write(self._compressor.compress(block))
                        hashing.result()
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def _next(self) -> Rendering | None:
        while not self._abandoned.is_set():
            try:
                return self._queue.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                continue
        return None


def read_exposition(path: Path, encoding: Encoding) -> Iterator[bytes]:
    """The exposition in blocks, in one encoding; close the iterator to close the file."""
    if encoding == "zstd":
        return read_file(path)
    if encoding == "gzip":
        return gzip_blocks(decompressed(path))
    return decompressed(path)


def read_file(path: Path) -> Iterator[bytes]:
    """A file in blocks."""
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            yield block


def whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, cut behind line ends, in blocks that suit the parser."""
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        size += len(block)
        if not cut or size < LINES_BYTES:
            pieces.append(block)
            continue
        yield b"".join([*pieces, block[:cut]])
        pieces, size = [block[cut:]], len(block) - cut
    if rest := b"".join(pieces):
        yield rest


def gzip_blocks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks as one gzip member."""
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_CONTAINER)
    for block in blocks:
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def zstd_blocks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks as a zstd frame each."""
    packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    for block in blocks:
        yield packer.compress(block)


def decompressed(path: Path) -> Iterator[bytes]:
    """A file of zstd frames, in blocks of what it holds."""
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        with closing(reader):
            while block := reader.read(READ_BYTES):
                yield block
