"""Tests of counting by kinds: what is told is what a look at each charge by itself tells."""

import pickle
from dataclasses import replace

import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costwire_focus.columns import columns_of
from costwire_focus.rules import Validator, rules_of

_VERSION = "1.4"
_FIXTURES = [HealthCheck.function_scoped_fixture]  # they are functions without a state
_WORDS = "Usage Tax Purchase Correction Unused Used Committed Spend eur vm-1 N/A 0 -1 1E2 +1 1.5"
_DATES = ("2024-09-01", "2024-10-01T00:00:00Z", "2024-09-30T23:59:59Z")
_OF_CHARGES = [rule.id for rule in rules_of(_VERSION) if rule.broken is not None]
_CELLS = st.sampled_from((None, "", *_WORDS.split(), *_DATES, "GB Hours", '{"a": 1, "a": 2}'))
_CHANGES = st.dictionaries(
    st.sampled_from(sorted(columns_of(_VERSION))), _CELLS, min_size=1, max_size=4
)
_REPORTS = st.lists(st.lists(_CHANGES, min_size=1, max_size=9), min_size=1, max_size=4)


def _findings(batches, *, costs=False, midway=False):
    validator = Validator(sorted(columns_of(_VERSION)), _VERSION, costs=costs)
    for batch in batches:
        validator.check(batch)
        if midway:
            assert validator.findings == validator.findings
    return validator.findings


@given(report=_REPORTS)
@settings(max_examples=15, deadline=None, suppress_health_check=_FIXTURES)
def test_kinds_are_judged_as_each_charge_by_itself_is(report, a_charge, a_batch):
    empty = dict.fromkeys(sorted(columns_of(_VERSION)))
    charges = [[empty | a_charge(_VERSION, **row) for row in part] for part in report]
    parts = [a_batch(part, f"{n}.csv") for n, part in enumerate(charges)]
    by_kind = _findings(parts)
    assert by_kind == _findings(parts, costs=True)
    assert by_kind == _findings(parts, midway=True)


@given(report=_REPORTS)
@settings(max_examples=10, deadline=None, suppress_health_check=_FIXTURES)
def test_a_finding_counts_the_charges_that_break_the_rule_alone(report, a_charge, a_batch):
    charges = [dict.fromkeys(columns_of(_VERSION)) | a_charge(_VERSION, **row)
               for part in report for row in part]  # fmt: skip
    whole = _findings([a_batch(charges)])
    alone = [_findings([a_batch([charge])]) for charge in charges]
    for rule in _OF_CHARGES:
        count = sum(findings[rule].count for findings in alone if rule in findings)
        assert (whole[rule].count if rule in whole else 0) == count


def test_many_kinds_are_counted_in_turns(a_charge, a_batch):
    validator = Validator(list(a_charge()), "1.2")
    wrong = [a_charge(ServiceSubcategory=f"s{number}") for number in range(9_000)]
    for file in ("a.csv", "a.csv", "b.csv"):
        validator.check(a_batch(wrong, file))
    finding = validator.findings["ServiceSubcategory-C-003-M"]
    assert finding.count == 27_000
    assert finding.lines == [("a.csv", line) for line in range(2, 12)]


def test_kinds_of_many_batches_keep_no_text_of_them(a_charge, a_batch):
    validator = Validator(list(a_charge()), "1.2")
    alike = a_batch([a_charge(ServiceSubcategory="a long text " * 100)] * 4_000)
    before = psutil.Process().memory_info().rss
    for _ in range(60):
        validator.check(replace(alike, charges=pickle.loads(pickle.dumps(alike.charges))))  # noqa: S301
    grown = (psutil.Process().memory_info().rss - before) >> 20
    assert grown < 60  # of 290 MiB of texts
