"""What `costwire diff` shows: sums before and after, why they differ, and that it adds up; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from costwire_cli.amounts import ROUNDED, decimals_for, exact, shown
from costwire_cli.answering import Block, Json, moment_in_words
from costwire_cli.costs_view import narrowed
from costwire_cli.grid import Grid, Line, Note, Row, Rule, Style, laid_out, titled
from costwire_cli.summary import counted
from costwire_focus.canonical import exact_sum

KINDS = {
    "new": "new",
    "late": "late",
    "corrected": "corrected",
    "redimensioned": "re-dimensioned",
    "withdrawn": "withdrawn",
}
_COLOURS = ("31", "32")
_COLUMNS_SHOWN = 8
_ROUNDED_MEANS = f"{ROUNDED} is rounded; the sums below a table, --format csv and json are exact"


def diff_lines(
    first: Json, found: Sequence[Block], asked: Mapping[str, str], width: int | None
) -> Iterator[str]:
    """The lines of an answer; `width`: of a terminal, None elsewhere."""
    yield f"{first['table']}: what changed"
    yield f"from {moment_in_words(first['from'])}"
    yield f"to   {moment_in_words(first['to'])}"
    yield from narrowed(asked)
    if not found:
        yield ""
        yield "no charges"
    pages = [
        list(_block(first, block, metric, width)) for block in found for metric in first["metrics"]
    ]
    for page in pages:
        yield ""
        yield from page
    if any(ROUNDED in line for page in pages for line in page):
        yield ""
        yield _ROUNDED_MEANS


def _block(first: Json, block: Block, metric: str, width: int | None) -> Iterator[str]:
    """One metric in one currency."""
    total = _Sums.of(block.total, metric)
    yield titled(f"{metric} in {block.currency}", width)
    if not block.total["changes"]:
        yield f"  nothing changed: {exact(total.after)}"
        return
    groups = [(row, _Sums.of(row, metric)) for row in block.rows if first["by"]]
    amounts = [amount for _, sums in [*groups, (None, total)] for amount in sums.all()]
    decimals = decimals_for(amounts)
    lines: list[Line] = []
    for row, sums in groups:
        lines.append(Row(list(row["by"].values()), sums.figures(decimals), sums.difference))
        lines += _notes(row["changes"], metric, decimals)
    if groups:
        lines.append(Rule())
    rest = [""] * (len(first["by"]) - 1)
    if block.more and groups:
        # Groups that did not change stand in no row, so before and after of the others say nothing.
        left = exact_sum([total.difference, *(sums.difference.copy_negate() for _, sums in groups)])
        figure = shown(left, decimals, signed=True)
        lines.append(Row(["all others", *rest], ["", "", figure]))
    lines.append(Row(["total", *rest], total.figures(decimals), style=Style.BOLD))
    lines += _notes(block.total["changes"], metric, decimals)
    headers = first["by"] or [""]
    yield from laid_out(Grid(headers, ["before", "after", "difference"], lines, _COLOURS), width)
    if block.more:
        yield f"Shown: what changed most ({counted(len(groups), 'group')}); --limit N shows more."
    balance = _balance(total, block.total["changes"], metric)
    if width is None:
        yield balance
    else:
        yield from textwrap.wrap(balance, width, subsequent_indent="  ", break_long_words=False)


class _Sums:
    """A group's sums at both moments."""

    def __init__(self, before: Decimal, after: Decimal, difference: Decimal) -> None:
        self.before, self.after, self.difference = before, after, difference

    @classmethod
    def of(cls, row: Json, metric: str) -> _Sums:
        told = row[metric]
        return cls(*(Decimal(told[name]) for name in ("before", "after", "difference")))

    def all(self) -> list[Decimal]:
        return [self.before, self.after, self.difference]

    def figures(self, decimals: int) -> list[str]:
        return [
            shown(self.before, decimals),
            shown(self.after, decimals),
            shown(self.difference, decimals, signed=True),
        ]


def _kinds(changes: Json) -> Iterator[tuple[str, Json]]:
    """The reasons, always in one order."""
    known = [*KINDS, *(kind for kind in changes if kind not in KINDS)]
    return ((kind, changes[kind]) for kind in known if kind in changes)


def _notes(changes: Json, metric: str, decimals: int) -> list[Line]:
    """Why: a line for each reason."""
    return [
        Note(
            f"{KINDS.get(kind, kind)}: {_charges(part)}{_differing(part)}",
            shown(Decimal(part["difference"][metric]), decimals, signed=True),
        )
        for kind, part in _kinds(changes)
    ]


def _charges(part: Json) -> str:
    """How many charges came and went."""
    came, went = part["added"], part["removed"]
    if came == went or not came or not went:
        return counted(came or went, "charge")
    return f"{counted(came, 'charge')} came, {went:,} went"


def _differing(part: Json) -> str:
    """In which columns, those first that differ in most charges."""
    columns = sorted((part.get("columns") or {}).items(), key=lambda each: (-each[1], each[0]))
    if not columns:
        return ""
    told = [
        name if count == part["added"] else f"{name} in {count:,}"
        for name, count in columns[:_COLUMNS_SHOWN]
    ]
    if rest := len(columns) - len(told):
        told.append(counted(rest, "other column"))
    return f" ({', '.join(told)})"


def _balance(total: _Sums, changes: Json, metric: str) -> str:
    """The sum as on paper, every digit of it, added up once more."""
    parts = [(kind, Decimal(part["difference"][metric])) for kind, part in _kinds(changes)]
    words = "".join(
        f" {'-' if amount < 0 else '+'} {exact(amount.copy_abs())} {KINDS.get(kind, kind)}"
        for kind, amount in parts
    )
    told = f"{exact(total.before)} before{words} = {exact(total.after)} after"
    adds_up = exact_sum([total.before, *(amount for _, amount in parts)]) == total.after
    return f"{'adds up' if adds_up else 'DOES NOT ADD UP, please report this'}: {told}"
