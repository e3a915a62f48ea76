"""What settlements on CrateDB work with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.layout import Storage
from costwire_db_handler.stores.cratedb.loading import Bulk


@dataclass(frozen=True)
class Means:
    """What settlements work with."""

    session: Session
    """The caller's."""
    own: Session
    """The handler's, for what belongs to it: the shape of tables and their views."""
    storage: Storage
    bulk: Bulk
    scratch: Callable[[], duckdb.DuckDBPyConnection]
    """A DuckDB of one's own, in which keys are compared."""
    pause: Callable[[float], None] = time.sleep
    adopting: bool = False
    """Whether a table of the original handler is being taken over."""
