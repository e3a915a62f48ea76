"""The database handler as one value: routes and wiring, no rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from costwire_db_handler.audit import AuditLog
from costwire_db_handler.decide import ClosedPeriods, Thresholds
from costwire_db_handler.errors import CannotOpen
from costwire_db_handler.gather import Gatherer
from costwire_db_handler.handler import Handler, Turns
from costwire_db_handler.ledger import Clock, Entry, State
from costwire_db_handler.lockout import Free, Lockout
from costwire_db_handler.metrics import HandlerMetrics
from costwire_db_handler.quarantine_watch import QuarantineWatch
from costwire_db_handler.retention import Retention
from costwire_db_handler.routes.answers import answer_routes
from costwire_db_handler.routes.audit import audit_routes
from costwire_db_handler.routes.deliveries import delivery_routes
from costwire_db_handler.routes.erasures import erasure_routes
from costwire_db_handler.routes.quarantine import quarantine_routes
from costwire_db_handler.routes.sql import sql_routes
from costwire_db_handler.routes.tables import table_routes
from costwire_db_handler.routes.upload import upload_routes
from costwire_db_handler.routes.users import user_routes
from costwire_db_handler.settings import MIB, Settings
from costwire_db_handler.signing_in import SigningIn
from costwire_db_handler.stores import OnSettled, Store, StoreLimits, open_store
from costwire_runtime.clocks import utc_now
from costwire_runtime.openapi import Node, description_route
from costwire_runtime.request_limits import RequestLimits
from costwire_runtime.server import CannotStart
from costwire_runtime.service import create_service
from costwire_runtime.watched import Watched

if TYPE_CHECKING:
    from costwire_db_handler.stores.cratedb.store import CrateDBOptions


def create_app(settings: Settings, clock: Clock = utc_now) -> Starlette:
    """Build the ASGI application; nothing is opened before its lifespan starts."""
    registry = CollectorRegistry()
    metrics = HandlerMetrics(registry)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.probing = CapacityLimiter(1)
        async with _running(settings, metrics, clock) as app.state.handler:
            try:
                yield
            finally:
                app.state.handler = None

    async def ready() -> str | None:
        handler: Handler | None = getattr(app.state, "handler", None)
        if handler is None:
            return "the store is not open"
        # A thread of its own: requests that wait for the database may have taken all others.
        return await to_thread.run_sync(handler.store.why_not_ready, limiter=app.state.probing)

    app = create_service(
        "db_handler",
        _routes(),
        ready=ready,
        registry=registry,
        lifespan=lifespan,
        limits=RequestLimits.of(settings),
    )
    return app


@asynccontextmanager
async def _running(
    settings: Settings, metrics: HandlerMetrics, clock: Clock
) -> AsyncIterator[Handler]:
    """The store and all that works on it, until the block ends."""

    # A store settles nothing while it opens: these are called when all of them is there.
    def settled(entry: Entry) -> None:
        if entry.state is not State.ABORTED:
            metrics.settled(entry)
        elif entry.decisions[-1].by is None:  # whoever opens the next one did not do it
            Context().run(audit.settled, entry)
            return
        audit.settled(entry)

    def retired(entry: Entry) -> None:
        Context().run(settled, entry)  # nobody's act, whoever's request it follows

    def meanwhile() -> None:
        retention.look()
        watch.look()

    store = await run_in_threadpool(_open, settings, settled)
    try:
        audit = await run_in_threadpool(_audit, settings, clock)
        retention = Retention(store, settings.history_days, clock=clock, on_retired=retired)
        watch = QuarantineWatch(store, metrics)
        gatherer = Gatherer(
            settings.data_dir / "gathering",
            store,
            quiet_seconds=settings.upload_quiet_seconds,
            clock=clock,
            on_committed=retention.after,
            meanwhile=meanwhile,
        )
        signing_in = SigningIn(store, _lockout(settings), audit)
        gatherer.start()
        try:
            yield Handler(
                settings, store, gatherer, metrics, clock, Turns(), retention, audit, signing_in
            )
        finally:
            await run_in_threadpool(gatherer.stop)
    finally:
        await run_in_threadpool(store.close)


def _routes() -> list[BaseRoute]:
    return [
        *sql_routes(),
        *delivery_routes(),
        *quarantine_routes(),
        *answer_routes(),
        *erasure_routes(),
        *upload_routes(),
        *table_routes(),
        *user_routes(),
        *audit_routes(),
        description_route(_description),
    ]


def _description() -> Node:
    from costwire_db_handler.openapi import document  # which few ask for

    return document()


def _lockout(settings: Settings) -> Lockout | None:
    free = settings.sign_in_failures
    return Lockout(Free(free, 4 * free, 20 * free)) if free else None


def _audit(settings: Settings, clock: Clock) -> AuditLog:
    folder = settings.data_dir / "audit"
    try:
        return AuditLog(folder, clock=clock, most_bytes=settings.audit_limit_mib * MIB)
    except OSError as error:
        raise CannotStart(
            f"open the audit log in {folder}: {error.strerror}; the handler has to write there"
        ) from error


def _open(settings: Settings, on_settled: OnSettled) -> Store:
    thresholds = Thresholds(
        withdrawn_share=settings.hold_withdrawn_share,
        small_period=settings.hold_small_period,
        repeated_share=settings.hold_repeated_share,
        closed=ClosedPeriods(
            after_days=settings.closed_after_days,
            through=settings.closed_through,
            months=frozenset(settings.closed_periods),
        ),
    )
    limits = StoreLimits(
        memory_bytes=settings.memory_mib * MIB,
        threads=settings.threads,
        process_memory_mib=settings.process_memory_mib,
        query_timeout_seconds=settings.query_timeout_seconds,
        query_rows=settings.query_rows,
        open_deliveries=settings.open_deliveries,
        open_deliveries_per_user=settings.open_deliveries_per_user,
        open_hours=settings.open_hours,
    )
    try:
        return open_store(
            settings.data_dir,
            thresholds=thresholds,
            limits=limits,
            cratedb=cratedb_options(settings) if settings.cratedb_urls else None,
            on_settled=on_settled,
        )
    except CannotOpen as error:
        raise CannotStart(str(error)) from error


def cratedb_options(settings: Settings) -> CrateDBOptions:
    """How CrateDB is used; raises `CannotOpen`.

    The password of the account is that of its file as it is at the time.
    """
    from costwire_db_handler.stores.cratedb.cluster import ClusterOptions, Credentials
    from costwire_db_handler.stores.cratedb.layout import Storage
    from costwire_db_handler.stores.cratedb.loading import Bulk
    from costwire_db_handler.stores.cratedb.store import CrateDBOptions

    def account() -> Credentials:
        file = settings.cratedb_password_file
        try:
            return Credentials(*settings.cratedb_sign_in())
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise CannotOpen(
                f"read {file}: {why}; it holds the password of the handler's account in CrateDB"
            ) from error

    files = [settings.cratedb_password_file] if settings.cratedb_password_file else []
    watched = Watched("the password of the account in CrateDB", files, account, CannotOpen)
    return CrateDBOptions(
        ClusterOptions(
            settings.cratedb_urls,
            ca_file=settings.cratedb_ca_file,
            connect_seconds=settings.cratedb_connect_seconds,
            read_seconds=settings.cratedb_statement_seconds,
            overload_seconds=settings.cratedb_overload_seconds,
        ),
        lambda: watched.value,
        Storage(
            shards=settings.cratedb_shards,
            replicas=settings.cratedb_replicas,
            refresh_milliseconds=settings.cratedb_refresh_milliseconds,
            by_month=settings.cratedb_by_month,
            tag_keys=settings.cratedb_tag_keys,
            plain_columns=frozenset(name.lower() for name in settings.cratedb_plain_columns),
        ),
        Bulk(rows=settings.cratedb_bulk_rows, in_flight=settings.cratedb_in_flight),
        lease_seconds=settings.cratedb_lease_seconds,
    )
