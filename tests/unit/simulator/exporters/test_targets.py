"""Exporters as Prometheus finds them."""

from __future__ import annotations

from collections import Counter

from costwire_simulator.estate.making import Size, make_estate
from costwire_simulator.estate.model import FLAVOURS
from costwire_simulator.exporters.targets import JOBS, targets_of

TARGETS = targets_of(make_estate(Size(4, 3, 4, 1), flavours=FLAVOURS))


def test_each_cluster_has_the_exporters_of_its_flavour() -> None:
    assert Counter(target.job for target in TARGETS) == {
        "kube-state-metrics": 1,
        "node-exporter": 3,
        "kubelet": 3,
        "otel-collector": 1,
        "icos-telemetry": 2,
    }
    assert {target.job for target in TARGETS} == {*JOBS}


def test_no_two_targets_are_the_same_to_prometheus() -> None:
    assert len({target.path for target in TARGETS}) == len(TARGETS)
    named = {(target.job, target.labels["instance"], target.cluster) for target in TARGETS}
    assert len(named) == len(TARGETS)
