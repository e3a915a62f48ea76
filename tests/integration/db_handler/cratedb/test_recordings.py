"""The recordings that the fake plays back are what a real CrateDB answers."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.cratedb import a_name, a_user, cratedb_url, superuser
from tests.support.fake_cratedb import Play, Recording, recordings

from costwire_db_handler.stores.cratedb.connections import Credentials
from costwire_db_handler.stores.cratedb.told import read_told

_SCHEMA = "costwire_recording"
_TABLE = (
    "CREATE TABLE {}.charges (id TEXT PRIMARY KEY, cost NUMERIC(38, 18), n INTEGER NOT NULL)"
    " CLUSTERED INTO 1 SHARDS"
)
_REPRODUCIBLE = [name for name, told in recordings().items() if not told.not_reproducible]


class Server:
    """A real CrateDB with the recordings' table and users."""

    def __init__(self, url: str, schema: str, users: Mapping[str, Credentials]) -> None:
        self._parts = urlsplit(url)
        self._schema = schema
        self._users = users

    def answer(self, recording: Recording) -> Play:
        """What it answers to the recording's request."""
        user = self._users[recording.user]
        connection = self._connect()
        preparing = connection if recording.same_connection else self._connect()
        for statement in recording.before:
            prepared = self._post(
                preparing, {"stmt": statement}, self._users["owner"], wait_for_end=False
            )
            assert prepared.status == 200, prepared.body
        answer = self._post(connection, recording.request, user, wait_for_end=True)
        for opened in {connection, preparing}:
            opened.close()
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        kind = (
            http.client.HTTPSConnection
            if self._parts.scheme == "https"
            else http.client.HTTPConnection
        )
        return kind(self._parts.hostname or "", self._parts.port, timeout=30)

    def _post(
        self,
        connection: http.client.HTTPConnection,
        request: Mapping[str, Any],
        user: Credentials,
        *,
        wait_for_end: bool,
    ) -> Play:
        text = request["raw"] if "raw" in request else json.dumps(request)
        named = b64encode(f"{user.name}:{user.password}".encode()).decode()
        headers = {"Authorization": f"Basic {named}", "Content-Type": "application/json"}
        connection.request("POST", "/_sql", text.replace(_SCHEMA, self._schema), headers)
        response = connection.getresponse()
        body = response.read()
        told = {k: v for k, v in response.getheaders() if k != "content-length"}
        closes = wait_for_end and _ends(connection)
        return Play(response.status, told, body, closes)


def _ends(connection: http.client.HTTPConnection) -> bool:
    connection.sock.settimeout(0.3)
    try:
        return connection.sock.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real server, else a skip."""
    url, schema = cratedb_url(), a_name("schema")
    with superuser(url) as session, a_user(url) as outsider:
        session.execute(_TABLE.format(schema))
        try:
            with a_user(url, [f"DQL ON TABLE {schema}.charges"]) as reader:
                owner = session.credentials
                wrong = Credentials(reader.name, "wrong")
                users = {"owner": owner, "reader": reader, "outsider": outsider, "wrong": wrong}
                yield Server(url, schema, users)
        finally:
            session.execute(f"DROP TABLE {schema}.charges")


@pytest.mark.parametrize("name", _REPRODUCIBLE)
def test_the_recording_is_what_the_server_answers(server: Server, name: str) -> None:
    recording = recordings()[name]
    answer = server.answer(recording)
    assert answer.status == recording.play.status
    assert answer.headers == recording.play.headers
    assert answer.closes == recording.play.closes
    assert _told(answer) == _told(recording.play)
    assert _shape(answer.body) == _shape(recording.play.body)


def test_each_recording_that_a_server_cannot_repeat_says_why() -> None:
    unrepeatable = recordings().keys() - set(_REPRODUCIBLE)
    assert unrepeatable
    assert all(len(recordings()[name].not_reproducible) > 10 for name in unrepeatable)


def _told(play: Play) -> tuple[int | None, str | None]:
    told = read_told(play.status, play.body)
    return told.code, told.class_name


def _shape(body: bytes) -> Any:
    """Keys and types; of the items of a bulk the codes too."""
    try:
        return _shape_of(json.loads(body))
    except ValueError:
        return "text" if body else "nothing"


def _shape_of(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _shape_of(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_shape_of(part) for part in value]
    return value if key in {"code", "rowcount"} else type(value).__name__
