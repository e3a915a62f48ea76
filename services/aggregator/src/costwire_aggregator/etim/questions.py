"""What an upstream is asked for the answer of gRPC."""

from __future__ import annotations

from costwire_aggregator.etim import families as of
from costwire_aggregator.questions import TIMES, of_families

_RESOURCES = 'resource=~"cpu|memory|"'
NODES = of_families("nodes", (*of.OF_ORIGINAL, of.CAPACITY, of.ALLOCATABLE), matchers=_RESOURCES)
REQUESTS = of_families("requests", (of.REQUESTS,), matchers=_RESOURCES)
PHASES = of_families("phases", (of.PHASES,), holding=True)
ALL = (TIMES, NODES, REQUESTS, PHASES)
OF_ORIGINAL = (TIMES, of_families("nodes", of.OF_ORIGINAL))
