"""The aggregator as one ASGI application, with gRPC beside it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from costwire_aggregator.aggregator import Ages, Aggregator
from costwire_aggregator.asking import Asker
from costwire_aggregator.costs.desk import CostDesk
from costwire_aggregator.costs.handler_client import HandlerAccess, HandlerClient
from costwire_aggregator.errors import UnguardedGrpc
from costwire_aggregator.grpc.server import GrpcFace, GrpcSettings, Tls
from costwire_aggregator.icos.values import LeftOut
from costwire_aggregator.left_out import LeftOutLog
from costwire_aggregator.metrics import SERVICE, Metrics
from costwire_aggregator.readiness import Readiness
from costwire_aggregator.settings import Settings
from costwire_aggregator.tokens.check import TokenCheck
from costwire_aggregator.tokens.claims import TokenRules
from costwire_aggregator.tokens.key_server import ServerKeys, fetch_jwks
from costwire_aggregator.tokens.keys import Keys, StaticKeys, read_keys
from costwire_aggregator.upstreams.client import UpstreamClient
from costwire_aggregator.upstreams.fan_out import FanOut
from costwire_aggregator.upstreams.outcomes import Outcome
from costwire_aggregator.upstreams.settings import UpstreamSettings, read_upstreams
from costwire_aggregator.web.gauges import GaugesRoute
from costwire_aggregator.web.icos import HEALTH_PATH, IcosRoutes
from costwire_aggregator.web.openapi import document
from costwire_aggregator.web.sign_in import TokenSignIn
from costwire_aggregator.web.topology import TopologyRoutes
from costwire_aggregator.web.ui.pages import Pages
from costwire_runtime.openapi import DESCRIPTION_PATH, description_route
from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.service import OPEN_PATHS, create_service
from costwire_runtime.web_config import WebConfig

_GRPC_GRACE_SHARE = 0.5
_OPEN_PATHS = (HEALTH_PATH, DESCRIPTION_PATH)
_FOLD_SECONDS = 20.0
"""What a call may take beyond the upstreams' deadline."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is behind the faces."""

    fan_out: FanOut
    bills: HandlerClient | None
    readiness: Readiness
    aggregator: Aggregator


def create_app(settings: Settings, web_config: WebConfig | None = None) -> Starlette:
    """Build the ASGI application; nothing is opened before its lifespan starts.

    Raises: `BadKey`, `UnguardedGrpc`, `UpstreamsError`, `OSError` where what the settings tell
    cannot be done.
    """
    metrics = Metrics()
    parts = _parts(settings, metrics)
    aggregator = parts.aggregator
    keys = _keys(settings)
    if isinstance(keys, ServerKeys):
        metrics.watch(keys)
    tokens = None if keys is None else TokenCheck(keys, _rules(settings))
    if tokens is None and web_config is not None and web_config.has_users:
        _check_grpc(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if isinstance(keys, ServerKeys):
                await stack.enter_async_context(keys)
            await stack.enter_async_context(parts.fan_out)
            if parts.bills is not None:
                await stack.enter_async_context(parts.bills)
            stack.push_async_callback(parts.readiness.close)
            stack.push_async_callback(aggregator.close)
            if settings.grpc_port is not None:
                asked_for = tokens if settings.grpc_auth == "on" else None
                grpc = _grpc(settings, settings.grpc_port)
                face = GrpcFace(aggregator, asked_for, grpc, metrics.on_call)
                app.state.grpc_port = await face.start()
                grace = settings.shutdown_grace_seconds * _GRPC_GRACE_SHARE
                stack.push_async_callback(face.stop, grace)
            yield

    app = create_service(
        SERVICE,
        [
            *TopologyRoutes(aggregator).routes(),
            *Pages(aggregator).routes(),
            *GaugesRoute(aggregator).routes(),
            description_route(document),
        ],
        ready=parts.readiness.why_not,
        registry=metrics.registry,
        lifespan=lifespan,
        sign_in=web_config if tokens is None else None,
        open_paths=_OPEN_PATHS,
        limits=RequestLimits.of(settings),
    )
    if tokens is not None:
        _let_in_by_tokens(app, tokens, web_config)
    icos = IcosRoutes(
        aggregator,
        as_text=settings.is_strict and tokens is None,
        taken=[route.path for route in app.routes if isinstance(route, Route)],
    )
    app.router.routes.extend(icos.routes())  # behind all others: it takes every path
    return app


def _parts(settings: Settings, metrics: Metrics) -> _Parts:
    left_out_log = LeftOutLog()

    def on_outcome(upstream: str, outcome: Outcome) -> None:
        metrics.on_outcome(upstream, outcome)
        readiness.on_outcome(upstream, outcome)

    def on_fold(face: str, left_out: LeftOut) -> None:
        metrics.on_fold(face, left_out)
        left_out_log.on_fold(face, left_out)

    fan_out = FanOut(
        [UpstreamClient(upstream) for upstream in _upstreams(settings)], on_outcome=on_outcome
    )
    asker = Asker(
        fan_out,
        deadline_seconds=settings.deadline_seconds,
        answers_bytes=settings.answers_mib << 20,
    )
    readiness = Readiness(asker.alive)
    bills = _bills(settings)
    aggregator = Aggregator(
        asker,
        strict=settings.is_strict,
        ages=Ages(settings.fresh_seconds, settings.stale_seconds, settings.samples_stale_seconds),
        desk=_desk(settings, bills),
        on_fold=on_fold,
    )
    return _Parts(fan_out, bills, readiness, aggregator)


def _let_in_by_tokens(app: Starlette, tokens: TokenCheck, web_config: WebConfig | None) -> None:
    """By users and passwords too, where there are any."""
    verify = web_config.verify if web_config is not None and web_config.has_users else None
    open_paths = (*OPEN_PATHS, *_OPEN_PATHS)
    app.user_middleware.append(
        Middleware(TokenSignIn, tokens=tokens, verify=verify, open_paths=open_paths)
    )


def _upstreams(settings: Settings) -> Sequence[UpstreamSettings]:
    if settings.upstreams_file is not None:
        return read_upstreams(settings.upstreams_file)
    return [settings.only_upstream()]


def _check_grpc(settings: Settings) -> None:
    if settings.grpc_port is not None and settings.grpc_auth == "on":
        raise UnguardedGrpc(
            "serve gRPC: it takes tokens, and no passwords; set KEY or AGGREGATOR_JWKS_URL, or "
            "GRPC_AUTH=off, or leave GRPC_PORT empty"
        )


def _bills(settings: Settings) -> HandlerClient | None:
    if settings.handler_url is None:
        return None
    return HandlerClient(
        HandlerAccess(
            settings.handler_url,
            settings.handler_user,
            settings.handler_password_file,
            settings.handler_ca_file,
            settings.costs_table,
        )
    )


def _desk(settings: Settings, bills: HandlerClient | None) -> CostDesk | None:
    if bills is None:
        return None
    return CostDesk(
        bills,
        cluster_tags=settings.cluster_tags,
        deadline_seconds=settings.costs_deadline_seconds,
        fresh_seconds=settings.costs_fresh_seconds,
    )


def _keys(settings: Settings) -> Keys | None:
    if settings.key is not None:
        return StaticKeys(read_keys(settings.key))
    if settings.jwks_url is None:
        return None
    ca_file = settings.jwks_ca_file
    tls = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    return ServerKeys(
        partial(fetch_jwks, settings.jwks_url, tls=tls),
        refresh_seconds=settings.jwks_refresh_seconds,
    )


def _rules(settings: Settings) -> TokenRules:
    return TokenRules(
        issuers=settings.token_issuers,
        audiences=settings.token_audiences,
        roles=settings.token_roles,
        leeway_seconds=settings.token_leeway_seconds,
        require_expiry=settings.token_expiry_required,
    )


def _grpc(settings: Settings, port: int) -> GrpcSettings:
    certificate, key = settings.grpc_cert_file, settings.grpc_key_file
    tls = None
    if certificate is not None and key is not None:
        tls = Tls(certificate.read_bytes(), key.read_bytes())
    return GrpcSettings(
        settings.host, port, tls, longest_call_seconds=settings.deadline_seconds + _FOLD_SECONDS
    )
