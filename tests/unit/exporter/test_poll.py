"""The loop over a source that fails, changes and recovers; time and chance are arguments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest

from costwire_exporter.errors import CountsDisagree, NotPublishable, PublishError, Stopped
from costwire_exporter.metrics import Metrics
from costwire_exporter.poll import Poller
from costwire_exporter.shelf import Delivery
from costwire_exporter.status import Status
from costwire_sources.errors import NotFound, SourceChanged, Unreachable
from costwire_sources.source import Part, Reading, State

INTERVAL = 100.0
MANIFEST: dict[str, Any] = {
    "id": "d1",
    "generation": "2024-12-11T10:00:00Z",
    "rows": {"read": 3, "published": 2, "quarantined": 1},
    "findings": {"R1": {"count": 4}},
    "exposition": {"bytes": 10, "renderer": 1},
}


@dataclass
class AReading:
    state: State
    name: str = "bills"
    months: Sequence[str] = ()
    generation: datetime = datetime(2024, 12, 11, tzinfo=UTC)
    parts: Sequence[Part] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


@dataclass
class Scene:
    """A source and a publisher that do what they are told, and a poller between them."""

    content: str | Exception = "a"
    outcome: Exception | None = None
    name: str = "bills"
    state: State | None = None
    published: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    confirmed: list[State | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.status = Status("bills", lambda: datetime(2024, 12, 12, tzinfo=UTC))
        self.metrics = Metrics(self.status.age_seconds)
        self.poller = Poller(
            self,
            self.publish,
            lambda: self.state,
            self.status,
            self.metrics,
            confirm=lambda: self.confirmed.append(self.state),
            follow=lambda delivery: self.followed.append(delivery.id),
            interval_seconds=INTERVAL,
            retry_base_seconds=1.0,
            jitter=lambda: 1.0,
        )

    def poll(self, previous: State | None) -> AReading | None:
        if isinstance(self.content, Exception):
            raise self.content
        return None if previous == self.content else AReading(State(self.content))

    def publish(self, reading: Reading) -> Delivery | None:
        self.published.append(reading.state)
        if self.outcome:
            raise self.outcome
        self.state = reading.state
        return Delivery(Path("nowhere"), MANIFEST)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"costwire_exporter_{name}", labels)


def test_new_content_is_published_once() -> None:
    scene = Scene()
    assert [scene.poller.look(), scene.poller.look()] == [INTERVAL, INTERVAL]
    assert scene.published == ["a"]
    assert scene.metric("polls_total", result="published") == 1
    assert scene.metric("polls_total", result="unchanged") == 1
    assert scene.metric("delivery_rows", outcome="quarantined") == 1
    assert scene.metric("delivery_findings") == 4


def test_what_an_earlier_process_published_is_confirmed_by_the_first_look_alone() -> None:
    scene = Scene(state=State("a"))
    scene.poller.look()
    scene.poller.look()
    assert (scene.published, scene.confirmed) == ([], ["a"])


def test_sums_that_were_asked_for_are_worked_out_for_what_is_new() -> None:
    scene = Scene()
    scene.poller.look()
    scene.poller.look()
    assert scene.followed == ["d1"]


def test_failing_source_is_tried_again_after_growing_pauses_up_to_the_interval() -> None:
    scene = Scene(SourceChanged("read a.csv: it was rewritten"))
    assert [scene.poller.look() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 64, 100, 100]
    assert scene.metric("consecutive_failures") == 9
    assert scene.metric("last_failure_timestamp_seconds", kind="SourceChanged") == 1733961600


@pytest.mark.parametrize(("asked", "pause"), [(0.5, 1.0), (900.0, 900.0), (1e9, 86_400.0)])
def test_server_that_asks_to_be_left_alone_is_left_alone_for_a_day_at_most(
    asked: float, pause: float
) -> None:
    busy = Unreachable("read bills: the server answered 503")
    busy.retry_after_seconds = asked
    assert Scene(busy).poller.look() == pause


def test_failure_is_told_with_its_reason_also_after_a_success() -> None:
    scene = Scene(NotFound("read bills: there is no such file"))
    scene.poller.look()
    assert scene.status.failure is not None
    scene.content = "a"
    scene.poller.look()
    told = scene.status.to_json()
    assert scene.status.failure is None
    assert told["consecutiveFailures"] == 0
    assert told["lastFailure"] == {
        "at": "2024-12-12T00:00:00.000Z",
        "kind": "NotFound",
        "reason": "read bills: there is no such file",
        "transient": False,
    }


@pytest.mark.parametrize("refusal", [NotPublishable("no FOCUS"), CountsDisagree("1, 2")], ids=type)
def test_refused_content_is_not_read_again_and_stays_a_failure(refusal: PublishError) -> None:
    scene = Scene(outcome=refusal)
    scene.poller.look()
    scene.poller.look()
    assert scene.published == ["a"]
    assert scene.metric("consecutive_failures") == 2
    assert scene.metric("polls_total", result="unchanged") is None


def test_content_that_replaces_a_refused_one_is_read() -> None:
    scene = Scene("a")
    scene.poller.look()
    scene.content, scene.outcome = "b", NotPublishable("no FOCUS")
    scene.poller.look()
    scene.content, scene.outcome = "a", None
    scene.poller.look()
    assert scene.published == ["a", "b", "a"]
    assert scene.status.failure is None


def test_content_that_changed_while_it_was_read_is_read_again() -> None:
    scene = Scene(outcome=SourceChanged("read a.csv: it was rewritten"))
    scene.poller.look()
    scene.poller.look()
    assert scene.published == ["a", "a"]


def test_unexpected_fault_is_a_failure_and_shows_no_internals() -> None:
    scene = Scene(ValueError("secret internals"))
    assert scene.poller.look() == 1
    assert scene.status.failure is not None
    assert "internals" not in scene.status.failure.reason


def test_full_disk_is_told() -> None:
    scene = Scene(outcome=OSError(28, "No space left on device"))
    scene.poller.look()
    assert scene.status.failure is not None
    assert "No space left on device" in scene.status.failure.reason


def test_stop_is_no_failure() -> None:
    scene = Scene(outcome=Stopped("the exporter is being stopped"))
    scene.poller.look()
    assert scene.status.failure is None
