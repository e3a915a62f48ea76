"""Validation of charges: a registry of rules, and a validator that applies them to batches."""

from costwire_focus.rules.findings import LINES_KEPT, Finding
from costwire_focus.rules.registry import all_rules, rules_of
from costwire_focus.rules.rule import Grade, Rule
from costwire_focus.rules.validator import Checked, Validator

__all__ = [
    "LINES_KEPT",
    "Checked",
    "Finding",
    "Grade",
    "Rule",
    "Validator",
    "all_rules",
    "rules_of",
]
