"""How long to look for what breaks a part: a sample with the suite, a campaign by a variable."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("COSTWIRE_TEST_FUZZ", "25"))
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Mutation = tuple[int, int, bytes]


def mutations(*pieces: bytes) -> st.SearchStrategy[list[Mutation]]:
    """Places, how many bytes go there, and what comes instead: these pieces, or any bytes."""
    instead = st.sampled_from(pieces) | st.binary(max_size=4)
    return st.lists(
        st.tuples(st.integers(0, 1 << 20), st.integers(0, 40), instead), min_size=1, max_size=5
    )


def mutated(data: bytes, changes: list[Mutation]) -> bytes:
    """The data with each change made, one after the other."""
    text = bytearray(data)
    for place, length, instead in changes:
        start = place % (len(text) + 1)
        text[start : start + length] = instead
    return bytes(text)
