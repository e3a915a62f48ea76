"""What a published delivery holds."""

from __future__ import annotations

import hashlib

from costwire_exporter.shelf import Delivery
from costwire_focus.exposition.parse import Parser
from costwire_focus.manifest import Manifest


def published(delivery: Delivery | None) -> tuple[Manifest, list[dict[str, str | None]], str]:
    """The manifest, the charges that the exposition holds, and its text."""
    assert delivery is not None
    manifest = Manifest.model_validate(delivery.manifest)
    body = b"".join(delivery.text.read("identity"))
    assert manifest.exposition.bytes == len(body)
    assert manifest.exposition.sha256 == hashlib.sha256(body).hexdigest()
    charges = Parser([]).charges(body, manifest.label_columns()).to_pylist()
    assert manifest.exposition.samples == manifest.rows.published == len(charges)
    return manifest, charges, body.decode()
