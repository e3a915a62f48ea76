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
    pending: list[bytes] = []  # less than a block, or the beginning of a line longer than that
    size = 0
    for chunk in chunks:
        rest = chunk
        while size + len(rest) >= block_bytes:
            room = max(0, block_bytes - size)
            end = rest.rfind(b"\n", 0, room) + 1
            if not end and size and room:  # the last line end of the block may be a pending one
                rest, pending, size = b"".join([*pending, rest]), [], 0
                continue
            end = end or rest.find(b"\n", room) + 1
            if not end:
                if size + len(rest) > LONGEST_LINE:
                    raise WrongExposition(
                        f"read exposition: a line is longer than {LONGEST_LINE} bytes"
                    )
                break
            yield b"".join([*pending, memoryview(rest)[:end]])
            rest, pending, size = rest[end:], [], 0
        pending.append(rest)
        size += len(rest)
    if size:
        yield b"".join(pending)
