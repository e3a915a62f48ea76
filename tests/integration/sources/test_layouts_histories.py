"""Random histories of exports: what is read is always the newest finished state of every month."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.layouts import AwsExport, AzureExport, Disk, figures, month_rows, rows_of

from costwire_sources import open_source
from costwire_sources.errors import Incomplete

MONTHS = ("2024-09", "2024-10")
PERIODS = {"2024-09": "20240901-20240930", "2024-10": "20241001-20241031"}
Write = Callable[[str, list[list[dict[str, str]]], bool], object]


def aws(place: Disk, *, keeps: bool) -> Write:
    export = AwsExport(place, keeps=keeps)
    return lambda month, chunks, finished: export.write(month, chunks, finished=finished)


def azure(place: Disk, *, timed: bool) -> Write:
    export = AzureExport(place, timed=timed)
    return lambda month, chunks, finished: export.write(PERIODS[month], chunks, finished=finished)


steps = st.lists(
    st.tuples(st.sampled_from(MONTHS), st.integers(1, 3), st.integers(1, 9), st.booleans()),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize(
    "kind", ["aws overwritten", "aws kept", "azure in dated runs", "azure in runs by id"]
)
@given(history=steps)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_newest_finished_state_of_every_month_is_what_is_read(
    kind: str, history: list[tuple[str, int, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder: Path = tmp_path_factory.mktemp("export")
    place = Disk(folder)
    write = {
        "aws overwritten": aws(place, keeps=False),
        "aws kept": aws(place, keeps=True),
        "azure in dated runs": azure(place, timed=True),
        "azure in runs by id": azure(place, timed=False),
    }[kind]
    state: dict[str, list[dict[str, str]]] = {}
    begun: set[str] = set()
    for number, (month, chunks, size, finished) in enumerate(history):
        rows = month_rows(month, size * chunks, EffectiveCost=f"{number}.125")
        write(month, [rows[at::chunks] for at in range(chunks)], finished)
        begun.discard(month)
        if finished:
            state[month] = rows
        elif month in state and kind == "aws overwritten":
            begun.add(month)
        if begun or not state:
            with pytest.raises(Incomplete):
                open_source(str(folder)).poll(None)
            continue
        reading = open_source(str(folder)).poll(None)
        assert reading is not None
        assert reading.months == tuple(sorted(state))
        assert figures(rows_of(reading)) == figures(
            [row for month in sorted(state) for row in state[month]]
        )
