"""What the environment and the user say of how a store is asked."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("endpoint", ["minio:9000", "ftp://h", "https://", "https://ann:s3cret@h"])
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
