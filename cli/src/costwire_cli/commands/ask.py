"""`costwire ask`: the questions of the FOCUS catalogue, listed, shown and asked of the store."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from costwire_cli.cells import NUMERIC, as_json
from costwire_cli.commands.sql import write_answer
from costwire_cli.errors import SETTLED, WRONG_USE, CommandError
from costwire_cli.handler_api import Answer, HandlerApi
from costwire_cli.output import say, show, write_json, write_table
from costwire_cli.store import open_store
from costwire_focus.errors import WrongQuestion
from costwire_focus.questions import QUESTIONS, Question, Statement, fill, find, near

_COLUMNS = (
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = 'doc' AND table_name = ? ORDER BY column_name"
)
_COST_TABLES = (
    "SELECT DISTINCT table_name FROM information_schema.columns "
    "WHERE table_schema = 'doc' AND column_name = 'billedcost' ORDER BY table_name"
)

_OF_A_TABLE = "__"
"""What the store keeps beside a cost table has the table's name, this, and what it is."""


def run(args: Namespace) -> int:
    """Do what the action says."""
    try:
        if args.action == "list":
            _write_list(args.format)
        elif args.action == "show":
            _write_question(find(args.name), args.format)
        else:
            _ask(find(args.name), args)
    except WrongQuestion as wrong:
        hint = "" if args.action == "list" else _hint(args.name)
        raise CommandError(f"{wrong}{hint}", status=WRONG_USE) from wrong
    return SETTLED


def _hint(name: str) -> str:
    """Where to look."""
    return f" (costwire ask show {name})" if name in QUESTIONS else " (all: costwire ask list)"


def _write_list(form: str) -> None:
    if form == "json":
        write_json({"questions": [_described(one) for one in QUESTIONS.values()]})
    else:
        rows = [[one.name, one.question] for one in QUESTIONS.values()]
        write_table(["name", "question"], rows)


def _described(question: Question) -> dict[str, Any]:
    return {
        "name": question.name,
        "question": question.question,
        "parameters": [
            {"name": one.name, "type": one.kind.value, "default": one.default}
            for one in question.parameters
        ],
        "columns": list(question.columns),
        "focusVersions": list(question.versions),
    }


def _write_question(question: Question, form: str) -> None:
    if form == "json":
        write_json(_described(question) | {"sql": question.sql})
        return
    say(question.question)
    say()
    write_table(
        ["parameter", "type", "default"],
        [[one.name, one.kind.value, one.default] for one in question.parameters],
    )
    say()
    say(f"columns  {', '.join(question.columns)}")
    say(f"FOCUS    {', '.join(question.versions)}")
    for ratio in question.ratios:
        say(f"{ratio.name} = {ratio.formula}, worked out in decimal")
    say()
    show(question.sql)


def _ask(question: Question, args: Namespace) -> None:
    given = dict(args.param)
    with open_store(args) as api:
        present = _columns(api, args.table)
        if lacking := question.lacking(present):
            raise CommandError(
                f"ask {question.name}: {args.table} has no {' and no '.join(lacking)}; the "
                f"question is for reports of FOCUS {', '.join(question.versions)} that have them"
            )

        def tell(statement: Statement) -> object:
            rows = api.sql(statement.sql, statement.arguments).rows
            return rows[0][0] if rows else None

        values = fill(question, given, tell, table=args.table, present=present)
        statement = question.statement(values, table=args.table, present=present)
        answer = api.sql(statement.sql, statement.arguments)
    _write_answer(question, values, _completed(question, answer), args.format)


def _columns(api: HandlerApi, table: str) -> list[str]:
    """The columns of a cost table; an error that names those there are when it is none."""
    columns = [row[0] for row in api.sql(_COLUMNS, [table]).rows]
    if not columns:
        known = [name for (name,) in api.sql(_COST_TABLES).rows if _OF_A_TABLE not in name]
        raise CommandError(f"ask {table}: there is no table {near(table, known)}")
    return columns


def _completed(question: Question, answer: Answer) -> Answer:
    names, rows = question.completed(answer.columns, answer.rows)
    kinds = [*answer.types, *(NUMERIC for _ in question.ratios)]
    return Answer(names, kinds, rows, answer.rowcount)


def _write_answer(question: Question, values: Mapping[str, str], answer: Answer, form: str) -> None:
    if form == "json":
        rows = [
            [as_json(cell, kind) for cell, kind in zip(row, answer.types, strict=True)]
            for row in answer.rows
        ]
        write_json(
            {
                "question": question.name,
                "parameters": dict(values),
                "cols": answer.columns,
                "rows": rows,
                "rowcount": answer.rowcount,
            }
        )
        return
    if form == "table":
        say(question.question)
        say("  ".join(f"{name}={value}" for name, value in values.items()))
        say()
    write_answer(answer, form)
