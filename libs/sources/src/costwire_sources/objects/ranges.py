"""A remote object as a seekable stream that holds one block of it at a time."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_BYTES = 4 << 20
_FIRST_BYTES = 256 << 10

Fetch = Callable[[int, int], memoryview]
"""The bytes from a start to an end, all of them."""


class RangeStream(io.RawIOBase):
    """Reads an object of `size` bytes by ranges.

    Ranges grow from 256 KiB to 4 MiB while reading goes on where the last one ended, and begin
    small again after a jump: a scan asks rarely, a look at a footer fetches little.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._block = memoryview(b"")
        self._block_start = 0
        self._length = _FIRST_BYTES

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes; a jump costs a request when something is read there."""
        return True

    def tell(self) -> int:
        """Bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is fetched before it is read. Raises: `ValueError` before the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}: before the start of the object")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill as much of `buffer` as one block holds; 0 at the end."""
        target = memoryview(buffer).cast("B")
        if self._position >= self._size or not len(target):
            return 0
        offset = self._position - self._block_start
        if not 0 <= offset < len(self._block):
            self._load(len(target))
            offset = 0
        taken = self._block[offset : offset + len(target)]
        target[: len(taken)] = taken
        self._position += len(taken)
        return len(taken)

    def close(self) -> None:
        """Drop the block."""
        self._block = memoryview(b"")
        super().close()

    def _load(self, wanted: int) -> None:
        goes_on = self._block and self._position == self._block_start + len(self._block)
        self._length = min(2 * self._length, LONGEST_BYTES) if goes_on else _FIRST_BYTES
        length = min(max(self._length, wanted), LONGEST_BYTES, self._size - self._position)
        self._block = memoryview(b"")  # before the next one, so that there are never two
        self._block = self._fetch(self._position, self._position + length)
        self._block_start = self._position
