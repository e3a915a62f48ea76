"""Undoes gzip as a content encoding, a bounded piece at a time.

urllib3's own decoder is not used: where a member ends exactly with a piece, it reads what follows
twice over (seen with 2.8.0), which doubles the body, and grows without bound when repeated.
"""

import zlib
from collections.abc import Iterable, Iterator

_GZIP_WINDOW = 31


class Damaged(ValueError):
    """The bytes are no gzip, or end early."""


def gunzipped(chunks: Iterable[bytes], piece_bytes: int) -> Iterator[bytes]:
    """The plain bytes in pieces of at most `piece_bytes`; several members are one text.

    Raises: `Damaged`.
    """
    member = zlib.decompressobj(_GZIP_WINDOW)
    begun = False
    try:
        for chunk in chunks:
            pending = chunk
            begun = begun or bool(chunk)
            while pending:
                if member.eof:
                    member = zlib.decompressobj(_GZIP_WINDOW)
                if piece := member.decompress(pending, piece_bytes):
                    yield piece
                pending = member.unconsumed_tail or member.unused_data
    except zlib.error as error:
        raise Damaged(str(error)) from error
    if begun and not member.eof:
        raise Damaged("the gzip data end early")
