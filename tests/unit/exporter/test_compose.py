"""An exposition without some of its samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from costwire_exporter.compose import all_but, parted, samples
from costwire_focus.exposition import HEADER, footer


@given(st.lists(st.integers(0, 6), max_size=8), st.sets(st.integers(0, 30)))
def test_samples_that_stay_and_those_that_go_are_all_of_them(
    sizes: list[int], chosen: set[int]
) -> None:
    lines = [f"line {number}\n".encode() for number in range(sum(sizes))]
    starts = np.cumsum([0, *sizes])
    blocks = [
        b"".join(lines[start : start + size]) for start, size in zip(starts, sizes, strict=False)
    ]
    going = sorted(each for each in chosen if each < len(lines))
    found = [*parted(blocks, np.array(going, np.uint32))]
    stays, goes = (b"".join(part for pair in found for part in pair[side]) for side in (0, 1))
    assert goes == b"".join(lines[each] for each in going)
    assert stays == b"".join(line for at, line in enumerate(lines) if at not in chosen)
    kept = all_but(np.array(going, np.uint32), len(lines))
    assert kept.tolist() == [at for at in range(len(lines)) if at not in chosen]


def test_expositions_are_joined_without_their_headers_and_last_lines() -> None:
    one = [HEADER + b"a 1\n", b"b 2\n" + footer(2)]
    other = [HEADER, footer(0)]
    bare = [b"c 3\n"]
    assert b"".join(samples(one, other, bare)) == b"a 1\nb 2\nc 3\n"
