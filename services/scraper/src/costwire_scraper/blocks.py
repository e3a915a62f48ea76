"""Cuts a stream of exposition text into blocks at line ends; pure.

Where a block ends depends on the text and the block size alone, not on how the text arrived, so
that a repeated transfer gives the same parts under the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from costwire_scraper.errors import WrongExposition

LONGEST_LINE = 64 * 1024 * 1024


def line_blocks(chunks: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """Give the text in blocks of at most `block_bytes` that end with a line's end.

    A line longer than a block becomes a block of its own; the last block may lack its line end.
    Raises: `WrongExposition` on a line over 64 MiB.
    """
    buffer = bytearray()
    searched = 0
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= block_bytes:
            end = _end_of_block(buffer, block_bytes, searched)
            if end == 0:
                searched = len(buffer)
                if searched > LONGEST_LINE:
                    raise WrongExposition(
                        f"read exposition: a line is longer than {LONGEST_LINE} bytes"
                    )
                break
            yield bytes(memoryview(buffer)[:end])
            del buffer[:end]
            searched = 0
    if buffer:
        yield bytes(buffer)


def _end_of_block(buffer: bytearray, block_bytes: int, searched: int) -> int:
    """Position after the last line end within the block, else after the first one beyond it."""
    within = 0 if searched > block_bytes else buffer.rfind(b"\n", 0, block_bytes) + 1
    return within or buffer.find(b"\n", max(searched, block_bytes)) + 1
