"""The Grafana dashboard that is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.composition import ROOT

Panel = dict[str, Any]
Target = dict[str, Any]

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "grafana" / "clusters-and-costs.json").read_text(encoding="utf-8")
)


def targets() -> Iterator[tuple[Panel, Target]]:
    """Every query, with the panel that it is of."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel, target
