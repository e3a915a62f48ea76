"""Start the database handler: read settings, set up telemetry, serve."""

import sys

import pyarrow as pa

from costwire_db_handler.settings import Settings
from costwire_focus.arrow import do_without_pandas
from costwire_runtime.memory import share_one_arena
from costwire_runtime.server import serve
from costwire_runtime.settings import settings_from_environment
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig, WebConfigError


def main() -> None:
    """Serve until told to stop."""
    share_one_arena()
    # Polars makes threads when it is imported, each with an arena if that were not set by now.
    from costwire_db_handler.app import create_app

    # Arrow's own pools keep what each thread once needed: 75 MiB more here, for no speed.
    pa.set_memory_pool(pa.system_memory_pool())
    do_without_pandas()
    settings = settings_from_environment(Settings)
    configure("db_handler", settings.log_level)
    try:
        web_config = WebConfig.load(settings.web_config_file) if settings.web_config_file else None
    except WebConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    serve(create_app(settings), settings, web_config, own_sign_in=True)


if __name__ == "__main__":
    main()
