"""`costwire invoices`: what each invoice adds up to, and whether that is what was billed."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from costwire_cli.answering import period, scope
from costwire_cli.errors import DIFFERENT, SETTLED, CommandError
from costwire_cli.output import say, write_csv, write_json, write_table
from costwire_cli.store import open_store

Json = dict[str, Any]
_KEYS = ("invoiceId", "issuer", "currency", "month")
_NAMES = ("InvoiceId", "InvoiceIssuerName", "BillingCurrency", "BillingMonth")


def run(args: Namespace) -> int:
    """Show the invoices, or a list of totals beside them; status 5 where they differ."""
    listed = None
    if args.against is not None:
        try:
            listed = args.against.read_bytes()
        except OSError as error:
            raise CommandError(f"read {args.against}: {error.strerror}") from error
    with open_store(args) as api:
        answer = api.invoices(scope(args) | period(args), listed)
    if args.format == "json":
        write_json(answer)
    elif listed is None:
        _write_invoices(answer, args.format)
    else:
        _write_comparison(answer, args.format)
    return DIFFERENT if listed is not None and _differences(answer) else SETTLED


def _write_invoices(answer: Json, form: str) -> None:
    headers = [*_NAMES, "charges", "billed"]
    rows = [[*_told(each), str(each["charges"]), each["billed"]] for each in answer["invoices"]]
    if form == "csv":
        write_csv(headers, rows)
        return
    headers.append("as of each delivery that changed it")
    for row, each in zip(rows, answer["invoices"], strict=True):
        row.append(", ".join(_past(one) for one in each["history"]))
    write_table(headers, rows, [False] * len(_NAMES) + [True, True])
    _say_when(answer)


def _write_comparison(answer: Json, form: str) -> None:
    headers = [*_NAMES, "charges", "billed", "total", "difference"]
    rows = [
        [*_told(each), str(each["charges"]), each["billed"], each["total"], each["difference"]]
        for each in answer["compared"]
    ]
    rows += [
        [*_told(each), str(each["charges"]), each["billed"], None, None]
        for each in answer["unlisted"]
    ]
    if form == "csv":
        write_csv(headers, rows)
        return
    write_table(headers, [[cell or "" for cell in row] for row in rows], _RIGHT)
    compared, differing = len(answer["compared"]), _differences(answer)
    unlisted = len(answer["unlisted"])
    say()
    say(
        f"{compared} listed, {differing - unlisted} differ"
        + (f"; {unlisted} invoices of charges are not listed" if unlisted else "")
    )
    _say_when(answer)


_RIGHT = [False] * len(_NAMES) + [True] * 4


def _told(invoice: Json) -> list[str | None]:
    return [invoice[key] for key in _KEYS]


def _past(one: Json) -> str:
    return f"{one['commit']}: {one['billed']}"


def _differences(answer: Json) -> int:
    """How many lines differ, and how many invoices no line names."""
    differing = sum(1 for each in answer["compared"] if each["difference"] != "0")
    return differing + len(answer["unlisted"])


def _say_when(answer: Json) -> None:
    moment = answer["asOf"]
    if moment["commit"] is not None:
        say(f"as of commit {moment['commit']}, {moment['at']}")
