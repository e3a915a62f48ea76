"""What is made of files, and made anew when they change."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

_logger = logging.getLogger(__name__)
_Value = TypeVar("_Value")
_Seen = tuple[tuple[int, int, int] | None, ...]


class Watched(Generic[_Value]):
    """A value of files; where a change of them can't be used, the value before it stays."""

    def __init__(
        self,
        what: str,
        files: Sequence[Path],
        load: Callable[[], _Value],
        unusable: type[Exception],
    ) -> None:
        """`what` in log lines; `load` raises `unusable`, here too."""
        self._what = what
        self._files = tuple(files)
        self._load = load
        self._unusable = unusable
        self._lock = threading.Lock()
        self._seen = self._look()
        self._value = load()

    @property
    def value(self) -> _Value:
        """The value of the files as they are; a look costs a `stat` each."""
        seen = self._look()
        with self._lock:
            if seen != self._seen:
                self._seen = seen
                self._reload()
            return self._value

    def _reload(self) -> None:
        try:
            self._value = self._load()
        except self._unusable as error:
            _logger.error(
                "a change of files is not used; what stood there before is",
                extra={"what": self._what, "reason": str(error)},
            )
        else:
            _logger.info("changed files are used", extra={"what": self._what})

    def _look(self) -> _Seen:
        return tuple(map(_state, self._files))


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
