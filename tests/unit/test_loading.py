"""What a start loads: nothing that only some deliveries or questions need."""

import subprocess
import sys

import pytest

SELDOM = {
    "costwire_exporter.run": ("duckdb", "obstore", "pandas", "requests", "rich", "yaml"),
    "costwire_scraper.run": ("duckdb", "pandas", "polars", "rich", "starlette", "uvicorn", "yaml"),
    "costwire_db_handler.run": (
        *("crate", "costwire_db_handler.openapi", "pandas", "pyarrow.parquet", "requests", "rich"),
        *("sqlglot", "yaml"),
    ),
    "costwire_cli.commands.run": (
        *("obstore", "opentelemetry", "pandas", "prometheus_client", "pyarrow", "pydantic"),
        *("requests", "rich"),
    ),
}


@pytest.mark.parametrize("module", SELDOM)
def test_start_loads_nothing_that_is_seldom_needed(module: str) -> None:
    program = f"import sys, {module}; print(sorted({set(SELDOM[module])} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
