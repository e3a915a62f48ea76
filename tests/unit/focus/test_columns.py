"""Tests of the list of columns."""

import pytest

from costwire_focus.columns import (
    CAPABILITIES,
    COLUMNS,
    DRAFT_NAMES,
    VERSIONS,
    ValueType,
    columns_of,
    value_type,
)


def test_each_version_has_the_columns_that_focus_counts():
    assert [len(columns_of(version)) for version in VERSIONS] == [43, 50, 57, 65, 65]


def test_the_union_holds_every_column_of_every_version():
    assert set(COLUMNS) == {name for version in VERSIONS for name in columns_of(version)}
    assert list(COLUMNS) == sorted(COLUMNS)


def test_1_4_removed_what_1_3_deprecated():
    gone = columns_of("1.3").keys() - columns_of("1.4").keys()
    assert gone == {"ProviderName", "PublisherName"}
    assert gone == {column.id for column in columns_of("1.3").values() if column.deprecated}
    assert not any(column.deprecated for column in columns_of("1.2").values())


def test_a_fact_holds_until_a_version_changes_it():
    nullable = [columns_of(v)["PricingCurrency"].nullable for v in ("1.2", "1.3", "1.4")]
    assert nullable == [True, True, False]
    assert columns_of("1.0")["ConsumedUnit"].kind == "Metric"
    assert columns_of("1.1")["ConsumedUnit"].kind == "Dimension"


def test_a_column_knows_its_first_and_last_version():
    assert (COLUMNS["SkuMeter"].introduced, COLUMNS["SkuMeter"].last) == ("1.1", "1.4")
    assert (COLUMNS["ProviderName"].introduced, COLUMNS["ProviderName"].last) == ("1.0", "1.3")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BilledCost", ValueType.AMOUNT),
        ("PricingQuantity", ValueType.AMOUNT),
        ("ChargePeriodEnd", ValueType.INSTANT),
        ("Tags", ValueType.TAGS),
        ("AllocatedTags", ValueType.TAGS),
        ("SkuPriceDetails", ValueType.JSON),
        ("ContractApplied", ValueType.JSON),
        ("BillingAccountId", ValueType.TEXT),
        ("x_BilledCost", ValueType.TEXT),
        ("billedcost", ValueType.TEXT),
    ],
)
def test_value_types_go_by_the_exact_name(name, expected):
    assert value_type(name) is expected


def test_every_subcategory_has_a_category_of_its_version():
    for version in VERSIONS[1:]:
        subcategory = columns_of(version)["ServiceSubcategory"]
        assert tuple(subcategory.parents) == subcategory.allowed_values
        assert set(subcategory.parents.values()) <= set(
            columns_of(version)["ServiceCategory"].allowed_values or ()
        )


def test_closed_lists_keep_their_spelling():
    assert columns_of("1.0")["ChargeFrequency"].allowed_values == (
        "One-Time",
        "Recurring",
        "Usage-Based",
    )


def test_only_known_capabilities_are_asked_for():
    for version in VERSIONS:
        for column in columns_of(version).values():
            assert set(column.applicability) <= CAPABILITIES.keys()


def test_no_draft_name_is_a_column():
    assert not DRAFT_NAMES.keys() & COLUMNS.keys()


def test_an_unknown_version_is_an_error():
    with pytest.raises(KeyError):
        columns_of("2.0")
