"""Real object stores on this machine: named by a variable, else started, else the test skips."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import os
import shutil
import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import botocore.config
import botocore.session
import obstore
import pytest
import requests
from obstore.store import AzureStore

from tests.support.needs import lack
from tests.support.processes import free_port
from tests.support.waiting import until

Kind = Literal["s3", "az", "gs"]
PREFIXES = ("AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "STORAGE_EMULATOR_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_SERVERS = "~/.cache/costwire-servers"
_INSTALLED = Path(_SERVERS).expanduser() / "node_modules" / ".bin"
# Every copy of the Azure emulator has this account; its key is printed in its manual.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def forget_clouds(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take every credential, endpoint and proxy out of this test's environment."""
    for name in [
        name for name in os.environ if name.startswith(PREFIXES) or name.upper() in PROXIES
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "credentials"))


class Bucket(ABC):
    """A new bucket (Azure: container) of a server; `endpoint` may be moved to a relay of it."""

    kind: Kind
    lacks: Mapping[str, str] = {}
    """What this server cannot show, and why: `relay`, `missing bucket`."""

    def __init__(self, endpoint: str) -> None:
        self.server = self.endpoint = endpoint
        self.bucket = f"bills{uuid.uuid4().hex[:12]}"
        self._create()

    def url(self, path: str = "") -> str:
        """As a user names it."""
        return f"{self.kind}://{self.bucket}/{path}"

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The variables that lead to the server, with the rights to read."""

    @abstractmethod
    def _create(self) -> None: ...

    @abstractmethod
    def put(self, key: str, content: bytes) -> None:
        """Write an object, over an older one."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object."""


class S3Bucket(Bucket):
    """A bucket of moto, MinIO or another server of the S3 protocol."""

    kind: Kind = "s3"
    acl: Mapping[str, str] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": s3_keys()[0],
            "AWS_SECRET_ACCESS_KEY": s3_keys()[1],
            "AWS_REGION": "us-east-1",
        }

    def _create(self) -> None:
        self._client = s3_client(self.server)
        self._client.create_bucket(Bucket=self.bucket)

    def put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.bucket, Key=key, Body=content, **self.acl)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.bucket, Key=key)


class PublicS3Bucket(S3Bucket):
    """A bucket whose objects everybody may read."""

    acl: Mapping[str, str] = {"ACL": "public-read"}


class XmlGoogleBucket(PublicS3Bucket):
    """Google's XML interface has the requests of S3, so a server of S3 stands in for it."""

    kind: Kind = "gs"

    @property
    def environment(self) -> Mapping[str, str]:
        return {"STORAGE_EMULATOR_HOST": self.endpoint}


class GoogleBucket(Bucket):
    """A bucket of fake-gcs-server."""

    kind: Kind = "gs"
    lacks: Mapping[str, str] = {
        "relay": "fake-gcs-server answers only under its own address",
        "missing bucket": "fake-gcs-server answers 500 for it",
    }

    @property
    def environment(self) -> Mapping[str, str]:
        return {"STORAGE_EMULATOR_HOST": self.endpoint}

    def _create(self) -> None:
        self._ask("POST", "/storage/v1/b", json={"name": self.bucket})

    def put(self, key: str, content: bytes) -> None:
        path = f"/upload/storage/v1/b/{self.bucket}/o?uploadType=media&name={quote(key, safe='')}"
        self._ask("POST", path, data=content)

    def delete(self, key: str) -> None:
        self._ask("DELETE", f"/storage/v1/b/{self.bucket}/o/{quote(key, safe='')}")

    def _ask(self, method: str, path: str, **body: Any) -> None:
        requests.request(method, self.server + path, timeout=30, **body).raise_for_status()


class AzureContainer(Bucket):
    """A container of the Azure emulator."""

    kind: Kind = "az"

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AZURE_STORAGE_CONNECTION_STRING": (
                f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};"
                f"AccountKey={AZURE_KEY};BlobEndpoint={self.endpoint}/{AZURE_ACCOUNT};"
            )
        }

    def _create(self) -> None:
        path = f"/{AZURE_ACCOUNT}/{self.bucket}"
        headers = {
            "x-ms-date": f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT",
            "x-ms-version": "2021-08-06",
        }
        said = "".join(f"{name}:{value}\n" for name, value in headers.items())
        signed = f"PUT{chr(10) * 12}{said}/{AZURE_ACCOUNT}{path}\nrestype:container"
        digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
        url = f"{self.server}{path}?restype=container"
        requests.put(url, headers=headers, timeout=30).raise_for_status()
        self._store = AzureStore(
            self.bucket,
            account_name=AZURE_ACCOUNT,
            account_key=AZURE_KEY,
            endpoint=f"{self.server}/{AZURE_ACCOUNT}",
            client_options={"allow_http": True},
        )

    def signature(self, key: str) -> str:
        """A shared access signature that allows to read this object for an hour."""
        url = obstore.sign(self._store, "GET", key, timedelta(hours=1))
        return urlsplit(url).query

    def put(self, key: str, content: bytes) -> None:
        self._store.put(key, content)

    def delete(self, key: str) -> None:
        self._store.delete(key)


def s3_keys() -> tuple[str, str]:
    """The keys of the S3 server's user."""
    return (
        os.environ.get("COSTWIRE_TEST_S3_ACCESS_KEY", "costwire-test"),
        os.environ.get("COSTWIRE_TEST_S3_SECRET_KEY", "costwire-test-secret"),
    )


def s3_client(endpoint: str) -> Any:
    """A client of AWS' own library, for what a test writes."""
    return botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=s3_keys()[0],
        aws_secret_access_key=s3_keys()[1],
        config=botocore.config.Config(s3={"addressing_style": "path"}, proxies={}),
    )


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The address of a server of the S3 protocol: `COSTWIRE_TEST_S3_URL`, else moto."""
    if told := os.environ.get("COSTWIRE_TEST_S3_URL"):
        yield told.rstrip("/")
    else:
        with moto_server(folder) as url:
            yield url


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """The address of a moto server of this test's own."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask_cors") is None:
        lack("s3", "COSTWIRE_TEST_S3_URL is not set, and moto, flask and flask-cors are missing")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _process("moto", command, folder, port) as url:
        yield url


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """The address of an Azure emulator: `COSTWIRE_TEST_AZURITE_URL`, else Azurite."""
    if told := os.environ.get("COSTWIRE_TEST_AZURITE_URL"):
        yield told.rstrip("/")
        return
    program = shutil.which("azurite-blob") or shutil.which("azurite-blob", path=str(_INSTALLED))
    if program is None:
        lack(
            "azurite",
            "COSTWIRE_TEST_AZURITE_URL is not set and azurite-blob is not on PATH; "
            f"npm install --prefix {_SERVERS} azurite",
        )
    port = free_port()
    options = ["--inMemoryPersistence", "--disableTelemetry", "--silent", "--skipApiVersionCheck"]
    with _process("azurite", [program, "--blobPort", str(port), *options], folder, port) as url:
        yield url


def google_server() -> str | None:
    """The address of a fake-gcs-server, where `COSTWIRE_TEST_GCS_URL` names one."""
    told = os.environ.get("COSTWIRE_TEST_GCS_URL")
    return told.rstrip("/") if told else None


@contextmanager
def _process(name: str, command: Sequence[str], folder: Path, port: int) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"

    def listens() -> bool:
        assert process.poll() is None, f"{name} ended: {log.read_text()[-2_000:]}"
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.get(url, timeout=10)
        except requests.RequestException:
            return False
        return True

    try:
        until(f"{name} listens", listens, START_SECONDS)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
