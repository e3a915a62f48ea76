"""Reads the settings, sets up telemetry, serves."""

from __future__ import annotations

import argparse
import sys

from costwire_aggregator.errors import UnguardedGrpc
from costwire_aggregator.metrics import SERVICE
from costwire_aggregator.settings import Settings
from costwire_aggregator.tokens.errors import BadKey
from costwire_aggregator.upstreams.settings import UpstreamsError
from costwire_runtime.process import loading
from costwire_runtime.settings import settings_from_environment
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig, WebConfigError


def run() -> int:
    """Serve until told to stop; the exit status."""
    argparse.ArgumentParser(
        prog="costwire_aggregator", description="Set by AGGREGATOR_* and the original's variables."
    ).parse_args()
    settings = settings_from_environment(Settings)
    configure(SERVICE, settings.log_level)
    try:
        web_config = WebConfig.load(settings.web_config_file) if settings.web_config_file else None
        with loading():
            from costwire_aggregator.app import create_app
            from costwire_runtime.server import serve

            app = create_app(settings, web_config)
    except (BadKey, UnguardedGrpc, UpstreamsError, OSError, WebConfigError) as error:
        sys.stderr.write(f"aggregator: {error}\n")
        return 1
    asks_for_tokens = settings.key is not None or settings.jwks_url is not None
    serve(app, settings, web_config, own_sign_in=asks_for_tokens)
    return 0
