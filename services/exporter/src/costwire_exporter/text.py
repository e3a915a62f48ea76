"""The text of a delivery on disk: whole in one file, or composed of that of an earlier one.

Where a delivery changes little of the one before, its text is not written anew: its file is the
earlier one's, with samples that stand before it in a file of their own, and a list of those of both
that are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from costwire_exporter.blocks import (
    decompressed,
    gzip_blocks,
    read_exposition,
    whole_lines,
    zstd_blocks,
)
from costwire_exporter.compose import Positions, parted, samples
from costwire_exporter.negotiate import Encoding
from costwire_focus.exposition import HEADER, footer

EXPOSITION = "metrics.zst"
BASE, MORE, DROPPED = "base.zst", "more.zst", "dropped"


@dataclass(frozen=True)
class Text:
    """An exposition of so many samples in a folder."""

    folder: Path
    samples: int

    @property
    def is_composed(self) -> bool:
        """Whether it is no file of its own."""
        return (self.folder / DROPPED).exists()

    @property
    def base(self) -> Path:
        """The file that holds most of it."""
        return self.folder / (BASE if self.is_composed else EXPOSITION)

    def dropped(self) -> Positions:
        """The samples of the two files that are left out."""
        path = self.folder / DROPPED
        return np.fromfile(path, np.uint32) if self.is_composed else np.empty(0, np.uint32)

    def read(self, encoding: Encoding) -> Iterator[bytes]:
        """The exposition in blocks, in one encoding; close the iterator to close the files."""
        if not self.is_composed:
            return read_exposition(self.base, encoding)
        if encoding == "zstd":
            return zstd_blocks(self._composed())
        return gzip_blocks(self._composed()) if encoding == "gzip" else self._composed()

    def size(self, encoding: Encoding) -> int | None:
        """The bytes of what is read so; None where that is not known before."""
        is_stored = encoding == "zstd" and not self.is_composed
        return self.base.stat().st_size if is_stored else None

    def _composed(self) -> Iterator[bytes]:
        files = (whole_lines(decompressed(self.folder / name)) for name in (MORE, BASE))
        yield HEADER
        for stays, _ in parted(samples(*files), self.dropped()):
            yield b"".join(stays)
        yield footer(self.samples)
