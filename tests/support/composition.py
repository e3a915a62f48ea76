"""The docker compose files as tests read them: laid over one another, with the values of `.env`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CORE = "docker-compose.yml"
EMBEDDED = "docker-compose.embedded.yml"
_VARIABLE = re.compile(r"\$\{([A-Z_]+)\}")
_RESET = object()


@dataclass(frozen=True)
class _Override:
    value: Any


class _Loader(yaml.SafeLoader):
    """Knows the two tags by which a later file takes away what an earlier one says."""


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> _Override:
    if isinstance(node, yaml.SequenceNode):
        return _Override(loader.construct_sequence(node, deep=True))
    assert isinstance(node, yaml.MappingNode)
    return _Override(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("!reset", lambda _loader, _node: _RESET)
_Loader.add_constructor("!override", _override)


def composition(*files: str) -> dict[str, Any]:
    """What compose makes of these files and of `.env`, without its anchors' own sections."""
    whole: Any = {}
    for file in files:
        loaded = yaml.load((ROOT / file).read_text("utf-8"), _Loader)  # noqa: S506 -- a SafeLoader
        whole = _laid_over(whole, loaded)
    values = defaults()
    return {key: _filled(value, values) for key, value in whole.items() if not key.startswith("x-")}


def defaults() -> dict[str, str]:
    """The values of `.env`."""
    lines = (ROOT / ".env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables(file: str) -> set[str]:
    """The variables that a compose file names."""
    return set(_VARIABLE.findall((ROOT / file).read_text("utf-8")))


def _laid_over(below: Any, above: Any) -> Any:
    """The rules of compose: mappings join, lists follow one another, the rest is replaced."""
    if isinstance(above, _Override):
        return above.value
    if isinstance(below, dict) and isinstance(above, dict):
        joined = dict(below)
        for key, value in above.items():
            if value is _RESET:
                joined.pop(key, None)
            else:
                joined[key] = _laid_over(joined.get(key), value)
        return joined
    if isinstance(below, list) and isinstance(above, list):
        return below + above
    return above


def _filled(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: values[found[1]], value)
    return value
