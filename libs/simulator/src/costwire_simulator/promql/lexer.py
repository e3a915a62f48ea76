"""The words of a query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from costwire_simulator.promql.errors import ParseError

Kind = Literal["duration", "number", "word", "string", "sign", "end"]

_SHAPES = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|\#[^\n]*)
  | (?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+(?![\w.]))
  | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.]))
  | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^=<>(){}\[\],@:])
    """,
    re.VERBOSE | re.ASCII,
)
_PIECES = re.compile(r"([0-9]+)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_ESCAPE = re.compile(
    r"\\(?:(?P<one>[abfnrtv\\'\"])|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})"
    r"|U(?P<U>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<other>.))",
    re.DOTALL,
)
_ONE = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


@dataclass(frozen=True, slots=True)
class Token:
    """A word, where it begins; `text` is as it stands there."""

    kind: Kind
    text: str
    offset: int

    def __str__(self) -> str:
        return "end of input" if self.kind == "end" else f'"{self.text}"'


def tokens(text: str) -> Iterator[Token]:
    """All of them, an `end` last. Raises: `ParseError`."""
    offset = 0
    while offset < len(text):
        found = _SHAPES.match(text, offset)
        if found is None:
            raise ParseError(text, offset, f"unexpected character: {text[offset]!r}")
        if found.lastgroup != "space":
            yield Token(found.lastgroup, found[0], offset)  # type: ignore[arg-type]
        offset = found.end()
    yield Token("end", "", offset)


def seconds(duration: str) -> float:
    """`1h30m` in seconds."""
    return sum(int(count) * _SECONDS[unit] for count, unit in _PIECES.findall(duration))


def unquoted(text: str, token: Token) -> str:
    """What a string says. Raises: `ParseError`."""
    quote, inner = token.text[0], token.text[1:-1]
    if quote == "`" or "\\" not in inner:
        return inner

    def replaced(found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        if kind == "one" and found[kind] not in {"'": '"', '"': "'"}[quote]:
            return _ONE[found[kind]]
        if kind in ("x", "u", "U") and (code := int(found[kind], 16)) <= 0x10FFFF:
            return chr(code)
        if kind == "octal":
            return chr(int(found[kind], 8))
        offset = token.offset + 1 + found.start()
        raise ParseError(text, offset, f"unknown escape sequence {found[0]!r}")

    return _ESCAPE.sub(replaced, inner)
