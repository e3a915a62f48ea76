"""Mends defects of the official validator while it runs; its files stay as they are.

Imported by `official_driver.py` alone, in the tool's own interpreter. What each defect is, and what
differences it makes, stands in `official_defects.py` under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl
from focus_validator.config_objects import focus_to_duckdb_converter as converter
from focus_validator.config_objects.json_loader import JsonLoader
from focus_validator.data_loaders.csv_data_loader import CSVDataLoader
from focus_validator.data_loaders.parquet_data_loader import ParquetDataLoader

Rules = dict[str, Any]
Change = Callable[[Rules], None]


def mend(names: Iterable[str]) -> None:
    """Mend these defects for the rest of the process; KeyError for a name that has no mending."""
    changes: list[Change] = []
    for name in names:
        if name in _IN_CODE:
            _IN_CODE[name]()
        else:
            changes += _IN_MODEL[name]
    shipped = JsonLoader.load_json_rules

    def load_json_rules(path: str) -> dict[str, Any]:
        model = shipped(path)
        for change in changes:
            change(model["ModelRules"])
        return model

    JsonLoader.load_json_rules = staticmethod(load_json_rules)


def _closed_lists() -> None:
    """Alternatives hold for a row where one of them does, not for a file where one ever does."""
    generator = converter.CompositeORRuleGenerator
    shipped = generator.generateCheck

    def generate_check(self: Any) -> Any:
        check = shipped(self)
        items = self.p["Items"]
        if any(item["CheckFunction"] == "CheckModelRule" for item in items):
            return check
        allowed = self.compile_condition(
            {"CheckFunction": "OR", "Items": items}, rule=self.rule, rule_id=self.rule_id
        )
        broken = self._apply_condition(f"NOT ({allowed})")
        counted = "SELECT COUNT(*) AS violations FROM {table_name} WHERE "
        check.checkSql = counted + broken
        check._sql_query = check.special_executor = check.nestedCheckHandler = None
        check.nestedChecks = []
        return check

    generator.generateCheck = generate_check


def _null_is_another_value() -> None:
    """A condition "is not X" is met by null too, in the columns where null is a statement."""
    generator = converter.CheckNotValueGenerator
    shipped = generator.generatePredicate

    def generate_predicate(self: Any) -> Any:
        column, value = self.params.ColumnName, self.params.Value
        if self.exec_mode == "condition" and column in ("ChargeClass", "CommitmentDiscountStatus"):
            return f"{column} IS DISTINCT FROM {self._lit(value)}"
        return shipped(self)

    generator.generatePredicate = generate_predicate


def _no_conversion() -> None:
    """Cells of CSV are text, amounts where a whole column is; timestamps stay as they are."""

    def load(self: Any) -> pl.DataFrame:
        table = pl.read_csv(self.data_filename, infer_schema=False)
        for name in table.columns:
            if self.column_types.get(name) == "float64":
                numbers = table[name].cast(pl.Float64, strict=False)
                if numbers.null_count() == table[name].null_count():
                    table = table.with_columns(numbers)
        return table

    CSVDataLoader.load = load
    ParquetDataLoader._smart_datetime_conversion = lambda _self, series, _name: series


def _numbers_in_text() -> None:
    """A number is compared with numbers, also where one cell has made its column text."""
    generator = converter.CheckValueGenerator
    shipped = generator.generateSql

    def generate_sql(self: Any) -> Any:
        if isinstance(self.params.Value, int | float):
            self.params.ColumnName = f"TRY_CAST({self.params.ColumnName} AS DOUBLE)"
        return shipped(self)

    generator.generateSql = generate_sql


def _every_capability() -> None:
    """A rule for providers with several capabilities applies where all of them are told."""

    def check(self: Any, rule: Any) -> bool:
        return set(self.validated_applicability_criteria).issuperset(rule.applicability_criteria)

    converter.FocusToDuckDBSchemaConverter._check_rule_applicability = check


def _conditions_in_another_form(rules: Rules) -> None:
    for rule in rules.values():
        condition = rule["ValidationCriteria"]["Condition"]
        if "AND" in condition:
            items = condition["AND"]
            _set(rule, Condition=_all(*(items if isinstance(items, list) else [items])))


def _condition(rule_id: str, *checks: Rules) -> Change:
    return lambda rules: _set(rules[rule_id], Condition=_all(*checks))


def _requirement(rule_id: str, **check: Any) -> Change:
    return lambda rules: _set(rules[rule_id], Requirement=check)


def _left_out(rule_id: str) -> Change:
    return lambda rules: rules[rule_id].update(Type="Dynamic")


def _set(rule: Rules, **criteria: Rules) -> None:
    rule["ValidationCriteria"].update(criteria)


def _all(*checks: Rules) -> Rules:
    return {"CheckFunction": "AND", "Items": list(checks)}


def _is(column: str, value: str | None) -> Rules:
    return {"CheckFunction": "CheckValue", "ColumnName": column, "Value": value}


def _is_not(column: str, value: str | None) -> Rules:
    return _is(column, value) | {"CheckFunction": "CheckNotValue"}


_IN_CODE: dict[str, Callable[[], None]] = {
    "closed lists": _closed_lists,
    "not a correction": _null_is_another_value,
    "conversion": _no_conversion,
    "numbers in text": _numbers_in_text,
    "any capability": _every_capability,
}
_IN_MODEL: dict[str, tuple[Change, ...]] = {
    "conditions of another form": (_conditions_in_another_form,),
    "conditions upside down": (
        _condition(
            "CommitmentDiscountStatus-C-004-C",
            _is_not("CommitmentDiscountId", None),
            _is("ChargeCategory", "Usage"),
        ),
        _condition("ConsumedQuantity-C-006-C", _is_not("ChargeClass", "Correction")),
    ),
    "half a condition": (
        _condition(
            "EffectiveCost-C-005-C",
            _is("ChargeCategory", "Purchase"),
            _is_not("CommitmentDiscountId", None),
        ),
    ),
    "another column": (
        _requirement(
            "PricingCurrencyEffectiveCost-C-004-M",
            CheckFunction="TypeDecimal",
            ColumnName="PricingCurrencyEffectiveCost",
        ),
    ),
    "other words": (
        _requirement(
            "CommitmentDiscountStatus-C-005-M",
            CheckFunction="OR",
            Items=[_is("CommitmentDiscountStatus", word) for word in ("Used", "Unused")],
        ),
    ),
    "keys of null": (
        _condition("ServiceName-C-005-C", _is_not("ServiceName", None)),
        _condition("ServiceName-C-008-C", _is_not("ServiceName", None)),
    ),
    "no condition": (_left_out("InvoiceId-C-004-C"), _left_out("InvoiceId-C-005-C")),
    "a guess": (_left_out("BilledCost-C-005-C"),),
}
