"""What the endpoints share: store, users, gathered uploads, settings and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from costwire_db_handler.gather import Gatherer
from costwire_db_handler.metrics import HandlerMetrics
from costwire_db_handler.settings import Settings
from costwire_db_handler.stores import CostStore
from costwire_db_handler.users import SignIn


@dataclass(frozen=True)
class Handler:
    """A running database handler."""

    settings: Settings
    store: CostStore
    sign_in: SignIn
    gatherer: Gatherer
    metrics: HandlerMetrics
    clock: Callable[[], datetime]


def handler_of(request: Request) -> Handler:
    """The handler that a request is for; there once the lifespan has started."""
    handler: Handler = request.app.state.handler
    return handler
