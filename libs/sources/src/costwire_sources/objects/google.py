"""Google Cloud Storage: application default credentials, as the library reads them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.store import GCSStore

from costwire_sources.access import Access
from costwire_sources.objects.access import (
    METADATA_HOST,
    Patience,
    checked_endpoint,
    first_of,
    is_set,
    require_credentials,
)
from costwire_sources.objects.address import Address

if TYPE_CHECKING:
    from obstore.store import GCSConfig

_WHERE = (
    "GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, or sign in with "
    "'gcloud auth application-default login'"
)
_NAMED = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_BEARER_TOKEN",
)
_AUTHORITIES = ("googleapis.com", "accounts.google.com")
_METADATA = (METADATA_HOST, "metadata.google.internal")
_SIGNED_IN = ".config/gcloud/application_default_credentials.json"


def open_google(address: Address, access: Access, patience: Patience) -> GCSStore:
    """The bucket; an emulator that `STORAGE_EMULATOR_HOST` names is asked without credentials.

    Raises: `Unreadable` when there are no credentials.
    """
    environment = os.environ
    config: GCSConfig = {}
    emulator = environment.get("STORAGE_EMULATOR_HOST")
    endpoint = environment.get("GOOGLE_BASE_URL")
    if emulator:
        endpoint = emulator if "://" in emulator else f"http://{emulator}"
    if endpoint:
        config["base_url"] = endpoint = checked_endpoint(endpoint, access)
    has_credentials = (
        first_of(environment, *_NAMED) is not None or (Path.home() / _SIGNED_IN).is_file()
    )
    if access.anonymous or emulator or is_set(environment, "GOOGLE_SKIP_SIGNATURE"):
        config["skip_signature"] = True
    else:
        require_credentials(access, address.name, _WHERE, found=has_credentials)
    identity_hosts = _AUTHORITIES + (_METADATA if access.instance_metadata else ())
    options = patience.client_options(
        environment, endpoint=endpoint, identity_hosts=() if emulator else identity_hosts
    )
    # Else Google unpacks objects of `Content-Encoding: gzip`, and answers no ranges of them.
    options["default_headers"] = {"Accept-Encoding": "gzip"}
    return GCSStore(
        address.bucket,
        config=config,
        client_options=options,
        retry_config=patience.retry_config(),
    )
