"""A real CrateDB for tests: the one that is named, a container, or a skip that says why."""

from __future__ import annotations

import atexit
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module

from costwire_db_handler.stores.cratedb.cluster import Cluster, ClusterOptions, Credentials, Session
from tests.support.needs import lack

_IMAGE = "crate"
_SETTINGS = (
    "-Cdiscovery.type=single-node -Cauth.host_based.enabled=true "
    "-Cauth.host_based.config.0.user=crate -Cauth.host_based.config.0.method=trust "
    "-Cauth.host_based.config.99.method=password"
)
_GRANT = re.compile(r'[A-Z, ]+(?: ON (?:SCHEMA|TABLE|VIEW) [\w."]+)?')


@cache
def _container_url() -> tuple[str, str]:
    """The address of a container, or why there is none. An image is never pulled."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # it would be pulled
    try:
        docker = import_module("docker")
        containers = import_module("testcontainers.core.container")
    except ImportError:
        return "", "COSTWIRE_TEST_CRATEDB_URL is not set and testcontainers is not installed"
    try:
        images = [tag for image in docker.from_env().images.list(_IMAGE) for tag in image.tags]
    except Exception as error:
        return "", f"COSTWIRE_TEST_CRATEDB_URL is not set and no Docker engine answers: {error}"
    if not images:
        return "", f"COSTWIRE_TEST_CRATEDB_URL is not set and no image {_IMAGE} is at hand"
    container = (
        containers.DockerContainer(images[0]).with_command(_SETTINGS).with_exposed_ports(4200)
    )
    container.with_env("CRATE_HEAP_SIZE", "512m").start()
    atexit.register(container.stop)
    url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(4200)}"
    with superuser(url, patience_seconds=120.0) as session:
        session.execute("SELECT 1 FROM sys.cluster")
    return url, ""


def cratedb_url() -> str:
    """The address of a CrateDB; skips the test where there is none.

    `COSTWIRE_TEST_CRATEDB_USER` and `..._PASSWORD` name its superuser (default: crate, none).
    """
    if url := os.environ.get("COSTWIRE_TEST_CRATEDB_URL", ""):
        return url.rstrip("/")
    url, reason = _container_url()
    return url or lack("cratedb", reason)


@contextmanager
def superuser(url: str, *, patience_seconds: float = 30.0) -> Iterator[Session]:
    """Statements of the superuser."""
    cluster = Cluster(ClusterOptions([url], overload_seconds=patience_seconds))
    try:
        yield cluster.session(
            Credentials(
                os.environ.get("COSTWIRE_TEST_CRATEDB_USER", "crate"),
                os.environ.get("COSTWIRE_TEST_CRATEDB_PASSWORD", ""),
            )
        )
    finally:
        cluster.close()


@contextmanager
def a_user(url: str, grants: Sequence[str] = (), *, name: str = "") -> Iterator[Credentials]:
    """A user with a random password and these privileges (`DQL ON SCHEMA s`), dropped after.

    Without a name it gets a random one.
    """
    # CrateDB makes a user "crate" without a word, and the superuser is gone for good.
    assert name != "crate", "the superuser's name is taken"
    credentials = Credentials(name or a_name("user"), secrets.token_urlsafe(16))
    with superuser(url) as session:
        session.execute(
            f"CREATE USER \"{credentials.name}\" WITH (password = '{credentials.password}')"
        )
        try:
            for grant in grants:
                assert _GRANT.fullmatch(grant), grant
                session.execute(_granting(grant, credentials.name))
            yield credentials
        finally:
            session.execute(f'DROP USER IF EXISTS "{credentials.name}"')


@contextmanager
def a_schema(url: str) -> Iterator[str]:
    """The name of a schema; its tables and views are dropped after."""
    schema = a_name("schema")
    with superuser(url) as session:
        try:
            yield schema
        finally:
            found = session.execute(
                "SELECT table_name, table_type FROM information_schema.tables"
                " WHERE table_schema = ? ORDER BY table_type DESC",
                [schema],
            )
            for table, kind in found.rows:
                what = "VIEW" if kind == "VIEW" else "TABLE"
                session.execute(f'DROP {what} IF EXISTS "{schema}"."{table}"')


def a_name(kind: str) -> str:
    """A name that nothing else has."""
    return f"costwire_test_{kind}_{secrets.token_hex(6)}"


def _granting(grant: str, name: str) -> str:
    privileges, on, thing = grant.partition(" ON ")
    return f'GRANT {privileges}{on}{thing} TO "{name}"'
