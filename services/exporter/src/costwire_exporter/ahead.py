"""Reads ahead: the next items are made in another thread while this one works on the last."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")
_LOOK_SECONDS = 0.1


@contextmanager
def read_ahead(items: Iterable[Item], depth: int = 1) -> Iterator[Iterator[Item]]:
    """The same items, up to `depth` of them made in advance; errors come where they belong.

    Leaving the block ends the thread, wherever it stands.
    """
    reader = _Reader(items, depth)
    reader.thread.start()
    try:
        yield reader.taken()
    finally:
        reader.stop()


class _Reader(Generic[Item]):
    def __init__(self, items: Iterable[Item], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[Item | None] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def taken(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not None:
            yield item
        error, self._error = self._error, None
        if error is None:
            return
        try:
            raise error
        finally:
            del error  # a frame in its own traceback would keep it, and all that was read

    def stop(self) -> None:
        self._stopped.set()
        self.thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as error:
            self._error = error
        self._put(None)

    def _put(self, item: Item | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False
