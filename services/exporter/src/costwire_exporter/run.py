"""Reads the settings, sets up telemetry, serves."""

import sys

from costwire_exporter.app import create_app
from costwire_exporter.errors import ShelfError
from costwire_exporter.memory import keep_freed_memory
from costwire_exporter.metrics import SERVICE
from costwire_exporter.settings import Settings
from costwire_focus.arrow import do_without_pandas
from costwire_runtime.server import serve
from costwire_runtime.settings import settings_from_environment
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig, WebConfigError
from costwire_sources.errors import SourceError


def run() -> int:
    """Serve until told to stop; the exit status."""
    settings = settings_from_environment(Settings)
    configure(SERVICE, settings.log_level)
    keep_freed_memory()
    do_without_pandas()
    try:
        web_config = WebConfig.load(settings.web_config_file) if settings.web_config_file else None
        app = create_app(settings, web_config)
    except (ShelfError, SourceError, WebConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    serve(app, settings, web_config)
    return 0
