"""What drifts is told, and what does not is not."""

from instructions import STEPS, drifted
from stages import named


def test_steps_that_take_more_or_less_than_the_margin_are_told() -> None:
    before = {"parse": 1_000, "publish": 1_000, "validate": 1_000}
    assert drifted({"parse": 1_060, "publish": 930, "validate": 1_040}, before) == [
        "parse: +6% instructions since the committed count",
        "publish: -7% instructions since the committed count",
    ]


def test_a_step_that_was_never_counted_has_not_drifted() -> None:
    assert drifted({"parse": 1_000}, {}) == []


def test_every_step_is_a_stage_of_the_bench() -> None:
    assert all(callable(named(step)) for step in STEPS)
