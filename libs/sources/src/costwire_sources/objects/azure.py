"""Azure Blob Storage: the variables of its tools, as the library wants them."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from obstore.store import AzureStore

from costwire_sources.access import Access
from costwire_sources.errors import Unreadable
from costwire_sources.objects.access import (
    METADATA_HOST,
    Patience,
    checked_endpoint,
    first_of,
    hosts_of,
    is_set,
    require_credentials,
)
from costwire_sources.objects.address import Address

if TYPE_CHECKING:
    from obstore.store import AzureConfig

_WHERE = (
    "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, the "
    "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET of an application, a workload "
    "identity, or AZURE_USE_AZURE_CLI=true"
)
_EMULATOR = "UseDevelopmentStorage=true"
_EMULATOR_ENDPOINT = "http://127.0.0.1:10000"
_STATIC = (
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
)
_CLIENT = ("AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID")
_TENANT = (
    "AZURE_STORAGE_TENANT_ID",
    "AZURE_STORAGE_AUTHORITY_ID",
    "AZURE_TENANT_ID",
    "AZURE_AUTHORITY_ID",
)
_AUTHORITY = "login.microsoftonline.com"
_AUTHORITIES = ("AZURE_STORAGE_AUTHORITY_HOST", "AZURE_AUTHORITY_HOST")
_IDENTITIES = (
    "AZURE_MSI_ENDPOINT",
    "AZURE_IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
    "IDENTITY_ENDPOINT",
)
_PROOF = ("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE")


def open_azure(address: Address, access: Access, patience: Patience) -> AzureStore:
    """The container of the account that the URL or the environment names.

    Raises: `Unreadable` when no account or no credentials are named.
    """
    environment = os.environ
    config = _config(environment, address)
    emulator = config.get("use_emulator") or is_set(environment, "AZURE_STORAGE_USE_EMULATOR")
    if not emulator and "account_name" not in config:
        raise Unreadable(
            f"read {address.name}: no storage account is named; set AZURE_STORAGE_ACCOUNT_NAME, or "
            "write abfss://container@account.dfs.core.windows.net/path"
        )
    endpoint = config.get("endpoint")
    if endpoint:
        config["endpoint"] = endpoint = checked_endpoint(endpoint, access)
    elif emulator:
        endpoint = environment.get("AZURITE_BLOB_STORAGE_URL") or _EMULATOR_ENDPOINT
        checked_endpoint(endpoint, access)
    if access.anonymous or is_set(environment, "AZURE_SKIP_SIGNATURE"):
        config["skip_signature"] = True
    elif not emulator:
        found = _has_credentials(environment, config)
        require_credentials(access, address.name, _WHERE, found=found)
    return AzureStore(
        address.bucket,
        config=config,
        client_options=patience.client_options(
            environment, endpoint=endpoint, identity_hosts=_identity_hosts(environment, access)
        ),
        retry_config=patience.retry_config(),
    )


def _identity_hosts(environment: Mapping[str, str], access: Access) -> list[str]:
    """Who gives tokens."""
    hosts = [_AUTHORITY, *hosts_of(environment, *_AUTHORITIES)]
    if access.instance_metadata:
        hosts += [METADATA_HOST, *hosts_of(environment, *_IDENTITIES)]
    return hosts


def _has_credentials(environment: Mapping[str, str], config: "AzureConfig") -> bool:
    """Whether the library will find some; with half of them it asks the metadata address."""
    identity = (first_of(environment, *names) for names in (_CLIENT, _TENANT, _PROOF))
    return (
        "account_key" in config
        or "sas_key" in config
        or first_of(environment, *_STATIC) is not None
        or all(identity)
        or is_set(environment, "AZURE_USE_AZURE_CLI")
    )


def _config(environment: Mapping[str, str], address: Address) -> "AzureConfig":
    config: AzureConfig = {}
    account = address.account or first_of(
        environment, "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"
    )
    if account:
        config["account_name"] = account
    if key := first_of(environment, "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"):
        config["account_key"] = key
    if token := environment.get("AZURE_STORAGE_SAS_TOKEN"):
        config["sas_key"] = token.removeprefix("?")
    endpoint = first_of(
        environment,
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_ENDPOINT",
        "AZURE_STORAGE_SERVICE_ENDPOINT",
    )
    if endpoint or address.endpoint:
        config["endpoint"] = endpoint or address.endpoint or ""
    if text := environment.get("AZURE_STORAGE_CONNECTION_STRING"):
        config |= read_connection_string(text)
    if address.account and config.get("account_name") != address.account:
        raise Unreadable(
            f"read {address.name}: AZURE_STORAGE_CONNECTION_STRING is of another account than the "
            "URL; unset it, or name its account"
        )
    return config


def read_connection_string(text: str) -> "AzureConfig":
    """What a storage account's connection string says; what we do not need is left out.

    Raises: `Unreadable` when it is none; the message does not repeat it.
    """
    if text.strip().rstrip(";") == _EMULATOR:
        return {"use_emulator": True}
    said = dict(pair.partition("=")[::2] for pair in text.strip().split(";") if pair)
    account = said.get("AccountName")
    endpoint = said.get("BlobEndpoint")
    if not account and not endpoint:
        raise Unreadable(
            "open an object store: AZURE_STORAGE_CONNECTION_STRING names neither AccountName nor "
            "BlobEndpoint; copy it from the account's access keys"
        )
    config: AzureConfig = {}
    if account:
        config["account_name"] = account
    if endpoint:
        config["endpoint"] = endpoint
    elif suffix := said.get("EndpointSuffix"):
        protocol = said.get("DefaultEndpointsProtocol", "https")
        config["endpoint"] = f"{protocol}://{account}.blob.{suffix}"
    if key := said.get("AccountKey"):
        config["account_key"] = key
    if token := said.get("SharedAccessSignature"):
        config["sas_key"] = token.removeprefix("?")
    return config
