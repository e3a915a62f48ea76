"""Flattened tags back to JSON."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.flattened_tags import json_tags, with_json_tags

PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='{}"=,;:'), min_size=1)


def told(text: str | None) -> str | None:
    (document,) = json_tags(pa.chunked_array([pa.array([text], pa.string())])).to_pylist()
    return document


@pytest.mark.parametrize(
    ("flattened", "tags"),
    [
        ("env: prod;org: acme", {"env": "prod", "org": "acme"}),
        ("url: https://x:1/a", {"url": "https://x:1/a"}),
        ("a.b: c", {"a.b": "c"}),
        ("a: 1;a: 2", {"a": "1"}),
        ("a: x; y", {"a": "x; y"}),
        ("no pairs", {}),
        ("a: \\\t", {"a": "\\"}),
        ("a: back\\slash", {"a": "back\\slash"}),
    ],
)
def test_pairs_become_members(flattened: str, tags: dict[str, str]) -> None:
    assert json.loads(told(flattened) or "") == tags


@given(st.dictionaries(PLAIN.map(str.strip).filter(bool), PLAIN.map(str.strip), max_size=5))
def test_tags_without_lost_characters_come_back(tags: dict[str, str]) -> None:
    flattened = ";".join(f"{key}: {value}" for key, value in tags.items())
    assert json.loads(told(flattened or "none") or "") == tags


@pytest.mark.parametrize("text", [None, '{"a": "b"}'])
def test_null_and_json_stay(text: str | None) -> None:
    assert told(text) == text


def test_only_tag_columns_are_touched() -> None:
    charges = pa.table({"x_Tags": ["a: b"], "ResourceName": ["a: b"]})
    assert with_json_tags(charges).to_pylist() == [{"x_Tags": '{"a": "b"}', "ResourceName": "a: b"}]
