"""The stores of a Thanos Query that it does not reach. Pure.

Of those that are not named as strict it answers without them from its next look at them on, and
gives no warning; for some minutes it still lists them, with the error.
"""

from __future__ import annotations

from typing import Any

import msgspec

_MOST, _LONGEST = 20, 500


class _Store(msgspec.Struct, rename="camel"):
    name: str
    last_error: Any = None


class _Answer(msgspec.Struct):
    data: dict[str, list[_Store]]


_decode = msgspec.json.Decoder(_Answer).decode


def lost_stores(body: bytes) -> list[str]:
    """Each with why, of an answer of `/api/v1/stores`; nothing of what is no such answer.

    Source: Thanos, Query's HTTP API.
    """
    try:
        kinds = _decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    stores = sorted(
        (one.name, str(one.last_error)) for of in kinds.values() for one in of if one.last_error
    )
    return [f"it does not reach its store {name}: {why}"[:_LONGEST] for name, why in stores[:_MOST]]
