"""The images of the services have one shape, and hold what their service needs and no more."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from tests.support.composition import ROOT, defaults

from costwire_aggregator.settings import Settings as AggregatorSettings
from costwire_db_handler.settings import Settings as HandlerSettings
from costwire_exporter.settings import Settings as ExporterSettings
from costwire_runtime.settings import ServiceSettings, documented_settings
from costwire_scraper.settings import Settings as ScraperSettings

SETTINGS: dict[str, type[ServiceSettings]] = {
    "aggregator": AggregatorSettings,
    "db-handler": HandlerSettings,
    "exporter": ExporterSettings,
    "scraper": ScraperSettings,
}
each_service = pytest.mark.parametrize("name", SETTINGS)
_ENVIRONMENT = re.compile(
    r"^ {4}((?:AGGREGATOR|EXPORTER|GRPC|HANDLER|SCRAPER)_[A-Z_]+)=", re.MULTILINE
)
_OF_A_FOLDER = re.compile(r"^(RUN install -d|VOLUME| {4}[A-Z_]+_DIR=).*\n", re.MULTILINE)
"""What is for a service that keeps files."""
_COPIED = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


def dockerfile(name: str) -> str:
    return (ROOT / "services" / name / "Dockerfile").read_text("utf-8")


def test_the_dockerfiles_differ_in_names_alone() -> None:
    assert len({_shape(name) for name in SETTINGS}) == 1


def _shape(name: str) -> str:
    """The Dockerfile with blanks where a service's own words stand."""
    text = dockerfile(name)
    prefix = str(SETTINGS[name].model_config["env_prefix"])
    text = re.sub(r'LIBS="[a-z ]+"', 'LIBS=""', text)
    text = _OF_A_FOLDER.sub("", text).replace("    GRPC_PORT=8181\n", "").replace(prefix, "")
    text = re.sub(r"^EXPOSE [\d ]+$", "EXPOSE", text, flags=re.MULTILINE)
    text = text.replace(f"costwire_{name.replace('-', '_')}", "costwire_")
    return text.replace(f"services/{name}/", "services/").replace(f"SERVICE={name}", "SERVICE=")


@each_service
def test_an_image_runs_as_a_user_without_a_name(name: str) -> None:
    final = dockerfile(name).rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.+)$", final, re.MULTILINE) == ["10001:10001"]
    assert final.index("USER") > final.rfind("RUN install")


@each_service
def test_an_image_is_made_of_locked_packages_held_against_their_hashes(name: str) -> None:
    text = dockerfile(name)
    assert text.count("--require-hashes") == 2  # uv's own, and the service's
    assert text.count("constraint requirements.lock") == 3


@each_service
def test_an_image_has_the_libraries_that_its_service_names(name: str) -> None:
    libs = re.findall(r'LIBS="([a-z ]+)"', dockerfile(name))
    assert [set(each.split()) for each in libs] == [_libraries(ROOT / "services" / name)]


def _libraries(package: Path) -> set[str]:
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    found = {
        need.removeprefix("costwire-")
        for need in project["dependencies"]
        if need.startswith("costwire-")
    }
    return found.union(*(_libraries(ROOT / "libs" / lib) for lib in found))


@each_service
def test_what_an_image_sets_are_settings_of_its_service(name: str) -> None:
    known = {each.variable for each in documented_settings(SETTINGS[name])}
    told = set(_ENVIRONMENT.findall(dockerfile(name)))
    assert len(told) == 2
    assert told <= known


@each_service
def test_the_base_is_the_one_of_the_composition(name: str) -> None:
    assert re.findall(r"^ARG BASE=(.+)$", dockerfile(name), re.MULTILINE) == [
        defaults()["BASE_IMAGE"]
    ]


@each_service
def test_nothing_is_copied_that_is_kept_from_the_builder(name: str) -> None:
    """The builder gets what `.dockerignore` lets through, which is little."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    assert allowed == {"pyproject.toml", "requirements.lock", "libs", "services"}
    copied = " ".join(_COPIED.findall(dockerfile(name))).split()
    assert {source.partition("/")[0] for source in copied} <= allowed
