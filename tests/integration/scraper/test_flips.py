"""A bit that flips on the wire, in the text or in what it is packed in, is always noticed."""

from __future__ import annotations

import os
import random
from typing import Any

import pyarrow as pa
import pytest
from tests.support.faults import RecordFault, times

SEED = int(os.environ.get("COSTWIRE_TEST_SEED", "20240901"))


@pytest.mark.faults
@pytest.mark.parametrize("where", ["spoil", "spoil_packed"], ids=["text", "packed"])
def test_flipped_bit_is_noticed(
    bench: Any, charges: pa.Table, record_fault: RecordFault, where: str
) -> None:
    bench.exporter.serve(charges)
    dice, tries = random.Random(SEED), times(40, 1_500)  # noqa: S311 -- test data
    harmless = 0

    def flipped(body: bytes) -> bytes:
        spoilt = bytearray(body)
        spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
        return bytes(spoilt)

    setattr(bench.exporter, where, flipped)
    for _ in range(tries):
        outcome = bench.run(patience_seconds=0, block_bytes=1 << 20)
        if outcome.error is None:
            assert where == "spoil_packed", "a flip in the text changes its checksum"
            assert bench.handler.visible == charges
            harmless += 1
            bench.handler.deliveries.clear()
            bench.handler.current = None
        assert bench.handler.visible is None
    setattr(bench.exporter, where, lambda body: body)
    assert bench.run().error is None
    lost = charges.num_rows - bench.handler.visible.num_rows
    record_fault(
        f"bit flipped in the exposition ({'packed' if 'packed' in where else 'plain'})",
        times=tries,
        outcome=f"noticed; {harmless} left the text as it was",
        lost=max(0, lost),
        doubled=max(0, -lost),
    )
