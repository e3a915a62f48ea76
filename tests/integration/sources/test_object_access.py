"""Whose rights an object store is asked with, and that nobody gets to read the secrets."""

from __future__ import annotations

import json
import logging
import shutil
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.integration.sources.conftest import MakeBucket
from tests.support.local_server import LocalServer
from tests.support.object_stores import (
    AZURE_ACCOUNT,
    AZURE_KEY,
    AzureContainer,
    Bucket,
    Kind,
    PublicS3Bucket,
    forget_clouds,
    s3_keys,
)

from costwire_sources import Access, open_source
from costwire_sources.errors import SourceError, Unreachable, Unreadable
from costwire_sources.objects import ObjectSource
from costwire_sources.objects.access import Patience
from costwire_sources.source import Reading

REPORT = b"BilledCost\n1.5\n"
KEY_ID, SECRET, TOKEN = "AKIAWRONGKEYID000000", "wr0ng-s3cret-key", "wr0ng-session-t0ken"
URLS = ("s3://bills/a.csv", "az://bills/a.csv", "gs://bills/a.csv")


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds the credentials of whoever runs it."""
    forget_clouds(monkeypatch, tmp_path)


def told(url: str, access: Access | None = None) -> SourceError:
    """The error that a user is told; it took no longer than a short time-out."""
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        open_source(url, access=access).poll(None)
    assert time.monotonic() - started < 5
    return caught.value


def read(url: str, access: Access | None = None) -> Reading:
    reading = open_source(url, access=access).poll(None)
    assert reading is not None
    return reading


def everything_said(error: BaseException) -> str:
    """The message, and whatever a log of the whole failure would show."""
    seen, chain = [str(error), repr(error)], error
    while chain := chain.__cause__ or chain.__context__:  # type: ignore[assignment]
        seen += [str(chain), repr(chain)]
    return "\n".join([*seen, *traceback.format_exception(error)])


@contextmanager
def checked_rights(bucket: Bucket) -> Iterator[None]:
    """From here on the store checks who asks (moto does so only when told)."""
    reset = f"{bucket.server}/moto-api/reset-auth"
    answer = requests.post(reset, data=b"0", timeout=10)
    is_moto = answer.ok and b"PREVIOUS_INITIAL_NO_AUTH_ACTION_COUNT" in answer.content
    try:
        yield
    finally:
        if is_moto:
            requests.post(reset, data=b"inf", timeout=10)


def test_wrong_keys_of_s3_are_refused_and_told_without_them(
    public_s3: Callable[[], PublicS3Bucket],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = public_s3()
    bucket.put("a.csv", REPORT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    with checked_rights(bucket):
        for path in ("a.csv", "", "*.csv"):
            error = told(bucket.url(path))
            assert isinstance(error, Unreadable)
            assert "the store answered 403" in str(error)
            assert "give credentials that may list the bucket and read it" in str(error)
            said = everything_said(error) + caplog.text
            assert not [secret for secret in (KEY_ID, SECRET, TOKEN) if secret in said]


def test_wrong_key_of_azure_is_refused_and_told_without_it(
    stores: Callable[[Kind], MakeBucket],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = stores("az")()
    wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmc="
    right = bucket.environment["AZURE_STORAGE_CONNECTION_STRING"]
    before, _, after = right.partition("AccountKey=")
    text = f"{before}AccountKey={wrong};{after.partition(';')[2]}"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    for path in ("a.csv", ""):
        error = told(bucket.url(path))
        assert isinstance(error, Unreadable)
        assert "the store answered 403" in str(error)
        assert wrong not in everything_said(error) + caplog.text


@pytest.mark.parametrize("way", ["key", "signature", "signature with ?", "emulator", "string"])
def test_every_spelling_of_azure_credentials_is_taken(
    way: str, stores: Callable[[Kind], MakeBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = stores("az")()
    assert isinstance(bucket, AzureContainer)
    bucket.put("a.csv", REPORT)
    if way in ("emulator", "string"):
        monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", bucket.server)
        name, value = {
            "emulator": ("AZURE_STORAGE_USE_EMULATOR", "true"),
            "string": ("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true"),
        }[way]
    else:
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", AZURE_ACCOUNT)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"{bucket.server}/{AZURE_ACCOUNT}")
        name, value = {
            "key": ("AZURE_STORAGE_KEY", AZURE_KEY),
            "signature": ("AZURE_STORAGE_SAS_TOKEN", bucket.signature("a.csv")),
            "signature with ?": ("AZURE_STORAGE_SAS_TOKEN", f"?{bucket.signature('a.csv')}"),
        }[way]
    monkeypatch.setenv(name, value)
    (part,) = read(bucket.url("a.csv")).parts
    with part.open() as stream:
        assert stream.read() == REPORT


def test_signature_of_azure_is_in_no_message_and_no_log(
    stores: Callable[[Kind], MakeBucket],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = stores("az")()
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "devstoreaccount1")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"{bucket.server}/devstoreaccount1")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=2024-01-01&sp=r&sig=c2VjcmV0c2ln")
    error = told(bucket.url("a.csv"))
    assert isinstance(error, Unreadable)
    assert "c2VjcmV0c2ln" not in everything_said(error) + caplog.text


def test_state_holds_no_secret(
    stores: Callable[[Kind], MakeBucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = stores("s3")()
    bucket.put("a.csv", REPORT)
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    source = open_source(bucket.url("a.csv"))
    reading = source.poll(None)
    assert reading is not None
    shown = f"{reading.state} {source.name} {reading!r} {reading.parts!r}"
    assert not [secret for secret in s3_keys() if secret in shown]


def test_profile_of_the_aws_tools_is_taken(
    stores: Callable[[Kind], MakeBucket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = stores("s3")()
    bucket.put("a.csv", REPORT)
    key_id, secret = s3_keys()
    (tmp_path / "credentials").write_text(
        f"[bills]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
    )
    (tmp_path / "config").write_text(
        f"[profile bills]\nregion = us-east-1\nendpoint_url = {bucket.server}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "bills")
    assert read(bucket.url()).parts[0].size == len(REPORT)


def test_missing_profile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    error = told("s3://bills/a.csv")
    assert isinstance(error, Unreadable)
    assert "look at AWS_PROFILE" in str(error)


def test_anonymous_access_reads_what_everybody_may_read(
    public_s3: Callable[[], PublicS3Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = public_s3()
    bucket.put("a.csv", REPORT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server)
    with pytest.raises(Unreadable, match="no credentials were found"):
        read(bucket.url("a.csv"))
    (part,) = read(bucket.url("a.csv"), Access(anonymous=True)).parts
    with part.open() as stream:
        assert stream.read() == REPORT


@pytest.mark.parametrize("url", URLS)
def test_without_credentials_nothing_is_asked_and_what_to_set_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acme")
    error = told(url)
    assert isinstance(error, Unreadable)
    assert "no credentials were found; set " in str(error)
    assert not error.transient


@pytest.mark.parametrize(
    "names",
    [
        ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
        ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"),
        ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID"),
    ],
    ids=" ".join,
)
def test_half_an_identity_of_azure_does_not_lead_to_the_metadata_address(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acme")
    for name in names:
        monkeypatch.setenv(name, "x")
    assert "no credentials were found" in str(told("az://bills/a.csv"))


def test_account_of_the_url_is_never_another_than_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "AccountName=other;AccountKey=a2V5;EndpointSuffix=core.windows.net"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    error = told("abfss://bills@acme.dfs.core.windows.net/a.csv")
    assert isinstance(error, Unreadable)
    assert "is of another account than the URL" in str(error)


def test_azure_without_an_account_is_told() -> None:
    error = told("az://bills/a.csv")
    assert isinstance(error, Unreadable)
    assert "set AZURE_STORAGE_ACCOUNT_NAME" in str(error)


class MetadataServer(BaseHTTPRequestHandler):
    """Hands out keys as a cloud machine's metadata address does, and notes that it was asked."""

    def do_PUT(self) -> None:
        self._answer("token")

    def do_GET(self) -> None:
        key_id, secret = s3_keys()
        keys = {
            "Code": "Success",
            "AccessKeyId": key_id,
            "SecretAccessKey": secret,
            "Token": "t",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        self._answer("role" if self.path.endswith("/") else json.dumps(keys))

    def _answer(self, text: str) -> None:
        self.server.owner.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Metadata(LocalServer):
    """A metadata server at an address of this machine."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(MetadataServer)


@pytest.mark.parametrize("way", ["chain", "profile"])
def test_metadata_address_is_asked_only_where_it_is_allowed(
    way: str,
    stores: Callable[[Kind], MakeBucket],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    bucket = stores("s3")()
    bucket.put("a.csv", REPORT)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server)
    if way == "profile":
        (tmp_path / "config").write_text(
            "[default]\nrole_arn = arn:aws:iam::123456789012:role/reader\n"
            "credential_source = Ec2InstanceMetadata\nregion = us-east-1\n"
        )
    with Metadata() as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", bucket.server)
        assert isinstance(told(bucket.url("a.csv")), Unreadable)
        assert metadata.asked == []
        read(bucket.url("a.csv"), Access(instance_metadata=True))
        assert metadata.asked


def test_metadata_address_that_never_answers_is_left_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(_Silent) as silent:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url)
        error = told("s3://bills/a.csv", Access(instance_metadata=True))
        assert "no credentials were found" in str(error)


class _Silent(BaseHTTPRequestHandler):
    def handle(self) -> None:
        self.connection.recv(1)
        time.sleep(4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/keys"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
    ],
)
def test_metadata_address_of_a_container_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert "no credentials were found" in str(told("s3://bills/a.csv"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bills/a.csv", "AWS_ENDPOINT_URL"),
        ("az://bills/a.csv", "AZURE_STORAGE_ENDPOINT"),
        ("gs://bills/a.csv", "STORAGE_EMULATOR_HOST"),
    ],
)
def test_endpoint_at_a_metadata_address_is_refused(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "acme")
    monkeypatch.setenv(name, "http://169.254.169.254/latest")
    error = told(url, Access(anonymous=True))
    assert isinstance(error, Unreadable)
    assert "is a metadata address" in str(error)


def test_keys_that_cannot_be_fetched_are_told_as_passing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader")
    (tmp_path / "token").write_text("identity")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    error = told("s3://bills/a.csv")
    assert isinstance(error, Unreachable)
    assert "who gives the credentials did not answer" in str(error)


class OneObject(BaseHTTPRequestHandler):
    """Has the same object under every key."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Wed, 11 Dec 2024 10:00:00 GMT")
        self.send_header("Content-Length", "5")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Noting(OneObject):
    """Notes that it was asked."""

    def do_HEAD(self) -> None:
        self.server.owner.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        super().do_HEAD()


class Redirecting(Noting):
    """Redirects to wherever its owner says."""

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(307)
        to = self.server.owner.to  # type: ignore[attr-defined]
        self.send_header("Location", to + self.path)


class Redirects(LocalServer):
    """A server that notes who asks, of one of the classes above."""

    def __init__(self, handler: type[Noting], to: str = "") -> None:
        self.asked: list[dict[str, str]] = []
        self.to = to
        super().__init__(handler)


@pytest.mark.parametrize("kind", ["s3", "az", "gs"])
@pytest.mark.parametrize("elsewhere", ["another host", "the metadata address"])
def test_redirect_of_an_endpoint_leads_to_no_other_host(
    kind: str, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", AZURE_ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_KEY", AZURE_KEY)
    with Redirects(Noting) as other, Redirects(Redirecting) as store:
        # Another name of this machine is another host.
        at = other.url.replace("127.0.0.1", "localhost")
        store.to = at if elsewhere == "another host" else "http://169.254.169.254"
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"{store.url}/{AZURE_ACCOUNT}")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
        patience = Patience(retries=1, first_pause_seconds=0.01)
        source = ObjectSource(f"{kind}://bills/a.csv", patience=patience)
        with pytest.raises(Unreadable, match="redirects to another host") as caught:
            source.poll(None)
        assert "set the endpoint to where the bucket is" in str(caught.value)
        assert store.asked
        assert other.asked == []


class Encrypted(OneObject):
    """The same behind TLS, with the certificate `cert.pem` of the server's owner's folder."""

    def setup(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder: Path = self.server.owner.folder  # type: ignore[attr-defined]
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()


class EncryptedServer(LocalServer):
    """A store whose certificate an authority of its own has signed, `ca.pem`."""

    scheme = "https"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if shutil.which("openssl") is None:
            pytest.skip("TLS: the command openssl is not installed")
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        new = "-newkey rsa:2048 -nodes -subj /CN=costwire"
        for command in (
            f"req -x509 {new} -days 2 -keyout ca-key.pem -out ca.pem",
            f"req {new} -keyout key.pem -out request.pem",
            "x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 "
            "-extfile names -out cert.pem",
        ):
            subprocess.run(
                ["openssl", *command.split()], cwd=folder, check=True, capture_output=True
            )
        super().__init__(Encrypted)


def test_certificate_of_an_unknown_authority_is_refused_until_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with EncryptedServer(tmp_path) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        source = ObjectSource(
            "s3://bills/a.csv", access=Access(anonymous=True), patience=Patience(retries=0)
        )
        with pytest.raises(Unreadable, match="certificate is not trusted"):
            source.poll(None)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        reading = source.poll(None)
    assert reading is not None


def test_unreadable_certificates_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    assert "mend AWS_CA_BUNDLE" in str(told("s3://bills/a.csv", Access(anonymous=True)))


def test_store_is_not_loaded_for_files() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from costwire_sources import open_source; open_source('a.csv');"
            "print('botocore' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False\n"


def test_role_of_a_web_identity_is_taken_and_its_keys_are_in_no_log(
    stores: Callable[[Kind], MakeBucket],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bucket = stores("s3")()
    bucket.put("a.csv", REPORT)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="botocore")
    if "moto-api" not in requests.get(f"{bucket.server}/moto-api/", timeout=10).text:
        pytest.skip("s3: this server gives no web identities")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader")
    (tmp_path / "token").write_text("identity")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    assert read(bucket.url("a.csv")).parts[0].size == len(REPORT)
    assert "SecretAccessKey" not in caplog.text
    assert "Authorization" not in caplog.text
