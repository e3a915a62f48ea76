"""`costwire sql`: one statement to the store, its answer as a table, CSV or JSON."""

from __future__ import annotations

from argparse import Namespace
from itertools import zip_longest

from costwire_cli.cells import as_json, as_text, is_number
from costwire_cli.errors import SETTLED
from costwire_cli.handler_api import Answer
from costwire_cli.output import say, write_csv, write_json, write_table
from costwire_cli.store import open_store


def run(args: Namespace) -> int:
    """Run the statement and write what it gives."""
    with open_store(args) as api:
        answer = api.sql(args.statement)
    write_answer(answer, args.format)
    return SETTLED


def write_answer(answer: Answer, form: str) -> None:
    """Write an answer in one of the three forms."""
    kinds = [kind for _, kind in zip_longest(answer.columns, answer.types)]
    if form == "json":
        rows = [
            [as_json(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
            for row in answer.rows
        ]
        write_json({"cols": answer.columns, "rows": rows, "rowcount": answer.rowcount})
        return
    texts = [
        [as_text(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in answer.rows
    ]
    if form == "csv":
        write_csv(answer.columns, texts)
    elif answer.columns:
        write_table(answer.columns, texts, [is_number(kind) for kind in kinds])
    else:
        say(f"{answer.rowcount} rows")
