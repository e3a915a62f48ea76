"""A staged part whose file was damaged never becomes what readers see."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.factories import Report, a_report, charges
from tests.support.faults import RecordFault, times

from costwire_db_handler.errors import PartDiffers
from costwire_db_handler.ledger import State

Shop = Any
SECTOR = 512
Damage = Callable[[bytes, random.Random], bytes]


def cut_off(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def one_bit_flipped(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]


def other_bytes_in_a_sector(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content)) // SECTOR * SECTOR
    return (content[:at] + dice.randbytes(SECTOR) + content[at + SECTOR :])[: len(content)]


def a_state(number: int) -> Report:
    return a_report(charges(40, x_State=str(number)), source=f"{number}", part_rows=20)


@pytest.mark.faults
@pytest.mark.parametrize("damage", [cut_off, one_bit_flipped, other_bytes_in_a_sector])
def test_damaged_part_is_refused_and_the_delivery_made_anew(
    duckdb_shop: Shop, tmp_path: Path, record_fault: RecordFault, damage: Damage
) -> None:
    dice, count = random.Random(20240901), times(10, 300)  # noqa: S311 (no secret)
    shop = duckdb_shop
    for number in range(count):
        opened = shop.open(a_state(number))
        shop.stage(opened.commit, a_state(number))
        file = dice.choice(sorted((tmp_path / "data" / "staging" / f"{opened.commit}").iterdir()))
        file.write_bytes(damage(file.read_bytes(), dice))
        with pytest.raises(PartDiffers, match="abort the delivery and open it anew"):
            shop.store.commit(opened.commit, shop.tick)
        shop.store.abort(opened.commit, shop.tick)
        assert shop.deliver(a_state(number)).state is State.COMMITTED
    rows = len(shop.costs())
    record_fault(
        f"staged parts with {damage.__name__.replace('_', ' ')}",
        times=count,
        outcome="each refused and told; delivered anew whole",
        lost=max(0, 40 * count - rows),
        doubled=max(0, rows - 40 * count),
    )
