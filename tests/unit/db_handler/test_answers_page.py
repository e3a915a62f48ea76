"""The page of answers across time: its examples are the API's own, which are sent live."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from costwire_db_handler.answers import changes, costs, export, invoices
from costwire_db_handler.answers.changed import Kind
from costwire_db_handler.openapi import document
from costwire_db_handler.openapi.answer_examples import (
    CHANGES,
    CHANGES_CSV,
    CONVERTED,
    COSTS,
    RATES_CSV,
)
from costwire_focus.amounts import COST_COLUMNS

PAGE = (Path(__file__).parents[3] / "docs" / "answers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_examples_are_those_that_are_sent_live() -> None:
    assert [json.loads(block) for block in blocks("json")] == [COSTS, CHANGES, CONVERTED]
    assert blocks("csv") == [RATES_CSV, CHANGES_CSV]


@pytest.mark.parametrize(
    "name",
    sorted({*costs.PARAMETERS, *changes.PARAMETERS, *export.PARAMETERS, *invoices.PARAMETERS}),
)
def test_every_parameter_is_told(name: str) -> None:
    assert f"`{name}`" in PAGE or f"{name}=" in PAGE


@pytest.mark.parametrize("word", [*Kind, *COST_COLUMNS])
def test_every_kind_of_change_and_every_metric_is_told(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_every_problem_of_a_question_is_told() -> None:
    paths = document()["paths"]
    told = {
        example["value"]["type"].rpartition(":")[2]
        for path in ("/costs", "/changes", "/rates", "/invoices", "/export")
        for operation in paths[path].values()
        for response in operation["responses"].values()
        for media, body in response.get("content", {}).items()
        if media == "application/problem+json"
        for example in body.get("examples", {}).values()
    }
    general = {"unauthorized", "too-many-failures", "forbidden", "internal"}
    general |= {"request-timed-out", "too-large", "url-too-long", "headers-too-large"}
    lacking = {slug for slug in told - general if f"`{slug}`" not in PAGE}
    assert lacking == set()
