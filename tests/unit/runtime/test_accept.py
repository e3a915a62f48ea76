"""The form that a client likes best, of those that there are."""

import pytest

from costwire_runtime.accept import preferred
from costwire_runtime.problems import NotAcceptable

OFFERED = ["application/json", "text/csv"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("application/json;q=0.1, text/csv", "text/csv"),
        ("application/json;q=0, */*;q=0.5", "text/csv"),
        ("image/png, text/csv;q=0.2", "text/csv"),
        ("text/csv;q=x, application/json;q=0.1", "application/json"),
    ],
)
def test_best_of_what_is_accepted_is_given(accept: str | None, form: str) -> None:
    assert preferred(accept, OFFERED) == form


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "nonsense"])
def test_nothing_that_is_accepted_is_a_problem(accept: str) -> None:
    with pytest.raises(NotAcceptable, match=r"application/json, text/csv"):
        preferred(accept, OFFERED)
