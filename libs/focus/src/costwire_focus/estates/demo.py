"""The estate that the demonstration shows: four months, three clouds and a software vendor."""

from __future__ import annotations

from costwire_focus.estates.estate import Estate


def demo_estate() -> Estate:
    """About 50,000 charges in sixteen files; the vendor bills in euro, the clouds in dollars."""
    return Estate(
        seed=2024,
        rows=50_000,
        clouds=("aws", "azure", "gcp", "saas"),
        focus_version="1.2",
        months=("2024-07", "2024-08", "2024-09", "2024-10"),
        currencies=(("saas", "EUR"),),
        growth_percent=6,
    )
