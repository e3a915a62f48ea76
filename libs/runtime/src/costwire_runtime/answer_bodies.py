"""The bodies of answers: read piece by piece, unpacked, and never taken for whole when cut off."""

from collections.abc import Generator, Iterable

import requests

from costwire_runtime.gunzip import gunzipped
from costwire_runtime.http_errors import (
    LIBRARY_ERRORS,
    BrokenBody,
    Impossible,
    translated,
    without_credentials,
)

_CHUNK_BYTES = 1 << 16


def iter_body(
    response: requests.Response, chunk_size: int = _CHUNK_BYTES, *, decode: bool = True
) -> Generator[bytes, None, None]:
    """The body of a streamed answer; `BrokenBody` when it ends before its end.

    Without `decode` its content encoding stays. Closing the generator, or reading it to its end,
    gives the connection back.
    """
    return _unbroken(response, _pieces(response, chunk_size, decode=decode))


def _pieces(response: requests.Response, size: int, *, decode: bool) -> Iterable[bytes]:
    if not hasattr(response.raw, "stream"):  # it was read whole
        return response.iter_content(size)
    raw: Iterable[bytes] = response.raw.stream(size, decode_content=False)
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if not decode or encoding in ("", "identity"):
        return raw
    if encoding in ("gzip", "x-gzip"):
        return gunzipped(raw, size)
    response.close()
    raise Impossible(
        f"read the answer of {without_credentials(response.url)}: its content encoding "
        f"{encoding} was not asked for"
    )


def _unbroken(response: requests.Response, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
    act = f"read the answer of {without_credentials(response.url)}"
    try:
        yield from chunks
    except LIBRARY_ERRORS as error:
        raise BrokenBody(str(translated(error, act))) from error
    finally:
        response.close()
