"""Finds the database handler of a command: the one named, the one running, or one of its own."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from costwire_cli.connection import Certificate, Connection, trust, without_sign_in
from costwire_cli.errors import CommandError
from costwire_cli.local_get import NoAnswer, local_get
from costwire_cli.options import DEFAULT_DATA
from costwire_cli.services import GRACE_SECONDS, Service, answers, read_address
from costwire_cli.sharing import Usage

if TYPE_CHECKING:
    from costwire_cli.handler_api import HandlerApi

ADMIN = "costwire"
DATABASE_FILE = "store.duckdb"
PASSWORD_FILE = "admin.password"  # noqa: S105 (a file's name)
ADDRESS_FILE = "handler.address"
_IN_USE = "another process has it open"
_OTHERS_TURN_SECONDS = 30.0
_LOOK_SECONDS = 0.2


@contextmanager
def open_store(args: Namespace, longest_seconds: float = 300.0) -> Iterator[HandlerApi]:
    """The API of the store that the command's options name; it must have been made before."""
    made = any((args.data / name).exists() for name in (DATABASE_FILE, ADDRESS_FILE))
    if args.store is None and not made:
        raise CommandError(
            f"open {args.data}: there is no store yet; make one with "
            f"costwire run SOURCE{data_option(args.data)}"
        )
    from costwire_cli.handler_api import open_api  # which a delivery asks nothing

    with connected(args) as connection, open_api(connection, longest_seconds) as api:
        yield api


@contextmanager
def connected(args: Namespace, port: int = 0) -> Iterator[Connection]:
    """Where the store's handler is; one that had to be started is stopped at the end."""
    with Store(args, port) as store:
        yield store.connect()


class Store:
    """The handler of a command's store, found or started, and found or started anew when lost."""

    def __init__(self, args: Namespace, port: int = 0) -> None:
        """`port`: where a handler that has to be started listens; 0 is any free port."""
        self._url: str | None = args.store
        self._trust = trust(args) if args.store is not None else (None, None)
        self._data: Path = args.data
        self._port = port
        self._connection: Connection | None = None
        self._service: Service | None = None
        self._usage: Usage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._usage is None:
            return
        with self._usage as usage:
            if self._service is not None:
                # A guest that hangs gets its turn, and no more than that.
                usage.take_alone(_OTHERS_TURN_SECONDS)
                self._service.stop()

    def connect(self) -> Connection:
        """A handler that answers now."""
        if self._url is not None:
            return remote(self._url, *self._trust)
        if self._connection is not None and answers(self._connection.url):
            return self._connection
        if self._usage is None:
            self._usage = Usage(self._data)
            self._usage.share(_OTHERS_TURN_SECONDS + GRACE_SECONDS)
        self._connection = find_running(self._data) or self._start()
        return self._connection

    def raise_if_ended(self) -> None:
        """Raise `CommandError` when the handler was started here and has ended."""
        if self._service is not None:
            self._service.raise_if_ended()

    def _start(self) -> Connection:
        if self._service is not None:
            self._service.stop()
        self._service = Service(
            "db-handler",
            {"DATA_DIR": str(self._data), "PORT": str(self._port)},
            log=self._data / "logs" / "db-handler.log",
            address_file=self._data / ADDRESS_FILE,
        )
        self._service.start()
        try:
            address = self._service.wait_for_address()
            self._service.wait_until_ready(address)
        except CommandError as error:
            # Two commands may have started at once: then the folder has its handler all the same.
            if _IN_USE in str(error) and (other := _await_other(self._data)):
                self._service = None
                return other
            raise
        return local(self._data, address)


def remote(
    url: str, ca_file: Path | None = None, certificate: Certificate | None = None
) -> Connection:
    """The handler that `--store` names; user and password leave its address."""
    bare, sign_in = without_sign_in(url)
    hint = f" --store {bare}"
    if ca_file is not None:
        hint += f" --ca-file {ca_file}"
    if certificate is not None:
        hint += f" --cert-file {certificate[0]} --key-file {certificate[1]}"
    return Connection(bare, sign_in, hint, ca_file, certificate)


def find_running(data: Path) -> Connection | None:
    """The handler that owns this folder now; None when there is none."""
    address = read_address(data / ADDRESS_FILE)
    if address is None or not answers(address, "/-/ready"):
        return None
    connection = local(data, address)
    # After a crash the file may name a port that another folder's handler has by now.
    try:
        reply = local_get(f"{address}/deliveries", connection.sign_in)
    except NoAnswer:
        return None
    return connection if reply.ok else None


def local(data: Path, address: str) -> Connection:
    """The handler of a folder, signed in as its administrator."""
    try:
        password = (data / PASSWORD_FILE).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandError(
            f"read {data / PASSWORD_FILE}: {error.strerror}; the first start of a handler makes it"
        ) from error
    return Connection(address, (ADMIN, password), data_option(data))


def data_option(data: Path) -> str:
    """The option that names this folder in a command that is suggested to the user."""
    return "" if data == DEFAULT_DATA else f" --data {data}"


def _await_other(data: Path) -> Connection | None:
    deadline = time.monotonic() + _OTHERS_TURN_SECONDS
    while time.monotonic() < deadline:
        if found := find_running(data):
            return found
        time.sleep(_LOOK_SECONDS)
    return None
