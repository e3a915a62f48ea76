"""A topology as JSON: what is not known, and what is empty, is left out.

What says which thing it is stands there in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

import orjson

from costwire_aggregator.topology.model import Cluster, Topology
from costwire_aggregator.topology.shape import shape

CLUSTERS = "clusters"
_Written = dict[str, Any]


def topology_json(topology: Topology, extra: Mapping[str, Any]) -> Iterator[bytes]:
    """The document, in pieces of at most one cluster.

    `extra`: what stands before the clusters, such as how complete they are.
    """
    if CLUSTERS in extra:
        raise ValueError(f"write a topology: something else is called {CLUSTERS}")
    write = _writer(Cluster)
    yield b"{"
    for name in sorted(extra):
        yield orjson.dumps(name) + b":" + _text(extra[name]) + b","
    yield orjson.dumps(CLUSTERS) + b":["
    for number, cluster in enumerate(topology.clusters):
        yield (b"," if number else b"") + _text(write(cluster))
    yield b"]}"


def _text(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@cache
def _writer(kind: type) -> Callable[[Any], _Written]:
    fields = shape(kind)
    names = [field.name for field in fields]
    always = {field.name for field in fields if field.is_identity}
    values_of = attrgetter(*(field.attribute for field in fields))
    parts = [(field.name, field.is_list, _writer(field.part)) for field in fields if field.part]

    def write(thing: Any) -> _Written:
        values = zip(names, values_of(thing), strict=True)
        written = {name: value for name, value in values if value or value == 0 or name in always}
        for name, is_list, write_part in parts:
            if value := written.pop(name, None):
                part = [*map(write_part, value)] if is_list else write_part(value)
                if part:
                    written[name] = part
        return written

    return write
