"""The engine's words for too little memory are known, whatever kind of error they come as."""

import duckdb
import pytest

from costwire_db_handler.stores.duckdb.failures import wants_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 32 KiB"),
        duckdb.TransactionException(
            "TransactionContext Error: Failed to commit: failed to pin block of size 256.0 KiB "
            "(127.8 MiB/128.0 MiB used)"
        ),
        duckdb.TransactionException(
            "TransactionContext Error: Failed to commit: could not allocate block of size 256.0 KiB"
        ),
        RuntimeError("std::bad_alloc"),
    ],
    ids=str,
)
def test_too_little_memory_is_known(error: BaseException) -> None:
    assert wants_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        duckdb.TransactionException("TransactionContext Error: Conflict on update"),
        duckdb.IOException("IO Error: No space left on device"),
        ValueError("memory"),
    ],
    ids=str,
)
def test_other_failures_are_no_lack_of_memory(error: BaseException) -> None:
    assert not wants_memory(error)
