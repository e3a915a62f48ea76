"""Every rule of every version is broken by a charge that is made for it, and by no right one."""

import pytest
from tests.unit.focus.rules.violations import (
    ALL,
    APPLIED_BY_READERS,
    APPLIED_BY_STORES,
    charges_of,
    violations,
)

from costwire_focus.columns import VERSIONS
from costwire_focus.rules import rules_of

_EXAMPLES = {version: violations(version) for version in VERSIONS}
_ELSEWHERE = APPLIED_BY_READERS | APPLIED_BY_STORES


@pytest.mark.parametrize("version", VERSIONS)
def test_no_rule_is_without_a_charge_that_breaks_it(version):
    unbroken = {rule.id for rule in rules_of(version)} - _EXAMPLES[version].keys() - _ELSEWHERE
    lone = {rule for rule in unbroken if not _is_presence_that_a_header_cannot_tell(rule, version)}
    assert not lone


def _is_presence_that_a_header_cannot_tell(rule_id, version):
    """The lone column of a capability: that it is missing says that the provider lacks it."""
    (rule,) = (rule for rule in rules_of(version) if rule.id == rule_id)
    return rule.sentence.startswith("the column ") and rule.grade.value == "advice"


@pytest.mark.parametrize(("version", "rule"), [key for key in ALL if key[1] not in _ELSEWHERE])
def test_a_charge_made_for_a_rule_breaks_it_and_a_right_one_does_not(
    version, rule, a_charge, check
):
    violation = _EXAMPLES[version].get(rule)
    if violation is None:
        return  # told by the test above
    charges = charges_of(violation, version, a_charge)
    checked, findings = check(*charges, version=version, declared=violation.declared)
    assert rule in {*findings, *(row.rule for row in checked.unusable)}
    right, none = check(a_charge(version), a_charge(version), version=version)
    assert not none
    assert not right.unusable
