"""Every rule of every version is broken by a charge that is made for it, and by no right one."""

from pathlib import Path

import pytest
from tests.unit.focus.rules.violations import (
    ALL,
    APPLIED_BY_READERS,
    APPLIED_BY_STORES,
    charges_of,
    violations,
)

from costwire_focus import own_rules
from costwire_focus.columns import VERSIONS
from costwire_focus.rules import rules_of

_EXAMPLES = {version: violations(version) for version in VERSIONS}
_TESTS = Path(__file__).parents[3]
_ELSEWHERE = APPLIED_BY_READERS | APPLIED_BY_STORES


@pytest.mark.parametrize("version", VERSIONS)
def test_no_rule_is_without_a_charge_that_breaks_it(version):
    unbroken = {rule.id for rule in rules_of(version)} - _EXAMPLES[version].keys() - _ELSEWHERE
    lone = {rule for rule in unbroken if not _is_presence_that_a_header_cannot_tell(rule, version)}
    assert not lone


@pytest.mark.parametrize("rule", sorted(APPLIED_BY_READERS))
def test_what_readers_apply_is_broken_in_their_own_tests(rule):
    (name,) = (name for name, rule_id in vars(own_rules).items() if rule_id == rule)
    written = (
        path.read_text("utf-8")
        for folder in ("unit", "integration")
        for path in (_TESTS / folder).rglob("test_*.py")
    )
    assert any(rule in text or f" {name}" in text or f".{name}" in text for text in written)


def _is_presence_that_a_header_cannot_tell(rule_id, version):
    """The lone column of a capability: that it is missing says that the provider lacks it."""
    (rule,) = (rule for rule in rules_of(version) if rule.id == rule_id)
    return rule.sentence.startswith("the column ") and rule.grade.value == "advice"


@pytest.mark.parametrize("version", VERSIONS)
def test_right_charges_break_no_rule(version, a_charge, check):
    checked, findings = check(a_charge(version), a_charge(version), version=version)
    assert not findings
    assert not checked.unusable


@pytest.mark.parametrize(
    ("version", "rule"), [(version, rule) for version, rule in ALL if rule in _EXAMPLES[version]]
)
def test_a_charge_made_for_a_rule_breaks_it(version, rule, a_charge, check):
    violation = _EXAMPLES[version][rule]
    charges = charges_of(violation, version, a_charge)
    checked, findings = check(*charges, version=version, declared=violation.declared)
    assert rule in {*findings, *(row.rule for row in checked.unusable)}
