"""`/invoices`: what each invoice adds up to, as of each delivery, and against a list of totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from costwire_db_handler.answers import grouping
from costwire_db_handler.answers.grouping import Dimension, Months, Sums
from costwire_db_handler.answers.moments import Moment
from costwire_db_handler.answers.questions import MOST_ROWS, Page, Parameters, Scope
from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.answers.tabular import read_lines
from costwire_db_handler.answers.versions import Versions, months_in
from costwire_db_handler.errors import BadInvoices, BadQuestion
from costwire_focus import amounts
from costwire_focus.canonical import exact_sum, subtract
from costwire_focus.manifest import MONTH as BILLING_MONTH

PARAMETERS = ("table", "from", "to", "filter", "currency", "as_of", "limit", "offset")
NEEDED = ("InvoiceId", "BillingCurrency", "BilledCost")
ISSUER, MONTH = "InvoiceIssuerName", "BillingMonth"
MOST_LISTED = 100_000
_BILLED = "BilledCost"
_ZERO = Decimal(0)


class Invoice(NamedTuple):
    """What tells invoices apart."""

    id: str | None
    """None: of charges that are on no invoice yet."""
    issuer: str | None
    currency: str
    month: str | None
    """The billing month; None where charges have none, or a listed total is for all months."""


@dataclass(frozen=True)
class Billed:
    """What an invoice added up to from a moment on."""

    moment: Moment
    charges: int
    amount: Decimal


@dataclass(frozen=True)
class Listed:
    """A line of a list of invoices."""

    invoice: Invoice
    """Issuer and month are None where the list does not tell them apart."""
    total: Decimal
    line: int


@dataclass(frozen=True)
class InvoiceRow:
    """An invoice, and what was made of it."""

    invoice: Invoice
    billed: Sequence[Billed]
    """Each time that it changed, the last one as of the moment that is asked for."""

    @property
    def amount(self) -> Decimal:
        """What it adds up to."""
        return self.billed[-1].amount if self.billed else _ZERO

    @property
    def charges(self) -> int:
        """How many charges it has."""
        return self.billed[-1].charges if self.billed else 0


@dataclass(frozen=True)
class Compared:
    """A line of the list beside what the charges say."""

    listed: Listed
    billed: Decimal
    charges: int

    @property
    def difference(self) -> Decimal:
        """What the charges add up to, less the listed total."""
        return subtract(self.billed, self.listed.total)


@dataclass(frozen=True)
class InvoicesQuestion:
    """What is asked."""

    scope: Scope
    as_of: str
    page: Page

    @classmethod
    def read(cls, given: Sequence[tuple[str, str]]) -> InvoicesQuestion:
        """Read a query string; raises `BadQuestion`."""
        told = Parameters(given, PARAMETERS)
        return cls(told.scope(), told.text("as_of"), told.page())


@dataclass(frozen=True)
class InvoicesAnswer:
    """What is answered."""

    table: str
    moment: Moment
    rows: Sequence[InvoiceRow]
    next_offset: int | None
    compared: Sequence[Compared] | None = None
    """Each line of the list, where there is one."""
    unlisted: Sequence[InvoiceRow] = ()
    """Invoices that charges name and the list does not."""


def read_list(body: bytes) -> Sequence[Listed]:
    """A list of invoices from a CSV text.

    Columns: InvoiceId, BillingCurrency and BilledCost (the total); InvoiceIssuerName and
    BillingMonth (YYYY-MM) where a total is of one issuer or month.
    Raises:  `BadInvoices` with the line.
    """
    found: dict[Invoice, Listed] = {}
    for line, row in read_lines(body, NEEDED, "the invoices", BadInvoices, most=MOST_LISTED):
        listed = _listed(row, line)
        if listed.invoice in found:
            before = found[listed.invoice].line
            raise BadInvoices(
                f"read the invoices: line {line} is for the same invoice as line {before}",
                line=line,
            )
        found[listed.invoice] = listed
    return list(found.values())


def _listed(row: Mapping[str, str], line: int) -> Listed:
    def wrong(what: str) -> BadInvoices:
        return BadInvoices(f"read the invoices: line {line}: {what}", line=line)

    number, code, total = (row[name] for name in NEEDED)
    month = row.get(MONTH) or None
    if not number or not code:
        raise wrong("an invoice has an InvoiceId and a BillingCurrency")
    if month is not None and not BILLING_MONTH.fullmatch(month):
        raise wrong(f"{month!r} is no month; write it like 2024-09")
    amount = amounts.read(total)
    if amount is None:
        raise wrong(f"{total!r} is no amount")
    return Listed(Invoice(number, row.get(ISSUER) or None, code, month), amount, line)


def invoices(
    versions: Versions,
    question: InvoicesQuestion,
    now: datetime,
    listed: Sequence[Listed] | None = None,
) -> InvoicesAnswer:
    """Answer a question; raises `BadQuestion`, `HistoryGone`, `UnknownDelivery`."""
    history = versions.history
    moment = history.moment(question.as_of, now)
    moments = {each.state: each for each in history.moments() if each.state <= moment.state}
    rows = _rows(_changes(versions, question.scope, moment.state), moments, history.horizon)
    versions.require_kept(history.horizon)
    page = question.page
    following = page.offset + page.limit
    answer = InvoicesAnswer(
        versions.speech.table,
        moment,
        rows[page.offset : following],
        following if following < len(rows) else None,
    )
    return answer if listed is None else _compare(answer, rows, listed)


_Changes = Mapping[Invoice, Mapping[int, tuple[int, Decimal]]]
"""By invoice and state: how many charges came or went with it, and their sum."""


def _changes(versions: Versions, scope: Scope, until: int) -> _Changes:
    speech = versions.speech
    if "InvoiceId" not in speech.columns:
        raise BadQuestion(f"invoices: {speech.table} has no column InvoiceId")
    known = months_in(versions, speech.came(until))
    where = grouping.condition(speech, scope, known)
    names = ["InvoiceId", *([ISSUER] if ISSUER in speech.columns else [])]
    groups = [
        *grouping.dimensions(speech, names, known),
        Dimension("_period", Fragment('"_period"')),
        Dimension("_state", Fragment('"_state"')),
    ]
    sums = Sums(speech, groups, [_BILLED])
    found: dict[Invoice, dict[int, tuple[int, Decimal]]] = defaultdict(dict)
    for relation, sign in ((speech.came(until), 1), (speech.went(until), -1)):
        rows = versions.rows(sums.statement(relation, where))
        if len(rows) > MOST_ROWS:
            raise BadQuestion(
                f"invoices: more than {MOST_ROWS:,} invoices and deliveries; narrow the question"
            )
        for total in map(sums.read, rows):
            *names_of, period, state = total.group
            issuer = names_of[1] if len(names_of) > 1 else None
            month = _month(known, period)
            at = found[Invoice(names_of[0], issuer, total.currency, month)]
            count, amount = at.get(int(state or 0), (0, _ZERO))
            added = total.sums[_BILLED] or _ZERO
            added = added if sign > 0 else added.copy_negate()
            at[int(state or 0)] = count + sign * total.charges, exact_sum((amount, added))
    return found


def _month(known: Months, period: str | None) -> str | None:
    return None if period is None else known.get(period)


def _rows(changes: _Changes, moments: Mapping[int, Moment], horizon: int) -> Sequence[InvoiceRow]:
    """Each invoice with what it added up to at each moment that changed it."""
    rows = []
    for invoice, states in changes.items():
        billed: list[Billed] = []
        charges, amount = 0, _ZERO
        for state, (count, difference) in sorted(states.items()):
            charges, amount = charges + count, exact_sum((amount, difference))
            known_since = max(state, horizon)
            told = Billed(moments.get(known_since, Moment(known_since)), charges, amount)
            if state <= horizon:  # what was before is not known any more
                billed.clear()
            if not billed or (billed[-1].charges, billed[-1].amount) != (charges, amount):
                billed.append(told)
        if any(each.charges for each in billed):
            rows.append(InvoiceRow(invoice, billed))
    return sorted(rows, key=lambda row: _order(row.invoice))


def _order(invoice: Invoice) -> list[tuple[bool, str]]:
    return [(cell is None, cell or "") for cell in invoice]


def _compare(
    answer: InvoicesAnswer, rows: Sequence[InvoiceRow], listed: Sequence[Listed]
) -> InvoicesAnswer:
    """Put a list beside the invoices; a line that names no issuer or month is for all of them."""
    by_line: dict[Invoice, list[InvoiceRow]] = {each.invoice: [] for each in listed}
    unlisted = []
    for row in rows:
        if row.invoice.id is None:
            continue
        of = next((each for each in _widened(row.invoice) if each in by_line), None)
        if of is not None:
            by_line[of].append(row)
        elif row.charges:
            unlisted.append(row)
    compared = [
        Compared(
            each,
            exact_sum(row.amount for row in by_line[each.invoice]),
            sum(row.charges for row in by_line[each.invoice]),
        )
        for each in listed
    ]
    return replace(answer, compared=compared, unlisted=unlisted)


def _widened(invoice: Invoice) -> Iterable[Invoice]:
    """The invoice as a list may name it, the closest first."""
    for issuer in (invoice.issuer, None):
        for month in (invoice.month, None):
            yield invoice._replace(issuer=issuer, month=month)
