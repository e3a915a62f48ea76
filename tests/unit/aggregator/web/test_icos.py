"""Paths of the original."""

from __future__ import annotations

import pytest

from costwire_aggregator.web.icos import _cleaned


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a//b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b/", "/b/"),
        ("/..", "/"),
        ("/a/..", "/"),
        ("///a", "/a"),
    ],
)
def test_path_is_cleaned_as_gos_multiplexer_does(path: str, clean: str) -> None:
    assert _cleaned(path) == clean
