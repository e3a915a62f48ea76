"""What a part's summary tells is what a look at all of its charges finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import a_charge, as_table

from costwire_db_handler.charges.prepare import CELL, PERIOD, Prepared, Preparer
from costwire_db_handler.charges.staging import StagedParts, part_path, write_part
from costwire_db_handler.charges.summary import Summary
from costwire_db_handler.errors import PartDiffers
from costwire_focus.amounts import CostSums

AMOUNTS = st.none() | st.decimals(-1000, 1000, places=9, allow_nan=False).map(str)
CHARGES = st.lists(
    st.builds(
        lambda cost, currency, service, tags: a_charge(
            BilledCost=cost, BillingCurrency=currency, ServiceName=service, Tags=tags
        ),
        AMOUNTS | st.just("no amount"),
        st.sampled_from(["USD", "EUR", None]),
        st.none() | st.text("aß€", max_size=5),
        st.none()
        | st.dictionaries(st.text("ab.", max_size=2), st.text("ß1", max_size=4), max_size=3).map(
            json.dumps
        ),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def preparer() -> Iterator[Preparer]:
    preparer = Preparer()
    yield preparer
    preparer.close()


@given(CHARGES)
def test_sums_are_those_of_the_charges_as_they_came(
    preparer: Preparer, charges: list[dict[str, str | None]]
) -> None:
    everything = CostSums()
    everything.add(as_table(charges))
    summary = preparer.prepare(as_table(charges), 0).summary
    told = {currency: summary.cost_sums.get(currency, "BilledCost") for currency in summary.sums}
    for currency in {*told, *everything.currencies()}:
        assert (told.get(currency) or 0) == (everything.get(currency, "BilledCost") or 0)


@given(CHARGES)
def test_longest_texts_and_keys_of_tags_are_those_of_the_charges(
    preparer: Preparer, charges: list[dict[str, str | None]]
) -> None:
    part = preparer.prepare(as_table(charges), 0)
    kept = [charge for charge in charges if charge["BilledCost"] != "no amount"]
    services = [len((charge["ServiceName"] or "").encode()) for charge in kept]
    assert part.summary.longest["ServiceName"] == max(services, default=0)
    pairs = [pair for charge in kept for pair in json.loads(charge["Tags"] or "{}").items()]
    assert {key: (told[0], told[1]) for key, told in part.summary.tag_keys["Tags"].items()} == {
        key: (
            sum(key == other for other, _ in pairs),
            max(len(value.encode()) for other, value in pairs if key == other),
        )
        for key, _ in pairs
    }


def test_periods_are_named_with_their_ends(preparer: Preparer) -> None:
    october = {"BillingPeriodStart": "2024-10-01T00:00:00Z", "BillingPeriodEnd": None}
    part = preparer.prepare(as_table([a_charge(), a_charge(), a_charge(**october)]), 0)
    assert part.summary.periods == {
        ("2024-09-01T00:00:00Z", datetime(2024, 10, 1)),  # noqa: DTZ001 - as staged
        ("2024-10-01T00:00:00Z", None),
    }


def staged(folder: Path, part: Prepared) -> StagedParts:
    write_part(part_path(folder, 0), part, "digest")
    return StagedParts(folder)


@given(charges=CHARGES)
def test_a_part_comes_back_from_disk_as_it_was_prepared(
    preparer: Preparer, tmp_path_factory: pytest.TempPathFactory, charges: list[dict[str, str]]
) -> None:
    part = preparer.prepare(as_table(charges), 0)
    parts = staged(tmp_path_factory.mktemp("parts"), part)
    assert parts.summary == part.summary
    assert parts.sizes() == {0: len(charges)}
    (as_staged,) = parts.read(plain=False)
    assert as_staged.equals(part.charges)
    (plain,) = parts.read()
    (schema,) = parts.schemas()
    assert as_staged.schema.remove_metadata() == schema
    assert plain.to_pylist() == part.charges.to_pylist()


@given(st.lists(CHARGES, min_size=1, max_size=4))
def test_of_several_parts_is_told_what_one_of_all_their_charges_tells(
    preparer: Preparer, parts: list[list[dict[str, str | None]]]
) -> None:
    everything = [charge for charges in parts for charge in charges]
    each = [preparer.prepare(as_table(charges), seq).summary for seq, charges in enumerate(parts)]
    merged, whole = Summary.merged(each), preparer.prepare(as_table(everything), 0).summary
    assert (merged.periods, merged.longest) == (whole.periods, whole.longest)
    assert (merged.tag_keys, merged.cost_sums) == (whole.tag_keys, whole.cost_sums)


def test_a_part_that_another_version_staged_is_told_as_one(
    preparer: Preparer, tmp_path: Path
) -> None:
    part = preparer.prepare(as_table([a_charge()]), 0)
    older = part.charges.replace_schema_metadata({b"digest": b"x"})
    with pa.ipc.new_file(part_path(tmp_path, 0), older.schema) as writer:
        writer.write_table(older)
    with pytest.raises(PartDiffers, match="abort the delivery and open it anew"):
        assert StagedParts(tmp_path).summary


def test_repeated_cells_are_staged_once_and_read_as_if_they_were_not(
    preparer: Preparer, tmp_path: Path
) -> None:
    part = preparer.prepare(as_table([a_charge(ResourceId=f"disk-{n}") for n in range(50)]), 0)
    parts = staged(tmp_path, part)
    (as_staged,) = parts.read(plain=False)
    (plain,) = parts.read()
    for name in (CELL + "ServiceName", CELL + "ListCost", CELL + "ChargePeriodStart", PERIOD):
        assert len(as_staged.column(name).chunk(0).dictionary) == 1
        assert plain.schema.field(name).type == as_staged.schema.field(name).type.value_type
    assert (
        plain.schema.field(CELL + "ResourceId").type == as_staged.column(CELL + "ResourceId").type
    )
