"""The engine's own locks, which hold whatever passes the guard."""

from pathlib import Path

import duckdb

from costwire_db_handler.stores.duckdb.watchdog import MIB


def harden(
    connection: duckdb.DuckDBPyConnection,
    *,
    temp_directory: Path,
    memory_bytes: int = 256 * MIB,
    threads: int = 2,
    max_temp_bytes: int = 20 * 1024 * MIB,
) -> None:
    """Close files, network, extensions and settings for every cursor of this database, for good.

    Call it once, after opening and after migrations: no setting can be changed afterwards.
    """
    temp_directory.mkdir(parents=True, exist_ok=True)
    settings = {
        "temp_directory": f"'{str(temp_directory).replace(chr(39), chr(39) * 2)}'",
        "max_temp_directory_size": f"'{max_temp_bytes // MIB}MiB'",
        "memory_limit": f"'{memory_bytes // MIB}MiB'",
        "threads": str(threads),
        "TimeZone": "'UTC'",
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_unsigned_extensions": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    for name, value in settings.items():
        connection.execute(f"SET GLOBAL {name} = {value}")
