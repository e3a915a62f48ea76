"""S3 and what speaks its protocol: the credentials of the AWS tools, from botocore's own chain."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import S3Store

from costwire_runtime.metadata_addresses import is_metadata_host
from costwire_sources.access import Access
from costwire_sources.errors import SourceError, Unreachable, Unreadable
from costwire_sources.objects.access import (
    METADATA_SECONDS,
    Patience,
    checked_endpoint,
    first_of,
    is_set,
    no_credentials,
)
from costwire_sources.objects.address import Address

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

_WHERE = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a web identity"
_CONTAINER_URIS = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
# How long a copy of the keys is used; the original renews itself long before it expires.
_KEYS_LAST = timedelta(minutes=5)
RENEWAL_FAILED = "costwire: credentials were not renewed"


def open_s3(address: Address, access: Access, patience: Patience) -> S3Store:
    """The bucket, with whatever credentials the AWS tools would take.

    Raises: `Unreadable` when there are none, `Unreachable` when who gives them does not answer.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
    )

    told: SourceError
    try:
        return _open(address, access, patience)
    except (ConnectionError, HTTPClientError) as error:
        told = Unreachable(
            f"read {address.name}: who gives the credentials did not answer "
            f"({type(error).__name__}); it is asked again at the next poll"
        )
    except (BotoCoreError, ClientError) as error:
        told = Unreadable(
            f"read {address.name}: the AWS credentials cannot be used ({type(error).__name__}); "
            "look at AWS_PROFILE, ~/.aws/config and ~/.aws/credentials, or sign in again"
        )
    raise told  # out of reach of the library's text, which may quote what a tool has printed


def _open(address: Address, access: Access, patience: Patience) -> S3Store:
    session = _session(access, patience)
    endpoint = _endpoint(session, access)
    config: S3Config = {"bucket": address.bucket, "region": _region(session)}
    if endpoint:
        config["aws_endpoint_url_s3"] = endpoint
    options = patience.client_options(os.environ, endpoint=endpoint)
    if access.anonymous or is_set(os.environ, "AWS_SKIP_SIGNATURE"):
        return S3Store(
            config={**config, "skip_signature": True},
            client_options=options,
            retry_config=patience.retry_config(),
        )
    return S3Store(
        config=config,
        client_options=options,
        retry_config=patience.retry_config(),
        credential_provider=_provider(session, address),
    )


def _session(access: Access, patience: Patience) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    # It logs what it is sent, and in an answer that gives keys those keys.
    logging.getLogger("botocore").setLevel(logging.CRITICAL)
    session = Session()
    session.set_default_client_config(
        Config(
            connect_timeout=patience.connect_seconds,
            read_timeout=patience.read_seconds,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
    )
    # No attempt is what keeps botocore from the metadata address, also by way of a profile.
    session.set_config_variable("metadata_service_num_attempts", int(access.instance_metadata))
    session.set_config_variable("metadata_service_timeout", METADATA_SECONDS)
    if not access.instance_metadata and _asks_container():
        session.get_component("credential_provider").remove("container-role")
        if session.get_scoped_config().get("credential_source") == "EcsContainer":
            raise Unreadable(
                "open a source: the AWS profile takes its credentials from a metadata address, "
                "which is asked only where instance metadata is allowed"
            )
    return session


def _asks_container() -> bool:
    """Whether the environment names a metadata address for the credentials of a container."""
    relative, full = (os.environ.get(name) for name in _CONTAINER_URIS)
    return bool(relative) or bool(full and is_metadata_host(urlsplit(full).hostname or ""))


def _provider(session: Any, address: Address) -> "Callable[[], S3Credential]":
    credentials = session.get_credentials()
    if credentials is None:
        raise no_credentials(address.name, _WHERE)
    credentials.get_frozen_credentials()  # what cannot be fetched is told here, in words

    def copy() -> "S3Credential":
        try:
            keys = credentials.get_frozen_credentials()
        except Exception:
            keys = None
        if keys is None:
            raise RuntimeError(RENEWAL_FAILED)
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": datetime.now(UTC) + _KEYS_LAST,
        }

    return copy


def _region(session: Any) -> str:
    return (
        first_of(os.environ, "AWS_REGION", "AWS_DEFAULT_REGION")
        or session.get_config_variable("region")
        or "us-east-1"
    )


def _endpoint(session: Any, access: Access) -> str | None:
    told = first_of(os.environ, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    told = told or session.get_scoped_config().get("endpoint_url")
    return checked_endpoint(told, access) if told else None
