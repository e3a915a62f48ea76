"""Who is asked what: flavours are found by looking, and nobody waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Self

import pytest
from tests.unit.aggregator.told import question

from costwire_aggregator.asking import LOOK, Asker, answers, reasons
from costwire_aggregator.errors import (
    UpstreamError,
    UpstreamsBroken,
    UpstreamsLate,
    UpstreamsSilent,
)
from costwire_aggregator.http_client import Allowance
from costwire_aggregator.questions import TIMES, Question
from costwire_aggregator.samples import Sample
from costwire_aggregator.topology.flavours import FLAVOURS
from costwire_aggregator.topology.flavours.others import NOT_ASKED
from costwire_aggregator.upstreams.answers import Vector
from costwire_aggregator.upstreams.client import AskError, Late, Passing, Unreachable, Wrong
from costwire_aggregator.upstreams.fan_out import FanOut
from costwire_aggregator.upstreams.outcomes import Outcome, State, Told
from costwire_aggregator.upstreams.settings import UpstreamSettings

NOW = 1_753_000_000.0
KUBERNETES = {"kube_node_info": 3.0, "kube_pod_info": 20.0}
ICOS = {"tlum_orch_info": 2.0}
OTEL = {"k8s_pod_phase": 20.0}


class Server:
    """Has so many series of some families; says whom it was asked, and may fail."""

    def __init__(
        self, name: str, series: Mapping[str, float] | None = None, **settings: Any
    ) -> None:
        told = {"name": name, "url": f"http://{name}", **settings}
        self.settings = UpstreamSettings.model_validate(told)
        self.series = KUBERNETES if series is None else series
        self.asked: list[Question] = []
        self.times: list[float] = []
        self.deadlines: list[float] = []
        self.faults: dict[str, AskError] = {}
        """By the questions' names; "" is for all others."""
        self.warnings: Collection[str] = ()
        self.hanging = ""
        """The question that is answered when its time is over."""

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.asked]

    async def ask(
        self, asked: Question, at: float, deadline: float, allowance: Allowance
    ) -> Vector:
        self.asked.append(asked)
        self.times.append(at)
        self.deadlines.append(deadline)
        if asked.name == self.hanging:
            await asyncio.sleep(deadline - asyncio.get_running_loop().time())
            raise Late("it did not answer in time")
        if fault := self.faults.get(asked.name, self.faults.get("")):
            raise fault
        found = {name: self.series[name] for name in asked.families & self.series.keys()}
        return Vector({name: [Sample({}, count)] for name, count in found.items()}, self.warnings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None: ...


class Clock:
    """Seconds, as told."""

    def __init__(self) -> None:
        self.seconds = 50.0

    def __call__(self) -> float:
        return self.seconds


Asked = tuple[float, Sequence[Told], Mapping[str, str]]


def asking(
    servers: Sequence[Server],
    test: Callable[[Asker], Coroutine[Any, Any, Any]],
    *,
    clock: Clock | None = None,
    deadline_seconds: float = 20.0,
) -> Any:
    async def run() -> Any:
        async with FanOut(servers) as fan_out, asyncio.timeout(30):
            asker = Asker(
                fan_out,
                deadline_seconds=deadline_seconds,
                answers_bytes=1 << 20,
                now=lambda: NOW,
                monotonic=clock or Clock(),
            )
            return await test(asker)

    return asyncio.run(run())


def asked_by_flavour(*servers: Server, **more: Any) -> Asked:
    return asking(servers, lambda asker: asker.ask_by_flavour(), **more)


# Flavours.


@pytest.mark.parametrize(
    ("series", "flavour"), [(KUBERNETES, "kubernetes"), (OTEL, "opentelemetry"), (ICOS, "icos")]
)
def test_flavour_is_found_by_looking_and_its_questions_are_asked(
    series: Mapping[str, float], flavour: str
) -> None:
    server = Server("a", series)
    at, (told,), flavours = asked_by_flavour(server)
    assert flavours == {"a": flavour}
    assert server.asked[0] == LOOK
    assert {*server.asked[1:]} == {*FLAVOURS[flavour].questions}
    assert [outcome.question for outcome in told.outcomes] == [*FLAVOURS[flavour].questions]
    assert (at, {*server.times}) == (NOW, {NOW})
    assert len({*server.deadlines}) == 1, "all within one deadline"


def test_flavour_that_settings_name_is_not_looked_for() -> None:
    server = Server("a", KUBERNETES, flavour="opentelemetry")
    _, _, flavours = asked_by_flavour(server)
    assert LOOK not in server.asked
    assert flavours == {"a": "opentelemetry"}


def test_flavour_is_looked_for_once_in_ten_minutes() -> None:
    server, clock = Server("a"), Clock()

    async def test(asker: Asker) -> list[int]:
        looks = []
        for seconds in (0, 599.9, 600, 1199.9, 1200):
            clock.seconds = 50.0 + seconds
            await asker.ask_by_flavour()
            looks.append(server.names.count(LOOK.name))
        return looks

    assert asking([server], test, clock=clock) == [1, 1, 2, 2, 3]


def test_upstream_that_has_become_another_is_asked_as_such() -> None:
    server, clock = Server("a"), Clock()

    async def test(asker: Asker) -> list[str]:
        flavours = []
        for seconds in (0, 599, 601):
            clock.seconds = seconds
            flavours.append((await asker.ask_by_flavour())[2]["a"])
            server.series = OTEL
        return flavours

    assert asking([server], test, clock=clock) == ["kubernetes", "kubernetes", "opentelemetry"]


@pytest.mark.parametrize("fault", [Late("late"), Unreachable("refused"), Wrong("it answers 500")])
def test_flavour_is_kept_while_it_cannot_be_looked_for_again(fault: AskError) -> None:
    server, clock = Server("a"), Clock()

    async def test(asker: Asker) -> list[tuple[object, set[State], int]]:
        await asker.ask_by_flavour()
        clock.seconds += 600
        server.faults[LOOK.name] = fault
        answers = []
        for _ in range(2):
            _, (told,), flavours = await asker.ask_by_flavour()
            states = {outcome.state for outcome in told.outcomes}
            answers.append((flavours, states, server.names.count(LOOK.name)))
        return answers

    # It is tried again each time.
    kept = {"a": "kubernetes"}, {State.ANSWERED}
    assert asking([server], test, clock=clock) == [(*kept, 2), (*kept, 3)]


def test_look_that_may_lack_something_takes_no_flavour_away() -> None:
    server, clock = Server("a", KUBERNETES | ICOS), Clock()

    async def test(asker: Asker) -> list[str]:
        flavours = [(await asker.ask_by_flavour())[2]["a"]]
        server.series, server.warnings = KUBERNETES, ["a store is gone"]
        clock.seconds += 600
        flavours.append((await asker.ask_by_flavour())[2]["a"])
        server.warnings = ()
        clock.seconds += 600
        return [*flavours, (await asker.ask_by_flavour())[2]["a"]]

    assert asking([server], test, clock=clock) == ["icos", "icos", "kubernetes"]


def test_upstream_without_a_flavour_is_there_with_what_became_of_looking() -> None:
    strange, plain = Server("strange", {"up": 1.0}), Server("plain")
    _, told, flavours = asked_by_flavour(strange, plain)
    assert flavours == {"plain": "kubernetes"}
    (looked,) = (one for one in told if one.upstream == "strange")
    assert [outcome.question for outcome in looked.outcomes] == [LOOK]
    assert strange.asked == [LOOK]


def test_upstream_that_hangs_while_it_is_looked_at_holds_up_no_other() -> None:
    hanging, well = Server("hanging"), Server("well")
    hanging.hanging = LOOK.name

    async def test(asker: Asker) -> None:
        asked = asyncio.ensure_future(asker.ask_by_flavour())
        async with asyncio.timeout(5):
            while len(well.asked) < 1 + len(FLAVOURS["kubernetes"].questions):
                await asyncio.sleep(0)
        assert not asked.done(), "all are told together"
        asked.cancel()

    asking([hanging, well], test)


def test_upstream_that_hangs_is_late_and_the_others_are_told() -> None:
    hanging, well = Server("hanging"), Server("well")
    hanging.hanging = LOOK.name
    _, told, flavours = asked_by_flavour(hanging, well, deadline_seconds=0.2)
    assert flavours == {"well": "kubernetes"}
    states = {one.upstream: {outcome.state for outcome in one.outcomes} for one in told}
    assert states == {"hanging": {State.LATE}, "well": {State.ANSWERED}}


def test_upstreams_are_told_in_the_order_of_the_settings() -> None:
    servers = [Server(name) for name in "dacb"]
    assert [one.upstream for one in asked_by_flavour(*servers)[1]] == [*"dacb"]


# What else is there.


def times_of(told: Told) -> Outcome:
    (outcome,) = (one for one in told.outcomes if one.question == TIMES)
    return outcome


def test_what_an_upstream_has_of_other_flavours_is_told_with_how_to_ask_for_it() -> None:
    _, (told,), flavours = asked_by_flavour(Server("a", ICOS | KUBERNETES | OTEL))
    assert flavours == {"a": "icos"}
    outcome = times_of(told)
    assert "of flavour kubernetes and opentelemetry, not asked for" in outcome.reason
    assert outcome.state is State.ANSWERED, "nothing that was asked for is missing"
    assert {
        (sample.labels["flavour"], sample.labels["family"], sample.value)
        for sample in outcome.families[NOT_ASKED]
    } == {
        ("kubernetes", "kube_node_info", 3.0),
        ("kubernetes", "kube_pod_info", 20.0),
        ("opentelemetry", "k8s_pod_phase", 20.0),
    }


def test_what_else_there_is_stays_told_between_looks() -> None:
    server = Server("a", ICOS | KUBERNETES)

    async def test(asker: Asker) -> None:
        for _ in range(2):
            _, (told,), _ = await asker.ask_by_flavour()
            assert NOT_ASKED in times_of(told).families
        assert server.names.count(LOOK.name) == 1

    asking([server], test)


@pytest.mark.parametrize("series", [ICOS, KUBERNETES, OTEL])
def test_upstream_of_one_flavour_has_nothing_else(series: Mapping[str, float]) -> None:
    _, (told,), _ = asked_by_flavour(Server("a", series))
    assert (times_of(told).reason, NOT_ASKED in times_of(told).families) == ("", False)


def test_server_that_is_listed_once_for_each_flavour_has_nothing_else() -> None:
    series = ICOS | KUBERNETES
    first = Server("a", series, url="http://x")
    second = Server("b", series, url="http://x", flavour="kubernetes")
    _, told, flavours = asked_by_flavour(first, second)
    assert flavours == {"a": "icos", "b": "kubernetes"}
    assert [times_of(one).reason for one in told] == ["", ""]


@pytest.mark.parametrize(
    "other", [{"url": "http://y"}, {"url": "http://x", "headers": {"X-Scope-OrgID": "other"}}]
)
def test_another_server_or_tenant_is_asked_for_nothing_of_this_one(other: dict[str, Any]) -> None:
    series = ICOS | KUBERNETES
    first = Server("a", series, url="http://x")
    second = Server("b", series, flavour="kubernetes", **other)
    _, (told, _), _ = asked_by_flavour(first, second)
    assert "not asked for" in times_of(told).reason


def test_count_that_cannot_be_is_none() -> None:
    series = ICOS | {"kube_pod_info": float("nan"), "k8s_pod_phase": float("inf")}
    _, (told,), _ = asked_by_flavour(Server("a", series))
    assert [sample.value for sample in times_of(told).families[NOT_ASKED]] == [0, 0]


# What is enough for an answer.

NEEDED, OTHER = question("needed"), question("other")


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (["late"], UpstreamsLate),
        (["silent"], UpstreamsSilent),
        (["wrong"], UpstreamsBroken),
        (["passing"], UpstreamsBroken),
        (["late", "late"], UpstreamsLate),
        (["silent", "silent"], UpstreamsSilent),
        (["late", "silent"], UpstreamsBroken),
        (["late", "wrong"], UpstreamsBroken),
        (["silent", "wrong"], UpstreamsBroken),
        ([], UpstreamsBroken),
    ],
)
def test_error_says_what_all_of_them_did(faults: list[str], kind: type[UpstreamError]) -> None:
    of_kind: dict[str, AskError] = {
        "late": Late("late"),
        "silent": Unreachable("refused"),
        "wrong": Wrong("it answers 400"),
        "passing": Passing("it answers 503"),
    }
    servers = [Server(f"u{number}") for number in range(len(faults))]
    for server, fault in zip(servers, faults, strict=True):
        server.faults[""] = of_kind[fault]
    with pytest.raises(UpstreamError) as raised:
        asking(servers, lambda asker: asker.ask(lambda _: [NEEDED], lambda asked: True))
    assert type(raised.value) is kind
    for server, fault in zip(servers, faults, strict=True):
        assert f"{server.settings.name}: needed: {of_kind[fault]}" in str(raised.value)


def test_error_without_anybody_to_ask_says_so() -> None:
    with pytest.raises(UpstreamsBroken, match="none is known to have what is asked for"):
        asking([Server("a")], lambda asker: asker.ask(lambda _: (), lambda asked: True))


def test_what_is_not_needed_is_not_enough() -> None:
    server = Server("a")
    server.faults["needed"] = Late("late")
    with pytest.raises(UpstreamsLate):
        asking(
            [server],
            lambda asker: asker.ask(lambda _: [NEEDED, OTHER], lambda asked: asked == NEEDED),
        )


@pytest.mark.parametrize("warnings", [(), ("a store is gone",)])
def test_one_that_answers_a_question_that_is_needed_is_enough(warnings: tuple[str, ...]) -> None:
    late, well = Server("late"), Server("well")
    late.faults[""], well.warnings = Late("late"), warnings
    at, told = asking(
        [late, well], lambda asker: asker.ask(lambda _: [NEEDED], lambda asked: asked == NEEDED)
    )
    assert (at, [one.upstream for one in told]) == (NOW, ["late", "well"])


def test_times_alone_are_no_topology() -> None:
    server = Server("a", flavour="kubernetes")
    server.faults[""] = Late("late")
    server.faults[TIMES.name] = None  # type: ignore[assignment]
    with pytest.raises(UpstreamsLate):
        asked_by_flavour(server)
    assert len(server.asked) == 6


def test_no_flavour_anywhere_is_no_topology() -> None:
    with pytest.raises(UpstreamsBroken, match="none is known"):
        asked_by_flavour(Server("a", {}))


# Who answers.


def test_alive_are_those_that_answer_a_question_about_nothing() -> None:
    dead, well = Server("dead"), Server("well")
    dead.faults[""] = Unreachable("refused")
    told = asking([dead, well], lambda asker: asker.alive())
    assert [(one.upstream, answers(one)) for one in told] == [("dead", False), ("well", True)]
    assert [one.promql for one in well.asked] == ["vector(1)"]


def told_of(name: str, *why: str) -> Told:
    return Told(name, [Outcome(NEEDED, State.FAILED, reason) for reason in why])


def test_reasons_are_told_once_each_with_their_upstream() -> None:
    told = [told_of("a", "x", "x", "y"), told_of("b", ""), told_of("c", "z")]
    assert reasons(told) == "a: x, y; c: z"


def test_reasons_have_a_bound() -> None:
    assert len(reasons(told_of(f"u{number}", "z" * 500) for number in range(200))) == 4_000
