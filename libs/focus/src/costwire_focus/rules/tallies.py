"""Counts the charges that break each rule, and remembers where the first ones stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from costwire_focus.rules.buffers import never
from costwire_focus.rules.findings import LINES_KEPT
from costwire_focus.rules.rule import FLAG, UNSET, Rule

_MOST_KINDS: Final = 20_000
"""So many rows of kinds are kept before the rules are evaluated over them."""
_MOST_BATCHES: Final = 64
"""Of so many batches at most: each has a frame of its own, however few its rows."""

_CHARGES: Final = FLAG + "charges"
_PLACES: Final = FLAG + "places"


@dataclass
class Tally:
    """How many charges break a rule, and the places of the first, in the order of reading."""

    count: int = 0
    places: list[int] = field(default_factory=list)

    def add(self, count: int, places: Sequence[int]) -> None:
        """Count more charges; of `places`, which grow, the first are kept."""
        self.count += count
        self.places = sorted([*self.places, *places[:LINES_KEPT]])[:LINES_KEPT]


class Tallies:
    """What the charges of batches with the same columns break, by rule id.

    Charges that are alike in all that rules ask of them are one kind. A report of a million charges
    has a few hundred: those of a batch are gathered, and most rules are evaluated once for a kind.
    Rules that compare amounts, instants or ids are evaluated for each charge.

    `absent`: columns which the conditions read and the batches lack; their cells are null.
    `each`:   evaluate every rule for each charge, so that `add` tells which ones break it.
    """

    def __init__(
        self, rules: Sequence[Rule], absent: Sequence[str] = (), *, each: bool = False
    ) -> None:
        self._of_kind: dict[str, pl.Expr] = {}
        self._of_charge: dict[str, pl.Expr] = {}
        for rule in rules:
            if rule.broken is not None:
                conditions = self._of_charge if each or not rule.is_of_kind else self._of_kind
                conditions[rule.id] = rule.broken
        self._asked_of_kind = _asked(self._of_kind)
        self._asked_of_charge = _asked(self._of_charge)
        self._null = {name: pl.lit(None, pl.String) for name in absent}
        self._null |= {name + FLAG + UNSET: pl.lit(True) for name in absent}
        self._kinds: list[pl.DataFrame] = []
        self._rows = 0
        self._by_rule: dict[str, Tally] = {}

    def add(
        self, texts: pl.DataFrame, derived: Mapping[str, pl.Series], places: pl.Series
    ) -> dict[str, pl.Series]:
        """Count a batch; gives which charges break the rules that were evaluated for each.

        `texts` and `derived` hold the cells and what was found in them, `places` tell each charge,
        growing in the order of reading.
        """
        broken = self._evaluate(texts, derived, places)
        if self._of_kind:
            self._gather(texts, derived, places)
        if self._rows > _MOST_KINDS or len(self._kinds) >= _MOST_BATCHES:
            self._judge()
        return broken

    def by_rule(self) -> Mapping[str, Tally]:
        """What was found so far; more batches may follow."""
        self._judge()
        return self._by_rule

    def _evaluate(
        self, texts: pl.DataFrame, derived: Mapping[str, pl.Series], places: pl.Series
    ) -> dict[str, pl.Series]:
        read = [name for name in self._asked_of_charge if name in derived]
        null = {name: self._null[name] for name in self._asked_of_charge if name in self._null}
        frame = texts.with_columns(**{name: derived[name] for name in read}, **null)
        masks = frame.select(**self._of_charge)
        broken = {mask.name: mask for mask in masks if mask.any()}
        for rule, mask in broken.items():
            first = places.filter(mask).head(LINES_KEPT)
            self._tally(rule).add(int(mask.sum()), first.to_list())
        return broken

    def _gather(
        self, texts: pl.DataFrame, derived: Mapping[str, pl.Series], places: pl.Series
    ) -> None:
        """Keep the kinds of a batch; a column without a text or a verdict is left out."""
        none = never(texts.height)
        keys: list[pl.Series] = []
        always: list[str] = []
        for name in self._asked_of_kind:
            cells = derived.get(name)
            if cells is None:
                if name in texts.columns and texts[name].null_count() < texts.height:
                    keys.append(texts[name])
            elif cells.dtype != pl.Boolean:
                keys.append(cells.alias(name))
            elif cells is not none and cells.any():
                constant = cells.all(ignore_nulls=False)
                always.append(name) if constant else keys.append(cells.alias(name))
        kinds = (
            pl.DataFrame([*keys, places.alias(_PLACES)])
            .group_by([key.name for key in keys] or pl.lit(0).alias(FLAG))
            .agg(pl.len().alias(_CHARGES), pl.col(_PLACES).head(LINES_KEPT))
            .with_columns(**dict.fromkeys(always, pl.lit(True)))
        )
        self._kinds.append(kinds.with_columns(_own_texts(kinds)))
        self._rows += kinds.height

    def _judge(self) -> None:
        """Evaluate the rules over the kinds that were gathered."""
        if not self._kinds:
            return
        kinds = pl.concat(self._kinds, how="diagonal")
        self._kinds, self._rows = [], 0
        left_out = {name: self._usual(name) for name in self._asked_of_kind}
        for name in kinds.columns:
            left_out.pop(name, None)
        kinds = kinds.with_columns(pl.col(pl.Boolean).fill_null(False), **left_out)
        for mask in kinds.select(**self._of_kind):
            if mask.any():
                broken = kinds.filter(mask)
                first = broken[_PLACES].explode().bottom_k(LINES_KEPT).sort()
                self._tally(mask.name).add(int(broken[_CHARGES].sum()), first.to_list())

    def _usual(self, name: str) -> pl.Expr:
        """What stands in a column that no batch had anything to tell of."""
        found = pl.lit(False) if FLAG in name else pl.lit(None, pl.String)
        return self._null.get(name, found)

    def _tally(self, rule: str) -> Tally:
        return self._by_rule.setdefault(rule, Tally())


def _own_texts(kinds: pl.DataFrame) -> list[pl.Series]:
    """The columns of text without the texts of the whole batch, to which their views refer."""
    return [
        pl.Series(cells.name, cells.to_arrow(compat_level=pl.CompatLevel.oldest()))
        for cells in kinds.get_columns()
        if cells.dtype == pl.String
    ]


def _asked(conditions: Mapping[str, pl.Expr]) -> tuple[str, ...]:
    names = {name for condition in conditions.values() for name in condition.meta.root_names()}
    return tuple(sorted(names))
