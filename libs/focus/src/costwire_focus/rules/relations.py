"""What holds between the rows of a report: a key goes with one value throughout."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

from costwire_focus.columns import columns_of
from costwire_focus.rules.ids import OWN_PREFIX, spec_id
from costwire_focus.rules.rule import Grade, Rule

_OTHER: Final = "Other"


@dataclass(frozen=True)
class Relation:
    """Of each key, null in none of its columns, the rows must all show one value.

    Rows in which the value is null, or begins with `Other` where `but_other`, say nothing, but for
    this where `wanted`: a key must have a value in one row at least.
    `provider`: the column, if the report has it, of which each value has keys of its own.
    """

    rule: Rule
    key: tuple[str, ...]
    value: str
    provider: str
    but_other: bool = False
    wanted: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """The columns without which nothing can be told."""
        return frozenset((*self.key, self.value))

    @property
    def asks(self) -> frozenset[str]:
        """Every column that is looked at where it is there."""
        return self.needs | {self.provider}

    def speaks(self) -> pl.Expr:
        """The rows that say something."""
        columns = self.key if self.wanted else (*self.key, self.value)
        said = pl.all_horizontal(pl.col(name).is_not_null() for name in columns)
        return said & ~pl.col(self.value).str.starts_with(_OTHER) if self.but_other else said


@cache
def relations_of(version: str) -> tuple[Relation, ...]:
    """The relations of one version.

    Grades: 1.0 and 1.1 let a SkuPriceId stand for several SkuIds, and do not say that a service has
            one category; what the specification recommends is advice.
    """
    return tuple(
        relation for relation in _relations(version) if relation.needs <= columns_of(version).keys()
    )


def _relations(version: str) -> Iterator[Relation]:
    since_1_2 = Grade.VIOLATION if version >= "1.2" else Grade.ADVICE
    provider = "ServiceProviderName" if version >= "1.3" else "ProviderName"

    def relation(
        rule_id: str,
        grade: Grade,
        key: str,
        value: str,
        *,
        but_other: bool = False,
        wanted: bool = False,
    ) -> Relation:
        must = "must" if grade is Grade.VIOLATION else "should"
        sentence = f"a {key} {must} have one {value} throughout"
        if but_other:
            sentence += f", {_OTHER} left aside"
        rule = Rule(spec_id(rule_id, version), grade, value, sentence)
        return Relation(rule, (key,), value, provider, but_other, wanted)

    advice, violation = Grade.ADVICE, Grade.VIOLATION
    yield relation(
        "ServiceName-C-005-C", since_1_2, "ServiceName", "ServiceCategory", but_other=True
    )
    yield relation(
        "ServiceName-C-008-C", advice, "ServiceName", "ServiceSubcategory", but_other=True
    )
    yield relation("SkuPriceId-C-008-M", since_1_2, "SkuPriceId", "SkuId", wanted=version >= "1.2")
    yield relation("SkuPriceDetails-C-013-O", advice, "SkuPriceId", "SkuPriceDetails")
    yield relation("SkuMeter-C-006-O", advice, "SkuId", "SkuMeter")
    yield relation(
        "CommitmentDiscountUnit-C-008-M",
        violation,
        "CommitmentDiscountId",
        "CommitmentDiscountUnit",
    )
    yield Relation(
        Rule(
            f"{OWN_PREFIX}BillingPeriod-OneEnd",
            advice,
            "BillingPeriodEnd",
            "billing periods of one account that start together should end together",
        ),
        ("BillingAccountId", "BillingPeriodStart"),
        "BillingPeriodEnd",
        provider,
    )
