"""CrateDB's words that the engine does not know or takes otherwise, said in the engine's.

The text that results is parsed and checked like any other: nothing is allowed because of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costwire_db_handler.sql.tokens import Token, literal, tokens

_Edit = tuple[int, int, str]
_Edits = Iterator[_Edit]
_EMPTY = "MAP(CAST([] AS VARCHAR[]), CAST([] AS VARCHAR[]))"


def reworded(statement: str) -> str:
    """The statement in the engine's words, as far as its tokens say what is meant.

    - `a / b` of whole numbers is a whole number in CrateDB, and an error when b is 0: the engine's
      `//` is that, and divides all other numbers as `/` does.
    - `ORDER BY a DESC` puts nulls first, as in PostgreSQL.
    - `{name = 'x', "n" = 1}` is an object: here a map of texts.
    """
    found = tokens(statement)
    edits = [*_divisions(found), *_descending(found), *_objects(found)]
    for at, end, text in sorted(edits, reverse=True):
        statement = statement[:at] + text + statement[end:]
    return statement


def _divisions(found: Sequence[Token]) -> _Edits:
    for at, token in enumerate(found):
        if token.text == "/" and token.kind == "sign":
            before = at and found[at - 1].text == "/" and found[at - 1].end == token.start
            after = at + 1 < len(found) and found[at + 1].text == "/"
            if not before and not (after and found[at + 1].start == token.end):
                yield token.start, token.end, "//"


def _descending(found: Sequence[Token]) -> _Edits:
    for at, token in enumerate(found[1:], start=1):  # The first would be DESCRIBE.
        if token.upper == "DESC" and [t.upper for t in found[at + 1 : at + 2]] != ["NULLS"]:
            yield token.end, token.end, " NULLS FIRST"


def _objects(found: Sequence[Token]) -> _Edits:
    """Keys are names followed by `=`; in the engine's own structs they are texts and `:`."""
    ends: list[str] = []  # of each open bracket: what ends a value in it; empty for no object
    for at, token in enumerate(found):
        if token.kind != "sign":
            continue
        if token.text in "([{":
            ends.append("")
            if token.text == "{" and [t.text for t in found[at + 1 : at + 2]] == ["}"]:
                yield token.start, found[at + 1].end, _EMPTY
            elif token.text == "{" and _is_key(found, at + 1):
                yield token.start, token.end, "MAP {"
                start, ends[-1] = _key(found, at + 1)
                yield start
        elif token.text in ")]}" and ends:
            if end := ends.pop():
                yield token.start, token.start, end
        elif token.text == "," and ends and ends[-1] and _is_key(found, at + 1):
            yield token.start, token.start, ends[-1]
            start, ends[-1] = _key(found, at + 1)
            yield start


def _is_key(found: Sequence[Token], at: int) -> bool:
    return at + 1 < len(found) and found[at].name is not None and found[at + 1].text == "="


def _key(found: Sequence[Token], at: int) -> tuple[_Edit, str]:
    """What stands for a key and `=`, and what ends its value; what is no text is JSON there."""
    nested = bool({token.upper for token in found[at + 2 : at + 3]} & {"{", "[", "ARRAY"})
    text = f"{literal(found[at].name or '')}: CAST(" + ("to_json(" if nested else "")
    return (found[at].start, found[at + 1].end, text), ") AS VARCHAR)" if nested else " AS VARCHAR)"
