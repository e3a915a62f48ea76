"""Names and values of drafts under their present names: nothing lost, everything told."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.batch import Batch
from costwire_focus.columns import COLUMNS, DRAFT_NAMES
from costwire_focus.legacy import LegacyNames, mapped_names


def mapped(columns):
    table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    legacy = LegacyNames()
    batch = legacy.map(Batch(table, pa.array(range(table.num_rows)), "part", lambda _: b"raw"))
    told = {
        (found.name, found.column, found.value, found.became): found.cells
        for found in legacy.mappings()
    }
    assert batch.charges.column_names == mapped_names(list(columns))
    return batch.charges.to_pydict(), told


@pytest.mark.parametrize(
    ("draft", "name"), [pair for pair in DRAFT_NAMES.items() if pair[0] != "ChargeSubcategory"]
)
def test_a_draft_s_name_becomes_the_present_one(draft, name):
    assert name in COLUMNS
    charges, told = mapped({"BilledCost": ["1", "2"], draft: ["a", None]})
    assert charges == {"BilledCost": ["1", "2"], name: ["a", None]}
    assert told == {(draft, name, None, None): 1}


def test_a_present_column_stands_and_its_nulls_are_filled_from_the_draft_s_which_stays():
    charges, told = mapped({"Region": ["a", "b", None], "RegionId": ["x", None, None]})
    assert charges == {"Region": ["a", "b", None], "RegionId": ["x", "b", None]}
    assert told == {("Region", "RegionId", None, None): 1}


def test_a_subcategory_is_kept_and_says_class_and_status():
    said = ["Used Commitment", "Unused Commitment", "Refund", "On-Demand", "Other", None]
    charges, told = mapped({"ChargeSubcategory": said})
    assert charges == {
        "x_ChargeSubcategory": said,
        "ChargeClass": [None, None, "Correction", None, None, None],
        "CommitmentDiscountStatus": ["Used", "Unused", None, None, None, None],
    }
    assert told == {
        ("ChargeSubcategory", "x_ChargeSubcategory", None, None): 5,
        ("ChargeSubcategory", "ChargeClass", "Refund", "Correction"): 1,
        ("ChargeSubcategory", "CommitmentDiscountStatus", "Used Commitment", "Used"): 1,
        ("ChargeSubcategory", "CommitmentDiscountStatus", "Unused Commitment", "Unused"): 1,
    }


def test_a_subcategory_says_nothing_against_a_present_status():
    charges, told = mapped(
        {
            "ChargeSubcategory": ["Used Commitment", "Used Commitment"],
            "x_ChargeSubcategory": ["mine", None],
            "CommitmentDiscountStatus": ["Unused", None],
        }
    )
    assert charges["CommitmentDiscountStatus"] == ["Unused", "Used"]
    assert charges["ChargeSubcategory"] == ["Used Commitment", "Used Commitment"]
    assert charges["x_ChargeSubcategory"] == ["mine", None]
    assert told["ChargeSubcategory", "CommitmentDiscountStatus", "Used Commitment", "Used"] == 1


def test_values_that_were_renamed_are_the_present_ones():
    cells = ["On-Demand", "Commitment-Based", "Dynamic", "on-demand", None, "On-Demand"]
    charges, told = mapped({"PricingCategory": cells})
    became = ["Standard", "Committed", "Dynamic", "on-demand", None, "Standard"]
    assert charges == {"PricingCategory": became}
    assert told == {
        ("PricingCategory", "PricingCategory", "On-Demand", "Standard"): 2,
        ("PricingCategory", "PricingCategory", "Commitment-Based", "Committed"): 1,
    }


def test_counts_grow_over_batches_and_raw_rows_stay():
    legacy = LegacyNames()
    for cells in (["a", None], ["b"]):
        table = pa.table({"Provider": pa.array(cells, pa.string())})
        batch = legacy.map(Batch(table, pa.array(range(len(cells))), "part", lambda _: b"raw"))
        assert batch.raw(0) == b"raw"
    assert [found.cells for found in legacy.mappings()] == [2]


names = st.sampled_from([*DRAFT_NAMES, *DRAFT_NAMES.values(), "x_ChargeSubcategory", "BilledCost"])
values = st.sampled_from([None, "a", "Refund", "Used Commitment"])


@given(st.dictionaries(names, st.lists(values, min_size=2, max_size=2), min_size=1))
def test_no_cell_is_lost_whatever_columns_meet(columns):
    charges, _ = mapped(columns)
    for name, cells in columns.items():
        kept = [held for held in charges.values() if held == cells]
        filled = charges.get(name)
        assert kept or (
            filled is not None
            and all(new == old for new, old in zip(filled, cells, strict=True) if old is not None)
        )


@given(st.lists(names, unique=True))
def test_every_present_name_is_given_once(columns):
    found = mapped_names(columns)
    assert len(set(found)) == len(found)
    assert len(found) >= len(columns)
