"""Questions across time: costs, changes, rates, invoices, exports."""

from __future__ import annotations

from costwire_db_handler import errors
from costwire_db_handler.answers import changes, costs, export, invoices
from costwire_db_handler.answers.export import Form as File
from costwire_db_handler.answers.questions import DEFAULT_LIMIT, DEFAULT_TABLE, MOST_ROWS
from costwire_db_handler.answers.sheets import Form
from costwire_db_handler.openapi.answer_examples import (
    CHANGES,
    CHANGES_CSV,
    COMPARED_CSV,
    CONVERTED,
    COSTS,
    COSTS_CSV,
    INVOICES,
    INVOICES_COMPARED,
    INVOICES_CSV,
    INVOICES_LIST,
    RATES,
    RATES_CSV,
)
from costwire_db_handler.openapi.answer_schemas import SCHEMAS
from costwire_db_handler.openapi.parts import operation
from costwire_db_handler.users import Role
from costwire_focus.amounts import COST_COLUMNS
from costwire_runtime import problems
from costwire_runtime.openapi import Failure, Node, answer, content, listed, query, record, ref

__all__ = ["PATHS", "SCHEMAS"]

_TEXT: Node = {"type": "string"}
_CSV, _PARQUET = "text/csv", "application/vnd.apache.parquet"

_PARAMETERS: dict[str, Node] = {
    each["name"]: each
    for each in (
        query("table", {"type": "string", "default": DEFAULT_TABLE}, "Which table, in any case."),
        query(
            "by",
            _TEXT,
            "What to group by, with commas: columns in any case, tags (`Tags.env`), `month` (that "
            "of the billing period) and `day` (of ChargePeriodStart, in UTC); at most 8. Nothing: "
            "one row for each currency.",
        )
        | {"example": "ServiceName,month"},
        query(
            "from",
            _TEXT,
            "The first billing month (`2024-09`), or the time from which charge periods begin.",
        )
        | {"example": "2024-09"},
        query("to", _TEXT, "The first billing month, or time, that is not asked for.")
        | {"example": "2024-10"},
        query(
            "metric",
            {"type": "string", "default": COST_COLUMNS[0]},
            f"What is summed, with commas: {', '.join(COST_COLUMNS)}.",
        ),
        query("filter", _TEXT, "A condition in a small part of SQL.")
        | {"example": "ServiceName IN ('Compute', 'Storage') AND BilledCost > 0"},
        query(
            "as_of",
            _TEXT,
            "As readers saw it then: the number of a delivery, 8 or more digits of its id, or a "
            "time; a day alone is its end. Nothing: now.",
        )
        | {"example": "2"},
        query("currency", _TEXT, "Billing currencies, with commas. Nothing: all.")
        | {"example": "USD"},
        query("in", _TEXT, "A currency in which sums are told as well.") | {"example": "EUR"},
        query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_LIMIT},
            "Most rows of the page.",
        ),
        query("offset", {**ref("Count"), "default": 0}, "How many rows come before the page."),
        query(
            "format",
            {"enum": list(File), "default": File.CSV.value},
            "What kind of file.",
        ),
        query("source", _TEXT, "Only what this source delivered."),
    )
}
_SINCE = query(
    "from",
    _TEXT,
    "Since when: the number of a delivery, 8 or more digits of its id, or a time; a day alone is "
    "its end.",
    required=True,
) | {"example": "1"}
_UNTIL = query("to", _TEXT, "Until when, as `from`. Nothing: now.") | {"example": "2"}

_UNKNOWN: tuple[Failure, ...] = (
    (errors.UnknownTable, "there is no table 'nosuch' of charges; there is charges"),
    (
        errors.UnknownDelivery,
        "charges has no delivery with the number 99; GET /deliveries?table=charges lists them",
    ),
    (
        errors.HistoryGone,
        "charges as of state 3 is not kept any more: the history before state 20 was removed after "
        "the time that HANDLER_HISTORY_DAYS sets",
    ),
    (errors.QuestionTooLong, "the question ran longer than 30 seconds; ask for less"),
    (errors.QuestionTooLarge, "the question took too much memory; ask for less"),
)
_NOT_SO: Failure = (
    problems.NotAcceptable,
    f"answers are told as {', '.join(Form)}; accept one of these",
)


def _bad(detail: str) -> Failure:
    return errors.BadQuestion, detail


def _told(description: str, schema: str, sheet: str, **examples: Node) -> Node:
    """An answer in each of its forms."""
    told = answer(
        description,
        {
            **content(ref(schema), Form.JSON, **examples),
            **content(_TEXT, Form.CSV, sheet=sheet),
            Form.ARROW.value: {"schema": {"description": "The same rows; amounts are text."}},
        },
    )
    told["headers"] = {
        "Link": {"description": "The next page, as `next`; rel=next.", "schema": _TEXT},
        "Vary": {"required": True, "schema": {"const": "Accept"}},
    }
    return told


_INVOICE_PARAMETERS = [_PARAMETERS[name] for name in invoices.PARAMETERS]
_RATES_EXAMPLE = content(record({"rates": listed(ref("Rate"))}), frozen=RATES)

PATHS: Node = {
    "/costs": {
        "get": operation(
            "answers",
            "costs",
            Role.READER,
            "What costs were, grouped, as of any moment",
            description="Each currency by itself, the largest sums first. With `in` each month is "
            "converted with its own rate, which is frozen by its first use once the month is over.",
            parameters=[_PARAMETERS[name] for name in costs.PARAMETERS],
            answers={
                "200": _told("The sums", "Costs", COSTS_CSV, byService=COSTS, converted=CONVERTED)
            },
            fails=[
                _bad("charges has no column 'Servce'; did you mean ServiceName?"),
                _NOT_SO,
                *_UNKNOWN,
            ],
        )
    },
    "/changes": {
        "get": operation(
            "answers",
            "changes",
            Role.READER,
            "What changed between two moments, and why",
            parameters=[
                {"from": _SINCE, "to": _UNTIL}.get(name, _PARAMETERS[name])
                for name in changes.PARAMETERS
            ],
            answers={"200": _told("The changes", "Changes", CHANGES_CSV, byService=CHANGES)},
            fails=[
                _bad(
                    "changes: say since when with from= (a commit number, a delivery's id, or a "
                    "time)"
                ),
                _NOT_SO,
                *_UNKNOWN,
                (
                    errors.Unbalanced,
                    "changes: the differences of BilledCost in USD add up to 1, not to that of the "
                    "sums; nothing was answered",
                ),
            ],
        )
    },
    "/rates": {
        "get": operation(
            "answers",
            "listRates",
            Role.READER,
            "Every exchange rate, and since when it is frozen",
            answers={"200": answer("The rates", _RATES_EXAMPLE)},
        ),
        "post": operation(
            "answers",
            "setRates",
            Role.WRITER,
            "Keep exchange rates, instead of earlier ones of the same months and currencies",
            description="CSV with the columns month, from, to, rate, source; others are read over. "
            "All are kept or none.",
            body=content(_TEXT, _CSV, september=RATES_CSV),
            answers={
                "200": answer(
                    "How many came, and how many changed",
                    content(
                        record({"rates": ref("Count"), "changed": ref("Count")}),
                        september={"rates": 1, "changed": 1},
                    ),
                )
            },
            fails=[
                (errors.BadRates, "read the rates: the header lacks source"),
                (
                    errors.RateFrozen,
                    "USD to EUR of 2024-09: 0.9 has been used in answers, and is frozen since "
                    "2024-10-05T00:00:00Z",
                ),
            ],
        ),
    },
    "/invoices": {
        "get": operation(
            "answers",
            "invoices",
            Role.READER,
            "What each invoice adds up to, as of each delivery that changed it",
            parameters=_INVOICE_PARAMETERS,
            answers={"200": _told("The invoices", "Invoices", INVOICES_CSV, one=INVOICES)},
            fails=[_bad("invoices: charges has no column InvoiceId"), _NOT_SO, *_UNKNOWN],
        ),
        "post": operation(
            "answers",
            "compareInvoices",
            Role.READER,
            "The same beside a list of totals",
            description="CSV with InvoiceId, BillingCurrency, BilledCost, and InvoiceIssuerName "
            "or BillingMonth where a total is of one of them. Nothing is kept.",
            parameters=_INVOICE_PARAMETERS,
            body=content(_TEXT, _CSV, one=INVOICES_LIST),
            answers={
                "200": _told(
                    "Invoices, and what differs from the list",
                    "Invoices",
                    COMPARED_CSV,
                    one=INVOICES_COMPARED,
                )
            },
            fails=[
                _bad("invoices: charges has no column InvoiceId"),
                (errors.BadInvoices, "read the invoices: the header lacks BilledCost"),
                _NOT_SO,
                *_UNKNOWN,
            ],
        ),
    },
    "/export": {
        "get": operation(
            "answers",
            "export",
            Role.READER,
            "A table as of any moment as a FOCUS report, which delivered anew changes nothing",
            description="An answer that breaks off before its end is not the whole report.",
            parameters=[_PARAMETERS[name] for name in export.PARAMETERS],
            answers={
                "200": answer(
                    "The report",
                    {
                        _CSV: {"schema": _TEXT},
                        _PARQUET: {"schema": {"description": "A parquet file."}},
                    },
                )
                | {
                    "headers": {
                        "Costwire-State": {"required": True, "schema": ref("Count")},
                        "Costwire-Commit": {"required": True, "schema": _TEXT},
                        "Costwire-Charges": {"required": True, "schema": ref("Count")},
                    }
                }
            },
            fails=[_bad("format 'xlsx': it is one of csv, parquet"), *_UNKNOWN],
        )
    },
}
