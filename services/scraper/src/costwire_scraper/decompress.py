"""Undoes the content encoding of a streamed answer, in bounded pieces."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import zstandard

from costwire_scraper.errors import BrokenExposition, ExporterRefused

PIECE_BYTES = 1024 * 1024
ACCEPTED = "zstd, gzip;q=0.5, identity;q=0.1"
_GZIP_WINDOW = 31


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Give the identity-encoded bytes of an answer in pieces of at most 1 MiB.

    Shape:  `encoding` is the answer's Content-Encoding; zstd of several frames is one text.
    Raises: `BrokenExposition` where the compressed bytes are damaged or end early,
            `ExporterRefused` for an encoding that was not asked for.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return iter(chunks)
    if name == "zstd":
        return _zstd(chunks)
    if name == "gzip":
        return _gzip(chunks)
    raise ExporterRefused(f"read exposition: content encoding {encoding!r} was not asked for")


def _zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    source: Any = _Readable(chunks)
    reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
    try:
        while piece := reader.read(PIECE_BYTES):
            yield piece
    except zstandard.ZstdError as error:
        raise BrokenExposition(f"read exposition: damaged zstd data ({error})") from error


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    decompressor: Any = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                if decompressor.eof:
                    decompressor = zlib.decompressobj(_GZIP_WINDOW)
                piece = decompressor.decompress(pending, PIECE_BYTES)
                if piece:
                    yield piece
                pending = decompressor.unconsumed_tail or decompressor.unused_data
    except zlib.error as error:
        raise BrokenExposition(f"read exposition: damaged gzip data ({error})") from error
    if not decompressor.eof:
        raise BrokenExposition("read exposition: the gzip data end early")


class _Readable:
    """A file-like view of an iterator of chunks, as much as a decompressor needs."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
