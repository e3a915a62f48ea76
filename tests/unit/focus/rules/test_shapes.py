"""Tests of the lists of objects that FOCUS defines inside cells."""

import pyarrow as pa
import pytest

from costwire_focus.columns import columns_of
from costwire_focus.rules.documents import Documents
from costwire_focus.rules.shapes import shape_of

_APPLIED = '{"Elements": [{"ContractId": "c", "ContractCommitmentId": "t", %s}]}'
_COST = '"ContractCommitmentAppliedCost": 1.5'
_QUANTITY = '"ContractCommitmentAppliedQuantity": 2, "ContractCommitmentAppliedUnit": "Hours"'
_RATIO = '{"Elements": [{"AllocatedRatio": %s}]}'
_PROGRAMS = '{"CommitmentPrograms": [{"ProgramType": "Savings plan"}]}'


def _misshapen(column, text, version="1.4"):
    shape = shape_of(column, version)
    cells = pa.chunked_array([[text, None]], pa.string())
    verdicts = Documents(columns_of(version)[column], shape).verdicts(cells)
    assert not verdicts[f"{column}!json"][0]
    return verdicts[f"{column}!shape"].to_list()[0]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("ContractApplied", _APPLIED % _COST),
        ("ContractApplied", _APPLIED % _QUANTITY),
        ("ContractApplied", _APPLIED % (_COST + ', "ContractCommitmentAppliedUnit": null')),
        ("ContractApplied", _APPLIED % (_COST + ', "x_Note": "a"')),
        ("ContractApplied", _APPLIED % (_COST + ', "x_Note": {"deep": [1]}')),
        ("AllocatedMethodDetails", _RATIO % "0.25"),
        ("AllocatedMethodDetails", _RATIO % '1, "UsageQuantity": 3, "UsageUnit": "Hours"'),
        ("CommitmentProgramEligibilityDetails", _PROGRAMS),
    ],
)
def test_a_list_as_defined_is_right(column, text):
    assert not _misshapen(column, text)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("ContractApplied", '{"Elements": []}'),
        ("ContractApplied", '{"Elements": [{}]}'),
        ("ContractApplied", '{"Elements": {"ContractId": "c"}}'),
        ("ContractApplied", "{}"),
        ("ContractApplied", _APPLIED % '"ContractCommitmentAppliedCost": "1.5"'),
        ("ContractApplied", _APPLIED % '"ContractCommitmentAppliedQuantity": 2'),
        ("ContractApplied", _APPLIED % (_COST + ', "Note": "a"')),
        ("ContractApplied", _APPLIED % (_COST + ', "x_note": "a"')),
        ("ContractApplied", _APPLIED.replace('"c"', '{"id": "c"}') % _COST),
        ("ContractApplied", (_APPLIED % _COST).replace("ContractCommitmentId", "x_Term")),
        ("ContractApplied", '{"More": 1, ' + (_APPLIED % _COST)[1:]),
        ("AllocatedMethodDetails", _RATIO % "1.5"),
        ("AllocatedMethodDetails", _RATIO % "-0.1"),
        ("AllocatedMethodDetails", _RATIO % '1, "UsageQuantity": 3'),
        ("AllocatedMethodDetails", '{"Elements": [{"UsageUnit": "Hours"}]}'),
        ("CommitmentProgramEligibilityDetails", '{"CommitmentPrograms": [{"Type": "a"}]}'),
    ],
)
def test_any_other_list_is_found(column, text):
    assert _misshapen(column, text)


def test_1_3_takes_both_spellings_and_cost_beside_quantity():
    both = _APPLIED % f"{_COST}, {_QUANTITY}"
    assert _misshapen("ContractApplied", both, "1.4")
    assert not _misshapen("ContractApplied", both, "1.3")
    printed = (_APPLIED % _COST).replace("CommitmentId", "CommitmentID")
    assert _misshapen("ContractApplied", printed, "1.4")
    assert not _misshapen("ContractApplied", printed, "1.3")
