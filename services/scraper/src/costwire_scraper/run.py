"""Reads the settings, sets up telemetry, settles one delivery or serves."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from types import FrameType

from costwire_focus.arrow import do_without_pandas
from costwire_runtime.client import HttpError
from costwire_runtime.process import leave, loading
from costwire_runtime.settings import settings_from_environment
from costwire_runtime.telemetry import configure
from costwire_runtime.web_config import WebConfig, WebConfigError
from costwire_scraper.metrics import SERVICE, Metrics
from costwire_scraper.settings import Settings
from costwire_scraper.wiring import open_loop

INTERRUPTED = 130

log = logging.getLogger(__name__)


def run() -> int:
    """Run once or serve; the exit status of a single run tells how the delivery ended."""
    parser = argparse.ArgumentParser(prog="costwire_scraper", description="Set by SCRAPER_*.")
    parser.add_argument("--once", action="store_true", help="settle one delivery and end")
    once = parser.parse_args().once
    settings = settings_from_environment(Settings)
    configure(SERVICE, settings.log_level)
    do_without_pandas()
    metrics = Metrics()
    try:
        web_config = WebConfig.load(settings.web_config_file) if settings.web_config_file else None
        with open_loop(settings, metrics) as loop:
            if once or settings.once:
                signal.signal(signal.SIGTERM, _interrupt)
                outcome = loop.run_once()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends anyway, in a moment
                return outcome.exit_status
            # The server takes a tenth of a second to import, which a single run need not wait for.
            with loading():
                from costwire_runtime.server import serve
                from costwire_scraper.app import create_app

            serve(create_app(settings, loop, metrics, web_config), settings, web_config)
            if loop.is_within_cycle:
                # Its threads may wait for a silent server for minutes. The handler keeps the parts
                # that it has; the next start sends the others.
                log.info("stopped within a delivery; the next start goes on with it")
                leave(0)
            return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except (HttpError, OSError, WebConfigError) as error:
        sys.stderr.write(f"scraper: {error}\n")
        return 1


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
