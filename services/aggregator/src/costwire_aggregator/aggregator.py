"""The use case: what the upstreams tell, asked for once however many want it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from costwire_aggregator.asking import Asker
from costwire_aggregator.completeness import Completeness, completeness
from costwire_aggregator.costs.desk import CostDesk
from costwire_aggregator.costs.errors import CostsError
from costwire_aggregator.costs.model import CostReport, Period
from costwire_aggregator.costs.rules import Rule
from costwire_aggregator.etim import questions as etim_questions
from costwire_aggregator.etim.families import ALLOCATABLE
from costwire_aggregator.etim.fold import Fold as EtimFold
from costwire_aggregator.etim.model import EtimNode
from costwire_aggregator.etim.original import OriginalFold as OriginalEtimFold
from costwire_aggregator.icos import questions as icos_questions
from costwire_aggregator.icos.document import Document, rendered
from costwire_aggregator.icos.fold import Fold
from costwire_aggregator.icos.original import OriginalFold
from costwire_aggregator.icos.values import LeftOut
from costwire_aggregator.samples import Families, Sample
from costwire_aggregator.shared_work import Made, SharedWork
from costwire_aggregator.topology.fold import fold
from costwire_aggregator.topology.model import Topology
from costwire_aggregator.topology.readings import readings
from costwire_aggregator.upstreams.merge import merged
from costwire_aggregator.upstreams.outcomes import State, Told
from costwire_runtime.memory import no_collecting

OnFold = Callable[[str, LeftOut], None]
"""Is told of each document whose it is, and what it leaves out."""


@dataclass(frozen=True, slots=True)
class IcosAnswer:
    """The ICOS document, and how much of what it should hold it holds."""

    document: Document
    completeness: Completeness
    left_out: LeftOut
    """Series that it does not hold, or not wholly."""


@dataclass(frozen=True, slots=True)
class TopologyAnswer:
    """The topology, and how much of what it should hold it holds."""

    topology: Topology
    completeness: Completeness

    @property
    def snapshot(self) -> str:
        """What the state is called that was told: when it was asked for."""
        return f"{self.completeness.at:.3f}"


@dataclass(frozen=True, slots=True)
class Ages:
    """How old what may be, in seconds."""

    fresh: float = 5.0
    """An answer that is given again without asking."""
    stale: float = 30.0
    """One that is given again while a new one is made."""
    samples: float = 180.0
    """Samples that are not stale."""


class Aggregator:
    """Asks the upstreams, and folds what they tell."""

    def __init__(
        self,
        asker: Asker,
        *,
        strict: bool = False,
        ages: Ages | None = None,
        desk: CostDesk | None = None,
        on_fold: OnFold = lambda face, left_out: None,
    ) -> None:
        """`desk`: None where nobody has the bills."""
        self._on_fold = on_fold
        self._asker = asker
        self._desk = desk
        self._strict = strict
        self._ages = ages = ages or Ages()
        self._icos = SharedWork(
            self._icos_answer, fresh_seconds=ages.fresh, stale_seconds=ages.stale
        )
        self._etim = SharedWork(
            self._etim_answer, fresh_seconds=ages.fresh, stale_seconds=ages.stale
        )
        self._topology = SharedWork(
            self._topology_answer, fresh_seconds=ages.fresh, stale_seconds=ages.stale
        )

    async def close(self) -> None:
        """Cancel what runs."""
        for work in (self._icos, self._etim, self._topology):
            await work.close()
        if self._desk is not None:
            await self._desk.close()

    async def icos(self) -> Made[IcosAnswer]:
        """The ICOS document. Raises: `UpstreamError` where no upstream told of its nodes."""
        return await self._icos.result()

    async def etim_nodes(self) -> list[EtimNode]:
        """All nodes. Raises: `UpstreamError` where no upstream told of its nodes."""
        return (await self._etim.result()).result

    async def topology(self) -> Made[TopologyAnswer]:
        """The topology. Raises: `UpstreamError` where no upstream told anything."""
        return await self._topology.result()

    async def costs(self, answer: TopologyAnswer, period: Period) -> CostReport:
        """What a topology costs by the bill of a month. Raises: `CostsError`."""
        if self._desk is None:
            raise CostsError(
                "join the bill: nobody is named who has it; set AGGREGATOR_HANDLER_URL"
            )
        return await self._desk.report(answer.topology, answer.snapshot, period)

    @property
    def has_bills(self) -> bool:
        """Whether somebody is named who has them."""
        return self._desk is not None

    @property
    def cost_rules(self) -> Sequence[Rule]:
        """By what bills are joined."""
        return () if self._desk is None else self._desk.rules

    async def _icos_answer(self) -> IcosAnswer:
        at, told = await self._asker.ask(
            lambda settings: icos_questions.ALL if settings.flavour in ("auto", "icos") else (),
            lambda question: question == icos_questions.NODES,
        )
        answer = await asyncio.to_thread(self._icos_folded, told, at)
        self._on_fold("icos", answer.left_out)
        return answer

    @no_collecting()
    def _icos_folded(self, told: Sequence[Told], at: float) -> IcosAnswer:
        fold = (OriginalFold if self._strict else Fold)(_together(told))
        document = rendered(fold.infrastructure())
        return IcosAnswer(document, completeness(told, at, self._ages.samples), fold.left_out)

    async def _etim_answer(self) -> list[EtimNode]:
        questions = etim_questions.OF_ORIGINAL if self._strict else etim_questions.ALL
        _, told = await self._asker.ask(
            lambda settings: questions, lambda question: question.name == etim_questions.NODES.name
        )
        nodes, left_out = await asyncio.to_thread(self._etim_nodes, told)
        self._on_fold("grpc", left_out)
        return nodes

    @no_collecting()
    def _etim_nodes(self, told: Sequence[Told]) -> tuple[list[EtimNode], LeftOut]:
        known = [_without_guesses(one) for one in told]
        fold = (OriginalEtimFold if self._strict else EtimFold)(_together(known))
        return fold.nodes(), fold.left_out

    async def _topology_answer(self) -> TopologyAnswer:
        at, told, flavours = await self._asker.ask_by_flavour()
        return await asyncio.to_thread(self._topology_folded, told, flavours, at)

    @no_collecting()
    def _topology_folded(
        self, told: Sequence[Told], flavours: Mapping[str, str], at: float
    ) -> TopologyAnswer:
        topology = fold(readings(told, flavours))
        return TopologyAnswer(topology, completeness(told, at, self._ages.samples))


def _without_guesses(told: Told) -> Told:
    """Without the allocatable where not all requests are told: what is free is not known then.

    That is where a question was not answered in full, or a target is down whose job, in this
    cluster, tells the allocatable: of several shards each tells the requests of some pods.
    """
    is_whole = all(outcome.state is State.ANSWERED for outcome in told.outcomes)
    targets = told.targets()
    down = {(target.job, target.cluster) for target in targets if not target.is_up}

    def is_sure(sample: Sample) -> bool:
        key = targets.key(sample.labels)
        return is_whole and (key[0], targets.cluster(key)) not in down

    outcomes = [
        replace(
            outcome,
            families={
                name: [*filter(is_sure, samples)] if name == ALLOCATABLE else samples
                for name, samples in outcome.families.items()
            },
        )
        for outcome in told.outcomes
    ]
    return replace(told, outcomes=outcomes)


def _together(told: Sequence[Told]) -> Families:
    by_family: dict[str, list[Sequence[Sample]]] = defaultdict(list)
    for reading in merged(told):
        for name, samples in reading.families.items():
            by_family[name].append(samples)
    return {
        name: of[0] if len(of) == 1 else [*chain.from_iterable(of)]
        for name, of in by_family.items()
    }
