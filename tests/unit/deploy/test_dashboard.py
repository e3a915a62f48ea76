"""The dashboard that is shipped: sound, and of nothing that the aggregator does not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.routing import Route
from tests.support.dashboard import DASHBOARD, Panel, targets

from costwire_aggregator.app import create_app
from costwire_aggregator.settings import Settings
from costwire_aggregator.web.gauges import GAUGES

PANELS: list[Panel] = DASHBOARD["panels"]
COLUMNS = 24
OF_CLUSTERS = re.compile(r"costwire_cluster_\w+")
AGGREGATOR = "${aggregator:raw}"
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def links(part: Any) -> Iterator[str]:
    """Every address in a part of the dashboard."""
    if isinstance(part, list):
        for one in part:
            yield from links(one)
    elif isinstance(part, dict):
        if isinstance(part.get("url"), str):
            yield part["url"]
        for one in part.values():
            yield from links(one)


def datasources(part: Any) -> Iterator[Any]:
    if isinstance(part, list):
        for one in part:
            yield from datasources(one)
    elif isinstance(part, dict):
        if "datasource" in part:
            yield part["datasource"]
        for one in part.values():
            yield from datasources(one)


def test_panels_are_told_apart_by_their_ids() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len({*ids}) == len(ids)
    for panel in PANELS:
        references = [target["refId"] for target in panel.get("targets", [])]
        assert len({*references}) == len(references)


def test_panels_lie_beside_one_another() -> None:
    cells: dict[int, set[tuple[int, int]]] = {}
    for panel in PANELS:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= COLUMNS
        cells[panel["id"]] = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
    for one, other in combinations(cells, 2):
        assert not cells[one] & cells[other], (one, other)
    whole = set().union(*cells.values())
    assert len(whole) == COLUMNS * (1 + max(y for _, y in whole))


def test_every_gauge_is_shown_and_nothing_else() -> None:
    shown = {
        name for _, target in targets() for name in re.findall(r"costwire_\w+", target["expr"])
    }
    assert shown == {*GAUGES}


def test_choice_of_clusters_holds_wherever_there_are_clusters() -> None:
    for panel, target in targets():
        for found in OF_CLUSTERS.finditer(target["expr"]):
            chosen = target["expr"][found.end() :].startswith('{cluster=~"$cluster"}')
            assert chosen, (panel["title"], target["expr"])


def test_data_source_is_the_one_that_is_chosen() -> None:
    assert {json.dumps(one) for one in datasources(DASHBOARD)} == {
        json.dumps({"type": "prometheus", "uid": "${datasource}"})
    }


def test_variables_are_those_that_are_used() -> None:
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    used = re.findall(r"\$(?:(\w+)|\{(\w+)[:}])", json.dumps(DASHBOARD))
    assert {one or other for one, other in used} - {"__all"} == {*variables}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["cluster"]["multi"]
    assert variables["cluster"]["includeAll"]


@each_panel
def test_panel_says_what_it_shows(panel: Panel) -> None:
    assert panel["type"] == "row" or panel["description"].endswith(".")


def names_before(panel: Panel) -> set[str]:
    """The columns of a table, before they are renamed: Grafana numbers values where several are."""
    references = [target["refId"] for target in panel["targets"]]
    values = {f"Value #{name}" for name in references} if len(references) > 1 else {"Value"}
    (labels,) = {
        tuple(re.findall(r"by \((.*?)\)", target["expr"])[0].split(", "))
        for target in panel["targets"]
    }
    return {"Time", *labels, *values}


@pytest.mark.parametrize(
    "panel",
    [panel for panel in PANELS if panel["type"] == "table"],
    ids=lambda panel: panel["title"],
)
def test_columns_of_tables_are_those_that_there_are(panel: Panel) -> None:
    columns = names_before(panel)
    (told,) = (one["options"] for one in panel["transformations"] if one["id"] == "organize")
    assert columns - {"Time"} == told["renameByName"].keys() == told["indexByName"].keys()
    titles = {*told["renameByName"].values()}
    assert len(titles) == len(columns) - 1
    assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= titles
    assert {each["displayName"] for each in panel["options"]["sortBy"]} <= titles
    for url in links(panel):
        assert {*re.findall(r"__data\.fields\.(\w+)", url)} <= titles
    assert all(target["instant"] and target["format"] == "table" for target in panel["targets"])


def test_links_lead_to_pages_that_there_are() -> None:
    app = create_app(Settings.model_validate({"prometheus_address": "http://prometheus:9090"}))
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    found = {*links(DASHBOARD)}
    assert len(found) > 1
    for url in found:
        assert url.startswith(AGGREGATOR)
        parts = urlsplit(url.removeprefix(AGGREGATOR))
        assert parts.path in paths
        assert [*parse_qs(parts.query)] == (["key"] if parts.path.endswith("/cluster") else [])
        for value in re.findall(r"\$\{__[^}]*\}", parts.query):
            assert value.endswith(":percentencode}")
