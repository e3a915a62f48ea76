"""Charges that leave every version, once that is decided: conditions on a table's rows. No IO."""

from __future__ import annotations

import json

from costwire_db_handler.answers.conditions import Condition
from costwire_db_handler.answers.speech import Fragment
from costwire_db_handler.stores.cratedb.layout import Layout
from costwire_db_handler.stores.cratedb.speech import CrateDBSpeech


def decided(outcome: str, layout: Layout) -> list[Fragment]:
    """What leaves according to the outcome of a settlement, which is a JSON text."""
    told = json.loads(outcome)
    found = []
    if told.get("erased") is not None:
        found.append(Condition.read(told["erased"]).sql(CrateDBSpeech(layout)))
    if told.get("retired") is not None:
        horizon, months = told["retired"]
        found += [too_old(horizon, month) for month in months]
    return found


def too_old(horizon: int, month: str | None = None) -> Fragment:
    """Versions that no state from this one on has; what is kept unseen is none."""
    text = f'"_last" < {horizon:d} AND "_last" >= "_commit"'
    return Fragment(text) if month is None else Fragment(f'{text} AND "_month" = ?', (month,))
