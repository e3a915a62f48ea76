"""The records of a JSON text, one after the other: lines, an array, or the array of an object."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from costwire_focus.columns import COLUMNS, DRAFT_NAMES
from costwire_focus.errors import Unreadable
from costwire_focus.json_values import DECODER, Members

Read = Callable[[int], bytes]

LONGEST_RECORD: Final = 16 * 1024 * 1024
_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_BARE_RETURN: Final = re.compile(rb"\}[ \t]*\r[ \t\r]*\{")
_FURTHER_PAGES: Final = frozenset(
    (
        *(
            "next",
            "nextlink",
            "odatanextlink",
            "nextpage",
            "nextpagelink",
            "nextpageurl",
            "nexturl",
        ),
        *("nextpagetoken", "nexttoken", "nextcursor", "nextmarker", "opcnextpage"),
        *("continue", "continuationtoken", "hasmore", "hasnextpage", "istruncated"),
    )
)
"""What servers call it that there is more, without case and signs; null, false and "" say no."""
_SIGNS: Final = re.compile("[^a-z]")
_TWO_PAGES: Final = "it is one page of several: fetch all, and put each one into a file of its own"


@dataclass(frozen=True)
class Record:
    """One record where it stands; `value` is None where it is no JSON, for `reason`."""

    line: int
    raw: bytes
    value: Any
    reason: str | None = None


def is_lines(head: bytes) -> bool:
    """Whether a text that begins so has a record on every line; `head` holds its first two lines.

    The first line is an object on its own, or is damaged and the second begins with one too.
    """
    first, _, rest = head.lstrip(b" \t\r\n").partition(b"\n")
    if not first.startswith(b"{"):
        return False
    try:
        members = DECODER.decode(first.decode())
    except (ValueError, RecursionError):
        goes_on = first.rstrip().endswith((b"[", b","))
        return not goes_on and rest.lstrip(b"\r\n").startswith(b"{")
    return not _is_wrapper(members)


def ends_lines_by_returns(head: bytes) -> bool:
    """Whether a text that begins so has records with carriage returns alone between them."""
    return b"\n" not in head and _BARE_RETURN.search(head) is not None


def _is_wrapper(members: Members) -> bool:
    names = [name for name, _ in members]
    return not any(name in COLUMNS or name in DRAFT_NAMES for name in names) and any(
        isinstance(value, list) and not isinstance(value, Members) for _, value in members
    )


def line_records(read: Read, batch_bytes: int, file: str) -> Iterator[tuple[list[Record], bytes]]:
    """Lists of records, one of each line that is not blank, and the bytes of these lines.

    A damaged line is damaged alone. Raises: `Unreadable` for one that is too long.
    """
    line, rest = 1, b""
    while True:
        block = read(max(batch_bytes, len(rest)))
        pending = rest + block
        cut = pending.rfind(b"\n") + 1 if block else len(pending)
        lines = pending[:cut].split(b"\n")
        records = [
            _line_record(line + number, raw.strip())
            for number, raw in enumerate(lines)
            if raw.strip()
        ]
        yield records, pending[:cut]
        line, rest = line + len(lines) - 1, pending[cut:]
        if not block:
            return
        if len(rest) > LONGEST_RECORD:
            raise Unreadable(
                f"read {file}: line {line} is longer than {LONGEST_RECORD} bytes", line=line
            )


def _line_record(line: int, raw: bytes) -> Record:
    try:
        return Record(line, raw, DECODER.decode(raw.decode()))
    except UnicodeDecodeError as broken:
        return Record(line, raw, None, f"byte {broken.start + 1} of the row is not UTF-8")
    except json.JSONDecodeError as broken:
        return Record(line, raw, None, f"the line is no JSON: {broken.msg} at byte {broken.colno}")
    except ValueError as broken:
        return Record(line, raw, None, f"the line is no JSON: {broken}")
    except RecursionError:
        return Record(line, raw, None, "the line is JSON that is nested too deeply")


class Document:
    """A JSON text that is an array of records, or an object with one such array in it.

    It is decoded element by element; what is not decoded yet is all that is held of it.
    """

    def __init__(self, read: Read, batch_bytes: int, file: str) -> None:
        self._read = read
        self._batch_bytes = batch_bytes
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._position, self._line = "", 0, 1
        self._at_end = False
        self._taken: list[str] = []

    def elements(self) -> Iterator[tuple[list[Record], bytes]]:
        """Lists of records, and the bytes that they stand in: commas too, blanks between them not.

        Raises: `Unreadable`, with the line, where the text is no JSON, is cut off, or holds no
                list of records or several.
        """
        if self._next() == "[":
            self._expect("[")
            yield from self._array()
        else:
            yield from self._wrapped()
        if self._next():
            raise self._wrong(
                "there is more behind the end of the JSON; write one object on each line (jq -c .)"
            )

    def _wrapped(self) -> Iterator[tuple[list[Record], bytes]]:
        """The one array among the members of an object."""
        self._expect("{")
        found: str | None = None
        while self._next() != "}":
            name, _ = self._value()
            self._expect(":")
            if self._next() == "[" and not (isinstance(name, str) and name in COLUMNS):
                if found is not None:
                    raise self._wrong(f"it holds two lists, {found!r} and {name!r}; give one")
                found = str(name)
                self._expect("[")
                yield from self._array()
            else:
                self._refuse_page(name, self._value()[0])
            if self._next() != "}":
                self._expect(",")
        self._expect("}")
        if found is None:
            raise self._wrong(
                "it is one JSON object without a list of charges; write the charges as an array, "
                "or one on each line (jq -c .)"
            )

    def _refuse_page(self, name: object, value: object) -> None:
        members = [(name, value), *(value if isinstance(value, Members) else ())]
        if any(
            value and _SIGNS.sub("", str(name).lower()) in _FURTHER_PAGES for name, value in members
        ):
            raise self._wrong(_TWO_PAGES)

    def _array(self) -> Iterator[tuple[list[Record], bytes]]:
        """From behind the opening bracket to behind the closing one."""
        while True:
            batch: list[Record] = []
            self._taken.clear()
            size = 0
            while size < self._batch_bytes and self._next() != "]":
                line = self._line
                value, text = self._value()
                batch.append(Record(line, text.encode(errors="surrogatepass"), value))
                size += len(text)
                if self._next() == "]":
                    break
                self._expect(",")
                if self._next() == "]":
                    raise self._wrong("a comma stands before the end of the list")
            yield batch, "".join(self._taken).encode()
            if self._next() == "]":
                self._expect("]")
                return

    def _next(self) -> str:
        """The next character that is no blank; empty at the end of the text."""
        while True:
            blanks = _BLANKS.match(self._text, self._position)
            assert blanks is not None  # it matches nothing too  # noqa: S101
            self._pass(blanks.end())
            if self._position < len(self._text) or not self._fill():
                return self._text[self._position : self._position + 1]

    def _expect(self, character: str) -> None:
        found = self._next()
        if found != character:
            raise self._wrong(f"{character!r} should stand where {found!r} does" if found else None)
        self._advance(self._position + 1)

    def _value(self) -> tuple[Any, str]:
        """Decode the next value; it, and its text."""
        self._next()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._position)
            except RecursionError:
                raise self._wrong("it is nested too deeply") from None
            except json.JSONDecodeError as broken:
                if len(self._text) - self._position > LONGEST_RECORD:
                    raise self._wrong(f"{broken.msg}, or a record is too long") from broken
                if not self._fill():
                    self._advance(min(broken.pos, len(self._text)))
                    raise self._wrong(broken.msg if self._next() else None) from broken
            except ValueError as broken:
                raise self._wrong(str(broken)) from broken
            else:
                if end < len(self._text) or not self._fill():
                    break
        text = self._text[self._position : end]
        self._advance(end)
        return value, text

    def _advance(self, position: int) -> None:
        """Pass over text that is counted again."""
        self._taken.append(self._text[self._position : position])
        self._pass(position)

    def _pass(self, position: int) -> None:
        """Pass over blanks: gigabytes of them are not kept."""
        self._line += self._text.count("\n", self._position, position)
        self._position = position

    def _fill(self) -> bool:
        """Hold more of the text; false at its end."""
        if self._at_end:
            return False
        held = self._text[self._position :]
        block = self._read(max(self._batch_bytes, len(held)))
        try:
            self._text = held + self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as broken:
            raise self._wrong(
                f"byte {broken.object[broken.start]:#x} is not UTF-8; say the encoding with "
                "--encoding (EXPORTER_ENCODING)"
            ) from broken
        self._position = 0
        self._at_end = not block
        return bool(block)

    def _wrong(self, reason: str | None) -> Unreadable:
        """`reason`: None where the text ends too early."""
        told = reason or "it ends in the middle of its JSON: it was cut off; fetch it again"
        return Unreadable(f"read {self._file}: line {self._line}: {told}", line=self._line)
