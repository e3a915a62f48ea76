"""Tags of made-up resources: the keys and values that bills really hold, awkward ones included."""

from __future__ import annotations

import json

from costwire_focus.estates.catalogue import Cloud
from costwire_focus.estates.draws import Draws

TEAMS = ("checkout", "search", "data-platform", "mobile", "billing", "ml-research", "core-infra")
ENVIRONMENTS = ("prod", "prod", "prod", "staging", "dev", "sandbox")
_JSON = json.JSONEncoder(ensure_ascii=False)
_OWNERS = ("Zoë Müller", "José Núñez", "王小明", "O'Neil, Pat", 'Sam "SRE" Lee', "ops\\night")
_RARE: tuple[tuple[str, object], ...] = (
    ("kostenstelle/größe", "groß"),
    ("部署", "生产"),
    ("note", ""),
    ("decommission after", None),
    ("ephemeral", True),
    ("k8s.io/cluster-autoscaler/enabled", "true"),
    ("trailing blank ", "x "),
    ("formula", "a=b;c={d},\t[e]"),
)


def tags_text(cloud: Cloud, team: str, environment: str, draws: Draws) -> str:
    """The JSON text of one resource's tags."""
    tags: dict[str, object] = {
        "team": team,
        "env": environment,
        "cost.center": f"{4700 + draws.one('center', 12)}.{draws.one('unit', 4):02d}",
    }
    if draws.one("owner?", 3) == 0:
        tags["Owner Name"] = _OWNERS[draws.one("owner", len(_OWNERS))]
    if draws.one("rare?", 4) == 0:
        key, value = _RARE[draws.one("rare", len(_RARE))]
        tags[key] = value
    if cloud.provider_tags and draws.one("own?", 2) == 0:
        key, shape = cloud.provider_tags[draws.one("own", len(cloud.provider_tags))]
        tags[key] = draws.fill(shape)
    return _JSON.encode(tags)
