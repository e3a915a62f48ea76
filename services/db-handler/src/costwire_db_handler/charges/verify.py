"""Whether what is staged of a delivery is what its manifest says: rows, sums, declared months."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from costwire_db_handler.charges.summary import Summary
from costwire_db_handler.errors import OutsideScope, Unbalanced
from costwire_focus.amounts import COST_COLUMNS, CostSums
from costwire_focus.manifest import Manifest, month_of

_ZERO = Decimal(0)


def verify_rows(manifest: Manifest, *, published: int, quarantined: int) -> None:
    """The counts of charges and of quarantined rows; raises `Unbalanced`."""
    claimed = manifest.rows
    if published != claimed.published:
        raise Unbalanced(f"{published} charges arrived where the manifest has {claimed.published}")
    if quarantined != claimed.quarantined:
        raise Unbalanced(
            f"{quarantined} quarantined rows arrived where the manifest has {claimed.quarantined}"
        )


def verify_sums(manifest: Manifest, staged: Summary) -> None:
    """Every cost column in every currency, to the last digit; raises `Unbalanced`."""
    arrived, published = staged.cost_sums, CostSums.of(manifest.published_sums())
    for currency in sorted({*arrived.currencies(), *published.currencies()}):
        for column in COST_COLUMNS:
            there = arrived.get(currency, column) or _ZERO
            told = published.get(currency, column)
            if there != (told or _ZERO):
                raise Unbalanced(
                    f"the sum of {column} in {currency} arrived as {there:f}, "
                    f"the manifest has {'none' if told is None else f'{told:f}'}"
                )


def verify_scope(manifest: Manifest, staged: Summary) -> None:
    """No charge lies outside the declared months, or widens them; raises `OutsideScope`."""
    declared = manifest.scope.declared
    if not declared:
        return
    for start, end in sorted(staged.periods, key=repr):
        if start and _month(start, end) not in declared:
            raise OutsideScope(
                f"charges of the billing period that begins {start} arrived, "
                f"the manifest declares {', '.join(declared)}"
            )


def default_period(manifest: Manifest) -> str:
    """The start of the one declared month, for charges that name no period; '' where none is."""
    declared = manifest.scope.declared or []
    return f"{declared[0]}-01T00:00:00Z" if len(declared) == 1 else ""


def _month(start: str, end: datetime | None) -> str:
    return month_of(datetime.fromisoformat(start).replace(tzinfo=None), end)
