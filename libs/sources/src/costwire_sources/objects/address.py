"""What the URL of an object store names: pure text, nothing is asked."""

import fnmatch
import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from costwire_sources.errors import Unreadable

Kind = Literal["s3", "az", "gs"]
SCHEMES: dict[str, Kind] = {"s3": "s3", "az": "az", "abfs": "az", "abfss": "az", "gs": "gs"}

_ANY_FOLDERS = "**"
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{1,254}")
# Credentials are sent to this host, so a URL may name only hosts that belong to Azure.
_AZURE_HOST = re.compile(
    r"([a-z0-9]{3,24})\.(?:dfs|blob)"
    r"\.(core\.windows\.net|core\.usgovcloudapi\.net|core\.chinacloudapi\.cn)"
)
# A `?` is a wildcard, unless `name=value` follows it to the end: that is a query.
_QUERY = re.compile(r"\?[A-Za-z][\w.-]*=[^/]*$")


@dataclass(frozen=True)
class Address:
    """An object, a folder of objects, or a glob in one bucket (Azure: container)."""

    kind: Kind
    bucket: str
    path: str
    """Key, folder or glob, without slashes at its ends; empty is the whole bucket."""
    is_folder: bool
    """The text says so by its end, so no object of this name is looked for."""
    root: str
    """`scheme://bucket/` as it was written."""
    account: str | None = None
    endpoint: str | None = None

    @property
    def name(self) -> str:
        """The URL for people and ledgers."""
        return self.root + self.path

    def url(self, path: str) -> str:
        """The URL of something else in the same bucket."""
        return self.root + path


def parse_address(text: str) -> Address:
    """Read `scheme://bucket/path`. The path is a key as it is: no escapes are undone.

    Raises: `Unreadable` for what cannot be an address; the message repeats no credentials.
    """
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    authority, _, path = rest.partition("/")
    if _QUERY.search(text):
        raise Unreadable(
            f"open a source: {scheme}:// takes no query; credentials come from the environment, "
            "and a version is not chosen by the URL"
        )
    account = endpoint = None
    bucket, at, host = authority.partition("@")
    if at and scheme.startswith("abfs") and ":" not in bucket:
        account, endpoint = _azure_account(host.lower())
    elif at or ":" in authority:
        raise Unreadable(
            f"open a source: {scheme}:// takes no credentials or ports in the URL; "
            "they come from the environment or a profile"
        )
    if not _BUCKET.fullmatch(bucket):
        raise Unreadable(
            f"open a source: the URL names no bucket; write {scheme}://bucket/folder/report.csv"
        )
    bare = path.removesuffix("/")
    if path and any(name in ("", ".", "..") for name in bare.split("/")):
        raise Unreadable(
            f"open {scheme}://{authority}/{path}: names between slashes cannot be empty, '.' or "
            "'..'; such keys cannot be read, copy them to others"
        )
    is_folder = not path or path.endswith("/")
    return Address(
        SCHEMES[scheme],
        bucket,
        bare,
        is_folder,
        f"{scheme}://{authority}/",
        account,
        endpoint,
    )


def _azure_account(host: str) -> tuple[str, str]:
    match = _AZURE_HOST.fullmatch(host)
    if not match:
        raise Unreadable(
            "open a source: abfs:// names a host that is none of Azure's; write "
            "abfss://container@account.dfs.core.windows.net/path, or az://container/path with "
            "AZURE_STORAGE_ENDPOINT"
        )
    return match[1], f"https://{match[1]}.blob.{match[2]}"


def has_wildcards(path: str) -> bool:
    """Whether the path is a glob."""
    return glob.has_magic(path)


def fixed_folder(pattern: str) -> str:
    """The folder below which everything lies that a glob can match."""
    names = pattern.split("/")
    fixed = next(n for n, name in enumerate(names) if glob.has_magic(name))
    return "/".join(names[:fixed])


def matches(path: str, pattern: str) -> bool:
    """Whether a glob matches, as on disk.

    `*`, `?` and `[...]` stay within a name, `**` is any number of folders, and a name that begins
    with `.` is matched only by one that does.
    """
    return _match(path.split("/"), pattern.split("/"))


def _match(names: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not names
    first, *rest = patterns
    if first == _ANY_FOLDERS:
        if _match(names, rest):
            return True
        return bool(names) and not names[0].startswith(".") and _match(names[1:], patterns)
    if not names or (names[0].startswith(".") and not first.startswith(".")):
        return False
    return fnmatch.fnmatchcase(names[0], first) and _match(names[1:], rest)
