"""Tests of the validator as a whole: what passes, what is set aside, what is counted."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costwire_focus import amounts
from costwire_focus.batch import Batch, Unusable
from costwire_focus.columns import VERSIONS, columns_of
from costwire_focus.rules import LINES_KEPT, Grade, Validator, all_rules, rules_of


@pytest.mark.parametrize("version", VERSIONS)
def test_a_right_charge_breaks_no_rule(version, a_charge, check):
    checked, findings = check(a_charge(version), version=version)
    assert not findings
    assert not checked.unusable


def test_a_clean_batch_passes_without_a_copy(a_charge, a_batch):
    batch = a_batch([a_charge()])
    checked = Validator(batch.charges.column_names, "1.2").check(batch)
    assert checked.charges is batch.charges
    assert checked.lines is batch.lines


@pytest.mark.parametrize(
    ("cells", "rule", "reason"),
    [
        ({"BilledCost": "1,50"}, "CW-AmountUnreadable", "'1,50' has a decimal comma"),
        ({"BilledCost": "-1.234.567,5"}, "CW-AmountUnreadable", "a decimal comma"),
        ({"BilledCost": "1,500"}, "CW-AmountUnreadable", "for thousands or for decimals"),
        ({"BilledCost": "1 234.50"}, "CW-AmountUnreadable", "without grouping"),
        ({"BilledCost": "$1"}, "CW-AmountUnreadable", "a currency beside the number"),
        ({"BilledCost": "10.00 EUR"}, "CW-AmountUnreadable", "a currency beside the number"),
        ({"BilledCost": "$" * 2000}, "CW-AmountUnreadable", "is not a number"),
        ({"BilledCost": "NaN"}, "CW-AmountUnreadable", "'NaN'"),
        ({"ListCost": "-inf"}, "CW-AmountUnreadable", "ListCost"),
        ({"PricingQuantity": " 1"}, "CW-AmountUnreadable", "PricingQuantity"),
        ({"BilledCost": "9" * 60}, "CW-AmountUnreadable", "…"),
        ({"BilledCost": "1E-60"}, "CW-AmountUnreadable", "kept exactly"),
        ({"ChargePeriodStart": "yesterday"}, "CW-InstantUnreadable", "is not a date"),
        ({"ChargePeriodStart": "2024-02-30T00:00:00Z"}, "CW-InstantUnreadable", "2024-02-30"),
        ({"BillingPeriodEnd": "9/1/24"}, "CW-InstantUnreadable", "--dates mdy or --dates dmy"),
        ({"ChargeDescription": "a\0b"}, "CW-NulCharacter", "U+0000"),
        ({"x_Note": "\0"}, "CW-NulCharacter", "x_Note"),
    ],
)
def test_an_unreadable_cell_sends_its_row_to_the_quarantine(cells, rule, reason, a_charge, check):
    checked, findings = check(a_charge(x_Note=None), a_charge(**{"x_Note": None} | cells))
    (row,) = checked.unusable
    assert (row.file, row.line, row.raw) == ("part.csv", 3, b"raw 1")
    assert (row.column, row.rule) == (next(iter(cells)), rule)
    assert reason in row.reason
    assert checked.charges.num_rows == 1
    assert checked.lines.to_pylist() == [2]
    assert not findings


def test_a_column_of_another_version_is_read_by_its_type_too(a_charge, check):
    checked, _ = check(a_charge("1.0", PricingCurrencyEffectiveCost="much"), version="1.0")
    assert checked.unusable[0].column == "PricingCurrencyEffectiveCost"


def test_text_in_a_custom_column_is_never_read(a_charge, check):
    checked, _ = check(a_charge(x_BilledCost="about 1,50"))
    assert not checked.unusable


def test_a_row_with_several_bad_cells_is_told_once_by_its_first(a_charge, check):
    checked, _ = check(a_charge(BilledCost="x", ListCost="y", ChargePeriodEnd="z"))
    assert [row.column for row in checked.unusable] == ["BilledCost"]


def test_rows_that_the_reader_set_aside_stay_in_the_order_of_lines(a_charge, a_batch):
    batch = a_batch([a_charge(), a_charge(BilledCost="x"), a_charge(BilledCost="y")])
    torn = Unusable("part.csv", 9, b"", None, "CW-FieldCount", "2 cells")
    batch = Batch(batch.charges, pa.array([2, 8, 11]), batch.file, batch.raw, [torn])
    checked = Validator(batch.charges.column_names, "1.2").check(batch)
    assert [row.line for row in checked.unusable] == [8, 9, 11]


def test_slashed_dates_are_read_once_their_order_is_told(a_charge, check):
    cells = {"ChargePeriodStart": "9/1/24", "ChargePeriodEnd": "9/2/24"}
    checked, findings = check(a_charge(**cells), dates="mdy")
    assert not checked.unusable
    assert set(findings) == {"ChargePeriodStart-C-002-M", "ChargePeriodEnd-C-002-M"}


OCTOBER = {"BillingPeriodStart": "2024-10-01T00:00:00Z", "BillingPeriodEnd": "2024-11-01T00:00:00Z"}
NO_PERIOD: dict[str, str | None] = {"BillingPeriodStart": None, "BillingPeriodEnd": None}


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (OCTOBER, "BillingPeriodStart"),
        (NO_PERIOD | {"ChargePeriodStart": "2024-08-31T23:59:59Z"}, "ChargePeriodStart"),
        ({}, None),
        ({"ChargePeriodStart": "2024-08-31T23:59:59Z"}, None),
        (
            {
                "BillingPeriodStart": "2024-09-01T07:00:00Z",
                "BillingPeriodEnd": "2024-10-01T07:00:00Z",
            },
            None,
        ),
        (
            {
                "BillingPeriodStart": "2024-08-31T15:00:00Z",
                "BillingPeriodEnd": "2024-09-30T15:00:00Z",
            },
            None,
        ),
        (NO_PERIOD | {"ChargePeriodStart": None}, None),
    ],
)
def test_a_charge_of_another_month_than_the_declared_is_set_aside(cells, column, a_charge, check):
    checked, _ = check(a_charge(), a_charge(**cells), declared=["2024-09"])
    told = [(row.line, row.column, row.rule) for row in checked.unusable]
    assert told == ([(3, column, "CW-OutsidePeriod")] if column else [])
    assert check(a_charge(**cells), declared=[])[0].unusable == []


def test_a_charge_outside_the_declared_months_is_told_what_to_do(a_charge, check):
    checked, _ = check(a_charge(**OCTOBER), declared=["2024-08", "2024-09"])
    assert checked.unusable[0].reason == (
        "read BillingPeriodStart: 2024-10-01T00:00:00Z is not in 2024-08, 2024-09, which the "
        "delivery declares; declare that month too (--period), or none"
    )


def test_declared_months_are_told_by_charge_periods_where_billing_periods_lack(a_charge, check):
    charge = {k: v for k, v in a_charge().items() if not k.startswith("BillingPeriod")}
    other = charge | {"ChargePeriodStart": "2024-10-01T00:00:00Z"}
    checked, _ = check(charge, other, declared=["2024-09"])
    assert [row.line for row in checked.unusable] == [3]


def test_an_unusable_row_is_in_no_finding(a_charge, check):
    _, findings = check(a_charge(BilledCost="x", ServiceName=None), a_charge(ServiceName=None))
    assert findings["ServiceName-C-003-M"].count == 1
    assert findings["ServiceName-C-003-M"].lines == [("part.csv", 3)]


def test_findings_grow_over_batches_and_keep_the_first_lines(a_charge, a_batch):
    validator = Validator(list(a_charge()), "1.2")
    bad = [a_charge(BilledCost=None)] * 7
    for file in ("a.csv", "b.csv"):
        validator.check(a_batch(bad, file))
    finding = validator.findings["BilledCost-C-003-M"]
    assert finding.count == 14
    assert finding.lines == [("a.csv", n) for n in range(2, 9)] + [("b.csv", n) for n in (2, 3, 4)]
    assert len(finding.lines) == LINES_KEPT


def test_a_batch_without_rows_is_fine(a_charge, a_batch):
    batch = a_batch([a_charge()])
    empty = Batch(batch.charges.slice(1), batch.lines.slice(1), batch.file, batch.raw)
    validator = Validator(batch.charges.column_names, "1.2")
    assert validator.check(empty).charges.num_rows == 0
    assert not validator.findings


def test_a_sliced_and_chunked_table_is_read_where_it_starts(a_charge, a_batch):
    bad, good = a_charge(BilledCost="x\0", ChargePeriodEnd="?"), a_charge()
    table = a_batch([bad, good, good, bad]).charges
    chunked = pa.concat_tables([table.slice(1, 1), table.slice(2, 1)])
    batch = Batch(chunked, pa.array([3, 4]), "part.csv", lambda _: b"")
    assert not Validator(table.column_names, "1.2").check(batch).unusable


def test_a_service_in_two_categories_is_found_across_batches_once(a_charge, a_batch):
    validator = Validator(list(a_charge()), "1.2")
    for category in ("Compute", "Storage", "Storage", "Other"):
        validator.check(a_batch([a_charge(ServiceCategory=category, ServiceSubcategory=None)]))
    finding = validator.findings["ServiceName-C-005-C"]
    assert (finding.count, finding.grade) == (1, Grade.VIOLATION)


def test_each_version_names_each_rule_once():
    for version in VERSIONS:
        ids = [rule.id for rule in rules_of(version)]
        assert len(ids) == len(set(ids))


def test_a_rule_reads_only_columns_of_its_version():
    for version in VERSIONS:
        for rule in rules_of(version):
            assert rule.needs <= columns_of(version).keys(), (version, rule.id)


def test_every_rule_is_listed_with_its_versions():
    listed = {(rule.id, version) for rule, versions in all_rules() for version in versions}
    assert listed == {(rule.id, version) for version in VERSIONS for rule in rules_of(version)}


_AMOUNT_LIKE = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,40}\.?[0-9]{0,45}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.text("0123456789+-.eE _,infaN", max_size=12),
    st.decimals(allow_nan=True).map(str),
)


@settings(deadline=None, max_examples=300)
@given(cells=st.lists(st.none() | _AMOUNT_LIKE.filter(bool), min_size=1, max_size=8))
def test_rows_are_set_aside_exactly_where_the_exact_reader_refuses(cells):
    table = pa.table({"BilledCost": pa.array(cells, pa.string())})
    lines = pa.array(range(len(cells)), pa.int64())
    checked = Validator(["BilledCost"], "1.0").check(Batch(table, lines, "f", lambda _: b""))
    _, refused = amounts.parse(table.column(0).combine_chunks())
    expected = [] if refused is None else [i for i, bad in enumerate(refused.to_pylist()) if bad]
    assert [row.line for row in checked.unusable] == expected
