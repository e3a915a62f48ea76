"""The embedded engine: one DuckDB file, owned by one process."""

from costwire_db_handler.stores.duckdb.allocator import give_back_soon

give_back_soon()
