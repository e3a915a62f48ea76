"""Small CSV texts that people send with a question, read with the line of what is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from costwire_runtime.problems import BadRequest

Line = tuple[int, dict[str, str]]
"""The number of a line, and its cells by column, without blanks around them."""


def read_lines(
    body: bytes, needed: Sequence[str], what: str, problem: type[BadRequest], *, most: int
) -> Iterator[Line]:
    """The lines of a CSV text whose header has the needed columns; others may stand beside.

    `what`: what is read, for the problem's text. Raises: `problem` with the line.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise problem(f"read {what}: the text is not UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise problem(f"read {what}: the header lacks {', '.join(missing)}", line=1)
        for count, row in enumerate(reader, 1):
            if count > most:
                raise problem(f"read {what}: more than {most:,} lines; send them in parts")
            yield reader.line_num, {n: (cell or "").strip() for n, cell in row.items() if n}
    except csv.Error as wrong:
        number = reader.reader.line_num  # that of the row itself was not reached
        raise problem(f"read {what}: line {number}: {wrong}", line=number) from None
