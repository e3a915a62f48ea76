"""Reads the settings, sets up telemetry, serves."""

import sys

import pyarrow as pa

from costwire_db_handler.app import create_app
from costwire_db_handler.settings import Settings
from costwire_focus.arrow import do_without_pandas
from costwire_runtime.server import serve
from costwire_runtime.settings import settings_from_environment
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig, WebConfigError


def run() -> int:
    """Serve until told to stop; the exit status."""
    # Arrow's own pools keep what each thread once needed: 75 MiB more here, for no speed.
    pa.set_memory_pool(pa.system_memory_pool())
    do_without_pandas()
    settings = settings_from_environment(Settings)
    configure("db_handler", settings.log_level)
    try:
        web_config = WebConfig.load(settings.web_config_file) if settings.web_config_file else None
    except WebConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    serve(create_app(settings), settings, web_config, own_sign_in=True)
    return 0
