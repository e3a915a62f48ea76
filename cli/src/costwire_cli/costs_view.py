"""What `costwire costs` shows: a table for each currency, exact totals, the rates; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from costwire_cli.amounts import ROUNDED, decimal, decimals_for, exact, shown
from costwire_cli.answering import Block, Json, moment_in_words
from costwire_cli.grid import Grid, Line, Row, Rule, Style, laid_out, titled
from costwire_cli.summary import counted
from costwire_focus.canonical import exact_sum

Sums = list[Decimal | None]
ROUNDED_MEANS = f"{ROUNDED} is rounded; totals below a table, --format csv and json are exact"


def costs_lines(
    first: Json, found: Sequence[Block], asked: Mapping[str, str], width: int | None
) -> Iterator[str]:
    """The lines of an answer; `asked`: what narrows it, `width`: of a terminal, None elsewhere."""
    moment = first["asOf"]
    words = moment_in_words(moment)
    yield f"{first['table']} {f'as of {words}' if moment['state'] else words}"
    yield from narrowed(asked)
    yield ""
    if not found:
        yield "no charges"
        return
    if first["by"]:
        pages = [list(_block(first, block, width)) for block in found]
        for page in pages:
            yield from page
            yield ""
        if any(ROUNDED in line for page in pages for line in page):
            yield ROUNDED_MEANS
    else:
        yield from laid_out(_by_currency(first, found), width)
    if "in" in first:
        yield ""
        yield from _rates(first["in"], width)


def narrowed(asked: Mapping[str, str]) -> Iterator[str]:
    """The line that says which charges count, where not all do."""
    if asked:
        yield "  ".join(f"{name}={value}" for name, value in asked.items())


def _headers(first: Json) -> list[str]:
    told = [f"{name} in {first['in']['currency']}" for name in first["metrics"] if "in" in first]
    return ["charges", *first["metrics"], *told]


def _sums(row: Json, metrics: Sequence[str]) -> Sums:
    """The sums of a row, then the converted ones."""
    told = [row["sums"], *([row["converted"]] if "converted" in row else [])]
    return [decimal(sums[name]) for sums in told for name in metrics]


def _totals(block: Block, metrics: Sequence[str]) -> Sums:
    converted = [] if block.converted is None else [block.converted[name] for name in metrics]
    return [*(decimal(block.total["sums"][name]) for name in metrics), *converted]


def _block(first: Json, block: Block, width: int | None) -> Iterator[str]:
    """One currency: its groups, all others, the total."""
    metrics, by = first["metrics"], first["by"]
    groups = [(row, _sums(row, metrics)) for row in block.rows]
    totals = _totals(block, metrics)
    columns = list(zip(*[sums for _, sums in groups], totals, strict=True))
    decimals = [decimals_for(each for each in column if each is not None) for column in columns]

    def figures(charges: int, sums: Sums) -> list[str]:
        return [f"{charges:,}", *map(shown, sums, decimals)]

    lines: list[Line] = [
        Row(list(row["by"].values()), figures(row["charges"], sums), sums[0] or Decimal(0))
        for row, sums in groups
    ]
    lines.append(Rule())
    rest = [""] * (len(by) - 1)
    charges = block.total["charges"]
    if block.more:
        left = charges - sum(row["charges"] for row, _ in groups)
        others = [_left(column[-1], column[:-1]) for column in columns]
        lines.append(Row(["all others", *rest], figures(left, others)))
    told = figures(charges, totals)
    lines.append(Row(["total", *rest], told, style=Style.BOLD))
    yield titled(block.currency, width)
    yield from laid_out(Grid(by, _headers(first), lines), width)
    if block.more:
        yield f"Shown: the largest ({counted(len(groups), 'group')}); --limit N shows more."
    if any(figure.startswith(ROUNDED) for figure in told):
        yield from _exact_totals(first, block.currency, totals)


def _left(total: Decimal | None, parts: Sequence[Decimal | None]) -> Decimal | None:
    """What a total has beside its parts."""
    if total is None:
        return None
    return exact_sum([total, *(part.copy_negate() for part in parts if part is not None)])


def _exact_totals(first: Json, currency: str, totals: Sums) -> Iterator[str]:
    metrics = first["metrics"]
    for number, name in enumerate(metrics):
        told = f"total {name}: {exact(totals[number])} {currency}"
        if "in" in first and first["in"]["currency"] != currency:
            told += f", in {first['in']['currency']} {exact(totals[len(metrics) + number])}"
        yield told


def _by_currency(first: Json, found: Sequence[Block]) -> Grid:
    """Without groups: one exact line for each currency."""
    metrics = first["metrics"]
    lines = [
        Row([block.currency], [f"{block.total['charges']:,}", *map(exact, _totals(block, metrics))])
        for block in found
    ]
    return Grid(["currency"], _headers(first), lines)


def _rates(told: Json, width: int | None) -> Iterator[str]:
    """The sum over all currencies, and with which rates it came about."""
    for name, total in told["total"].items():
        yield f"total {name} of all currencies: {exact(decimal(total))} {told['currency']}"
    if told["rates"]:
        yield ""
        yield from laid_out(rates_grid(told["rates"]), width)


def rates_grid(rates: Sequence[Json]) -> Grid:
    """Rates, one a line."""
    lines = [
        Row(
            [rate["month"], rate["from"], rate["to"], rate["source"], _frozen(rate)],
            [exact(Decimal(rate["rate"]))],
        )
        for rate in rates
    ]
    return Grid(["month", "from", "to", "source", "frozen since"], ["rate"], lines)


def _frozen(rate: Json) -> str:
    return rate["frozen"] or "no"
