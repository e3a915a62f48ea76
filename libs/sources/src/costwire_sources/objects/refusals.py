"""What the library says when something fails, in our words and without its own.

Its texts hold addresses with signatures and whole answers of servers; only the status and the
store's own code of the failure are taken from them.
"""

import re
from dataclasses import dataclass

from obstore import exceptions

from costwire_sources.errors import NotFound, SourceChanged, SourceError, Unreachable, Unreadable
from costwire_sources.objects.access import NOWHERE
from costwire_sources.objects.address import Address, Kind
from costwire_sources.objects.aws import RENEWAL_FAILED

LIBRARY_ERRORS = (exceptions.BaseError, OSError, ValueError)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{3,60})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{3,30})</Region>")
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"}
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "ExpiredTokenException"}
_TRY_LATER = {408, 425, 429, 500, 502, 503, 504}
_RIGHTS: dict[Kind, str] = {
    "s3": "give credentials that may list the bucket and read it (s3:ListBucket, s3:GetObject)",
    "az": "give credentials that may list and read the container (Storage Blob Data Reader)",
    "gs": "give credentials that may list and read the bucket (Storage Object Viewer)",
}


@dataclass(frozen=True)
class Refusal:
    """A failure, as far as its text can be told."""

    status: int | None
    code: str | None

    @property
    def words(self) -> str:
        """As in `403 AccessDenied`."""
        said = " ".join(str(part) for part in (self.status, self.code) if part)
        return f"the store answered {said}" if said else "the store refused"


def read_refusal(text: str) -> Refusal:
    """The status and the code that a text of the library holds."""
    status, code = _STATUS.search(text), _CODE.search(text)
    return Refusal(int(status[1]) if status else None, code[1] if code else None)


def translated(error: Exception, address: Address, path: str) -> SourceError:
    """The error that a user is told of something that was asked about `path`."""
    name, text = address.url(path), str(error)
    refusal = read_refusal(text)
    if isinstance(error, exceptions.PreconditionError) or refusal.status in (412, 416):
        return changed(name)
    if refusal.code in _NO_BUCKET:
        return no_bucket(address, path)
    if isinstance(error, FileNotFoundError) or refusal.status == 404:
        return NotFound(f"read {name}: nothing is there; check the name")
    if refusal.status is not None:
        return _refused(name, address.kind, refusal, text)
    if isinstance(error, exceptions.InvalidPathError):
        return Unreadable(
            f"read {name}: keys below it have empty names, '.' or '..' between slashes, which "
            "cannot be read; name a folder without them"
        )
    if RENEWAL_FAILED in text:
        return Unreachable(
            f"read {name}: the credentials were not renewed; they are asked for again at the next "
            "poll"
        )
    return _unanswered(name, text)


def no_bucket(address: Address, path: str) -> NotFound:
    """What is told when the bucket itself is not there."""
    return NotFound(
        f"read {address.url(path)}: there is no bucket or container {address.bucket} here; check "
        "its name, and the endpoint or account that is asked"
    )


def changed(name: str) -> SourceChanged:
    """What is told of an object that is no longer the polled one."""
    return SourceChanged(
        f"read {name}: it was rewritten or removed while it was read; write each report under a "
        "new key, or wait for the next poll"
    )


def _refused(name: str, kind: Kind, refusal: Refusal, text: str) -> SourceError:
    said = f"read {name}: {refusal.words}"
    if refusal.status in _TRY_LATER:
        return Unreachable(f"{said}; it is asked again at the next poll")
    if refusal.code in _EXPIRED:
        return Unreadable(f"{said}; the credentials have expired: sign in again, or renew them")
    if region := _REGION.search(text):
        return Unreadable(f"{said}; the bucket is in another region: set AWS_REGION={region[1]}")
    if refusal.status in (301, 302, 307, 308):
        return Unreadable(f"{said}; the bucket may be in another region: set AWS_REGION to its own")
    if refusal.status in (401, 403):
        return Unreadable(f"{said}; {_RIGHTS[kind]}, or check the key's spelling")
    return Unreadable(f"{said}; look at the store's own log")


def _unanswered(name: str, text: str) -> SourceError:
    if "certificate" in text.lower():
        return Unreadable(
            f"read {name}: the store's certificate is not trusted; name the authority's "
            "certificates with AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE"
        )
    if f"{NOWHERE}," in text:
        return Unreadable(
            f"read {name}: the endpoint redirects to another host, which is not asked; set the "
            "endpoint to where the bucket is"
        )
    if "redirect" in text.lower():
        return Unreadable(
            f"read {name}: the store answers elsewhere; set AWS_REGION to the bucket's region"
        )
    why = "the connection broke off"
    if "Timeout" in text or "TimedOut" in text or "timed out" in text:
        why = "the store did not answer in time"
    elif "ConnectionRefused" in text or "onnection refused" in text:
        why = "connection refused; check the endpoint"
    elif "dns error" in text:
        why = "the store's name is not known (DNS); check the endpoint, account or region"
    return Unreachable(f"read {name}: {why}; it is asked again at the next poll")
