"""`costwire export`: a table as of any moment as a FOCUS report again."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from costwire_cli.answering import period, scope
from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.handler_api import EXPORT_SECONDS
from costwire_cli.output import say
from costwire_cli.store import open_store

_PART = ".part"


def run(args: Namespace) -> int:
    """Write the report; a file appears whole or not at all."""
    if args.out is None and args.format == "parquet":
        raise CommandError("export: parquet is written to a file; name it with --out", status=2)
    asked = scope(args) | period(args) | {"format": args.format, "source": args.source or ""}
    with open_store(args, EXPORT_SECONDS) as api, api.export(asked) as export:
        if args.out is None:
            _copy(export.pieces, sys.stdout.buffer)
            return SETTLED
        _write(args.out, export.pieces)
    say(f"{export.charges:,} charges as of commit {export.commit} written to {args.out}")
    return SETTLED


def _write(out: Path, pieces: Iterable[bytes]) -> None:
    waiting = out.with_name(out.name + _PART)
    try:
        with waiting.open("wb") as file:
            _copy(pieces, file)
        waiting.replace(out)
    except OSError as error:
        raise CommandError(f"write {out}: {error.strerror or error}", status=WRONG_USE) from error
    finally:
        waiting.unlink(missing_ok=True)


def _copy(pieces: Iterable[bytes], file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
    file.flush()
