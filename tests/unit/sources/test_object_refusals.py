"""From what the library says to what a user is told."""

from __future__ import annotations

import pytest
from obstore import exceptions

from costwire_sources.errors import NotFound, SourceChanged, SourceError, Unreachable, Unreadable
from costwire_sources.objects.address import parse_address
from costwire_sources.objects.aws import RENEWAL_FAILED
from costwire_sources.objects.refusals import LIBRARY_ERRORS, translated

ADDRESS = parse_address("s3://bills/a.csv")
SECRETS = "?X-Amz-Signature=s3cret <AWSAccessKeyId>AKIAs3cret</AWSAccessKeyId>"


def answered(status: int, code: str, rest: str = "") -> str:
    return (
        f"Error performing GET http://h/bills/a.csv{SECRETS} - Server returned non-2xx status "
        f"code: {status} X: <Error><Code>{code}</Code>{rest}</Error>"
    )


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (answered(404, "NoSuchBucket"), NotFound, "no bucket or container bills here"),
        (answered(404, "NoSuchKey"), NotFound, "nothing is there"),
        (answered(412, "PreconditionFailed"), SourceChanged, "rewritten or removed"),
        (answered(416, "InvalidRange"), SourceChanged, "rewritten or removed"),
        (answered(403, "SignatureDoesNotMatch"), Unreadable, "403 SignatureDoesNotMatch; give"),
        (answered(400, "ExpiredToken"), Unreadable, "the credentials have expired"),
        (
            answered(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
            Unreadable,
            "set AWS_REGION=eu-west-1",
        ),
        (answered(301, "PermanentRedirect"), Unreadable, "may be in another region"),
        (answered(400, "InvalidRequest"), Unreadable, "400 InvalidRequest; look at"),
        (answered(503, "SlowDown"), Unreachable, "asked again at the next poll"),
        (answered(429, "TooMany"), Unreachable, "asked again at the next poll"),
        ("Received redirect without LOCATION" + SECRETS, Unreadable, "set AWS_REGION"),
        ("kind: Timeout" + SECRETS, Unreachable, "did not answer in time"),
        ("kind: Connect, ConnectionRefused" + SECRETS, Unreachable, "connection refused"),
        ("kind: Connect, dns error" + SECRETS, Unreachable, "is not known (DNS)"),
        ("error: InvalidCertificate(UnknownIssuer)" + SECRETS, Unreadable, "AWS_CA_BUNDLE"),
        (f"RuntimeError: {RENEWAL_FAILED}" + SECRETS, Unreachable, "were not renewed"),
        ("anything else" + SECRETS, Unreachable, "the connection broke off"),
    ],
)
def test_failure_is_told_in_words_without_secrets(
    text: str, kind: type[SourceError], said: str
) -> None:
    error = translated(exceptions.GenericError(text), ADDRESS, "a.csv")
    assert type(error) is kind
    assert said in str(error)
    assert "s3://bills/a.csv" in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    "error",
    [
        kind("text")
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    + [FileNotFoundError("text"), PermissionError("text"), ValueError("text")],
    ids=lambda error: type(error).__name__,
)
def test_no_error_of_the_library_is_missed(error: Exception) -> None:
    assert isinstance(error, LIBRARY_ERRORS)
    assert isinstance(translated(error, ADDRESS, "a.csv"), SourceError)
