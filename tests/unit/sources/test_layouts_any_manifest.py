"""Whatever a manifest says, it is read as an export or refused in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_sources.errors import SourceError
from costwire_sources.layouts import Seen, Tree, Wanted, find_report

NOON = datetime(2024, 12, 1, 12, tzinfo=UTC)
ROOT = "s3://bills/acme"
RUN = "20240901-20240930/202412010600/3f2b8a52-0000-4000-8000-000000000001"
AWS = ("metadata/BILLING_PERIOD=2024-09/Manifest.json", "data/BILLING_PERIOD=2024-09/a.csv.gz")
AZURE = (f"{RUN}/manifest.json", f"{RUN}/part_0_0001.csv")
KEYS = (
    "dataFiles",
    "columns",
    "name",
    "blobs",
    "blobCount",
    "blobName",
    "byteCount",
    "dataRowCount",
    "exportConfig",
    "type",
    "runInfo",
    "submittedTime",
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=20),
    st.sampled_from(
        [AWS[1], AZURE[1], "FocusCost", "2024-12-01T06:00:00Z", "BilledCost", "../a.csv", 7]
    ),
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
likely = st.fixed_dictionaries(
    {},
    optional={
        "dataFiles": st.lists(leaves, max_size=3),
        "columns": values,
        "blobs": st.lists(
            st.fixed_dictionaries({"blobName": leaves}, optional={"byteCount": leaves}), max_size=3
        ),
        "blobCount": leaves,
        "exportConfig": st.fixed_dictionaries({"type": st.just("FocusCost")}) | values,
        "runInfo": st.fixed_dictionaries({"submittedTime": leaves}) | values,
    },
)


@pytest.mark.parametrize(("manifest", "data"), [AWS, AZURE], ids=["aws", "azure"])
@given(said=likely | values | st.binary(max_size=30))
def test_any_manifest_is_an_export_or_an_error_in_words(
    manifest: str, data: str, said: Any
) -> None:
    content = said if isinstance(said, bytes) else json.dumps(said).encode()
    files = {manifest: Seen(len(content), NOON), data: Seen(7, NOON), "../secret": Seen(1, NOON)}
    tree = Tree(ROOT, files, lambda _: content)
    try:
        plan = find_report(tree, Wanted(), lambda _: False)
    except SourceError as error:
        assert str(error).startswith("read ")  # noqa: PT017 -- most are errors, some are plans
    else:
        assert {file.path for file in plan.files} == {data}
        assert plan.months == ("2024-09",)
