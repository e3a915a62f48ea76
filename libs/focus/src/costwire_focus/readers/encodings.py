"""Text in other encodings than UTF-8: recognised where bytes tell, else told; given as UTF-8."""

from __future__ import annotations

import codecs
from typing import BinaryIO, cast

from costwire_focus.readers.compression import read_block

UTF_8 = "utf-8"
_MARKS = (  # those of UTF-32 first: that of UTF-16 is how one of them begins
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LOOKED_AT = 16
_NO_CHARACTER = "\ud800"  # half of a surrogate pair, which no text holds
_NO_BYTE = b"\xff"  # which UTF-8 never has
_ERRORS = "costwire-no-character"


def _mark(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is no character is still none in UTF-8."""
    if isinstance(error, UnicodeEncodeError):
        return _NO_BYTE * (error.end - error.start), error.end
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101
    return _NO_CHARACTER, error.end


codecs.register_error(_ERRORS, _mark)


def find_encoding(head: bytes, told: str | None) -> tuple[str, int]:
    """The encoding of a text that begins so, and how many bytes its byte order mark takes up.

    A mark is believed, whatever was told. Without one, every other byte being zero tells UTF-16;
    what is not told and shows no sign is UTF-8.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if told is not None:
        return told, 0
    looked_at = head[: min(_LOOKED_AT, len(head) // 2 * 2)]
    if len(looked_at) >= len("a,b") * 2 and all(looked_at[0::2]) and not any(looked_at[1::2]):
        return "utf-16-le", 0
    if len(looked_at) >= len("a,b") * 2 and all(looked_at[1::2]) and not any(looked_at[0::2]):
        return "utf-16-be", 0
    return UTF_8, 0


def as_utf8(stream: BinaryIO, encoding: str) -> BinaryIO:
    """The text of a stream in UTF-8; what cannot be decoded becomes bytes that UTF-8 never has.

    So a damaged row can be found and set aside alone, as in a report that is UTF-8 itself.
    """
    return cast(BinaryIO, _Transcoded(stream, encoding))


class _Transcoded:
    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none only at the end."""
        while not self._rest:
            block = read_block(self._stream, size)
            self._rest = self._decoder.decode(block, final=not block).encode(UTF_8, _ERRORS)
            if not block:
                break
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
