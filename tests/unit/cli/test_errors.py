"""One exit status for several deliveries."""

from __future__ import annotations

import pytest

from costwire_cli.errors import worst


@pytest.mark.parametrize(
    ("statuses", "one"),
    [([], 0), ([0, 0], 0), ([0, 3], 3), ([3, 4, 0], 4), ([3, 1, 4], 1)],
)
def test_worst_status_stands_for_all(statuses: list[int], one: int) -> None:
    assert worst(statuses) == one
