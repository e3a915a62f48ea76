"""Undoes the content encoding of a streamed answer, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import zstandard

from costwire_runtime.gunzip import Damaged, gunzipped
from costwire_scraper.errors import BrokenExposition, ExporterRefused

PIECE_BYTES = 1024 * 1024
ACCEPTED = "zstd, gzip;q=0.5, identity;q=0.1"
_UNPACKED_FREELY = 16 * PIECE_BYTES
_MOST_UNPACKED = 200


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


def bounded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same; `ExporterRefused` once it is over 16 MiB and 200 times what was received."""
    received = size = 0

    def counted() -> Iterator[bytes]:
        nonlocal received
        for chunk in chunks:
            received += len(chunk)
            yield chunk

    for piece in decoded(counted(), encoding):
        size += len(piece)
        if size > max(_UNPACKED_FREELY, _MOST_UNPACKED * received):
            raise ExporterRefused(
                f"read exposition: it unpacks to more than {_MOST_UNPACKED} times its size, as no "
                "exposition does; is this the address of an exporter?"
            )
        yield piece


def _zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    source: Any = _Readable(chunks)
    reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
    try:
        while piece := reader.read(PIECE_BYTES):
            yield piece
    except zstandard.ZstdError as error:
        raise BrokenExposition(f"read exposition: damaged zstd data ({error})") from error


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from gunzipped(chunks, PIECE_BYTES)
    except Damaged as error:
        raise BrokenExposition(f"read exposition: damaged gzip data ({error})") from error


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
