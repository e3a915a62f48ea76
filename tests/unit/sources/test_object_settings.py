"""What the environment and the user say of how a store is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.object_stores import forget_clouds

from costwire_sources.errors import Unreadable
from costwire_sources.objects.access import (
    Access,
    Patience,
    checked_endpoint,
)
from costwire_sources.objects.azure import read_connection_string


def test_endpoint_at_a_metadata_address_needs_leave() -> None:
    endpoint = "http://169.254.169.254/x"
    with pytest.raises(Unreadable, match="is a metadata address"):
        checked_endpoint(endpoint, Access())
    assert checked_endpoint(endpoint, Access(instance_metadata=True)) == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254.",
        "http://0xa9fea9fe",
        "http://[::169.254.169.254]",
        "http://metadata.google.internal.:80",
    ],
)
def test_metadata_address_is_no_endpoint_however_it_is_spelled(endpoint: str) -> None:
    with pytest.raises(Unreadable, match="is a metadata address"):
        checked_endpoint(endpoint, Access())


@pytest.mark.parametrize(
    "endpoint",
    [
        "minio:9000",
        "ftp://h",
        "https://",
        "https://ann:s3cret@h",
        "http://%31%36%39.254.169.254",
        "http://１６９.254.169.254",  # noqa: RUF001
        "http://h,other",
    ],
)
def test_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(Unreadable, match="no http") as caught:
        checked_endpoint(endpoint, Access())
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "allowed"), [("http://h:9000", True), ("https://h", False), (None, False)]
)
def test_plain_http_is_spoken_only_to_an_endpoint_that_says_so(
    endpoint: str | None, allowed: bool
) -> None:
    assert Patience().client_options({}, endpoint=endpoint)["allow_http"] is allowed


@pytest.mark.parametrize(
    ("endpoint", "asked"),
    [
        ("http://Minio:9000", "minio"),
        ("http://0x7f000001:9000", "127.0.0.1"),
        ("http://[::1]:9000", "::1"),
        ("http://127.1.:9000", "127.0.0.1"),
    ],
)
def test_only_the_endpoint_and_who_gives_its_credentials_are_asked(
    endpoint: str, asked: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_clouds(monkeypatch, tmp_path)
    options = Patience().client_options({}, endpoint=endpoint, identity_hosts=["login"])
    assert options["proxy_excludes"] == f"{asked},login"
    assert "proxy_url" not in Patience().client_options({}, endpoint=None)


@pytest.mark.parametrize("no_proxy", ["minio", "login"])
def test_proxy_that_is_needed_stays_one(
    no_proxy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_clouds(monkeypatch, tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    how = Patience().client_options({}, endpoint="http://minio:9000", identity_hosts=["login"])
    assert "proxy_url" not in how


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UseDevelopmentStorage=true;", {"use_emulator": True}),
        (
            "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5PQ==;"
            "EndpointSuffix=core.windows.net",
            {
                "account_name": "acme",
                "account_key": "a2V5PQ==",
                "endpoint": "https://acme.blob.core.windows.net",
            },
        ),
        (
            "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=?sv=1&sig=s",
            {"endpoint": "https://acme.blob.core.windows.net/", "sas_key": "sv=1&sig=s"},
        ),
    ],
)
def test_connection_string_of_azure_is_read(text: str, expected: dict[str, object]) -> None:
    assert read_connection_string(text) == expected


def test_connection_string_that_is_none_is_refused_and_not_repeated() -> None:
    with pytest.raises(Unreadable, match="AZURE_STORAGE_CONNECTION_STRING") as caught:
        read_connection_string("AccountKey=s3cret")
    assert "s3cret" not in str(caught.value)
