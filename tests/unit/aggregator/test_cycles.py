"""A fold leaves no cycles: what is kept of it, and what it was told, goes at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from tests.support import icos_estates
from tests.support.kubernetes_estates import Estate

from costwire_aggregator.etim.fold import Fold as EtimFold
from costwire_aggregator.icos.fold import Fold
from costwire_aggregator.icos.model import Pod as IcosPod
from costwire_aggregator.icos.original import OriginalFold
from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Node, Pod


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.enable()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_topology_goes_at_once(flavour: str) -> None:
    readings = [Estate(3, clusters=2).reading(flavour)]
    fold(readings)
    gc.collect()
    gc.disable()
    before = things(Node, Pod)
    topology = fold(readings)
    assert things(Node, Pod) > before
    del topology
    assert things(Node, Pod) == before


@pytest.mark.parametrize("fold_of", [Fold, OriginalFold])
def test_series_of_an_icos_document_go_at_once(fold_of: type[Fold]) -> None:
    gc.collect()
    gc.disable()
    before = things(Sample, IcosPod)
    fold = fold_of(icos_estates.Estate(3).series)
    infrastructure = fold.infrastructure()
    assert things(Sample, IcosPod) > before
    del fold, infrastructure
    assert things(Sample, IcosPod) == before


def test_series_of_nodes_go_at_once() -> None:
    gc.collect()
    gc.disable()
    before = things(Sample)
    fold = EtimFold(icos_estates.Estate(3).series)
    nodes = fold.nodes()
    assert things(Sample) > before
    del fold, nodes
    assert things(Sample) == before


def things(*kinds: type) -> int:
    """How many of these kinds there are in this process."""
    return sum(isinstance(one, kinds) for one in gc.get_objects())
