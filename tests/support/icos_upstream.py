"""A Prometheus for both aggregators: it answers the joins of the original too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from costwire_aggregator.samples import Labels, Sample
from tests.support.fake_prometheus import BadQuery, FakePrometheus

_JOIN = re.compile(
    r"(?P<left>\w+)(\{resource='(?P<resource>\w+)'\})? \* on\(icos_agent_id, icos_host_name\) "
    r"group_left\(icos_host_id\) node_uname_info"
)


class IcosUpstream(FakePrometheus):
    """Serves `series`, which may be exchanged between questions."""

    def vector(self, query: str) -> Iterable[tuple[str, Sample]]:
        """What an instant query gives; raises `BadQuery` where several series match one."""
        found = _JOIN.fullmatch(query)
        if found is None:
            return super().vector(query)
        left, resource = self.series.get(found["left"], ()), found["resource"]
        asked = [one for one in left if resource in (None, one.labels.get("resource"))]
        return [("", sample) for sample in self._joined(asked)]

    def _joined(self, left: Sequence[Sample]) -> list[Sample]:
        asked = {_pair(sample.labels) for sample in left}
        nodes = [node for node in self.series.get("node_uname_info", ())]
        right = {_pair(node.labels): node for node in nodes}
        if sum(_pair(node.labels) in asked for node in nodes) > len(asked & right.keys()):
            raise BadQuery("many-to-many matching not allowed")
        joined = []
        for sample in left:
            if (node := right.get(_pair(sample.labels))) is not None:
                told = {k: v for k, v in sample.labels.items() if k != "icos_host_id"}
                if host := node.labels.get("icos_host_id"):
                    told["icos_host_id"] = host
                joined.append(Sample(told, sample.value * node.value))
        if len({frozenset(one.labels.items()) for one in joined}) < len(joined):
            raise BadQuery("many-to-many matching not allowed")
        return joined


def _pair(labels: Labels) -> tuple[str, str]:
    return labels.get("icos_agent_id", ""), labels.get("icos_host_name", "")
