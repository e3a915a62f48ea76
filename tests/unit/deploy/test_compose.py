"""The compose files keep their promises, and say what the code's settings say."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.composition import CORE, EMBEDDED, ROOT, composition, defaults, variables
from tests.support.needs import executable, lack

from costwire_aggregator.settings import Settings as AggregatorSettings
from costwire_aggregator.upstreams.settings import read_upstreams
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
FILES = {"cratedb": (CORE,), "embedded": (CORE, EMBEDDED)}
WHOLE = {kind: composition(*files) for kind, files in FILES.items()}
PROMETHEUS = ROOT / "deploy" / "prometheus" / "prometheus.yml"
_PREFIXES = ("AGGREGATOR_", "EXPORTER_", "HANDLER_", "SCRAPER_")
_VERSION = re.compile(r"[a-z/]+[a-z]:v?\d+\.\d+\.\d+(-[a-z]+)*(@sha256:[0-9a-f]{64})?")

Service = dict[str, Any]


def cases(*names: str) -> list[Any]:
    """The services of both compositions, or those named."""
    return [
        pytest.param(service, id=f"{kind}-{name}")
        for kind, whole in WHOLE.items()
        for name, service in whole["services"].items()
        if not names or name in names
    ]


def lasting() -> Iterator[tuple[str, str, Service]]:
    for kind, whole in WHOLE.items():
        for name, service in whole["services"].items():
            if service["restart"] != "no":
                yield kind, name, service


every_container = pytest.mark.parametrize("service", cases())
each_of_ours = pytest.mark.parametrize(
    ("name", "service"),
    [
        pytest.param(name, service, id=f"{kind}-{name}")
        for kind, name, service in lasting()
        if name in SETTINGS
    ],
)


@every_container
def test_a_container_may_write_nowhere_but_its_volumes_and_has_no_rights(service: Service) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "docker.sock" not in json.dumps(service)


@every_container
def test_a_container_has_bounds(service: Service) -> None:
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"]
    assert all("size=" in mount for mount in service["tmpfs"])


@pytest.mark.parametrize("kind", WHOLE)
def test_only_what_starts_as_root_is_given_capabilities(kind: str) -> None:
    given = {name for name, each in WHOLE[kind]["services"].items() if "cap_add" in each}
    assert given == ({"cratedb"} if kind == "cratedb" else set())


@every_container
def test_ports_are_open_to_this_machine_alone(service: Service) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@every_container
def test_images_have_a_version(service: Service) -> None:
    image = service["image"]
    assert _VERSION.fullmatch(image.replace("db-handler", "handler")), image


@every_container
def test_images_of_ours_are_built_and_never_looked_for_elsewhere(service: Service) -> None:
    ours = service["image"].startswith("costwire/")
    assert service.get("pull_policy") == ("never" if ours else None)


@pytest.mark.parametrize(
    "service", [pytest.param(each, id=f"{kind}-{name}") for kind, name, each in lasting()]
)
def test_what_lasts_is_restarted_and_checked(service: Service) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert service["stop_grace_period"]


@each_of_ours
def test_a_service_is_healthy_when_it_is_ready(name: str, service: Service) -> None:
    probe = service["healthcheck"]["test"]
    assert probe[:2] == ["CMD", "/opt/costwire/bin/python"]
    assert '"/-/ready"' in probe[-2]
    assert probe[-1] == str(_default(name, "port"))


@each_of_ours
def test_a_service_has_512_mib_and_the_time_to_stop(name: str, service: Service) -> None:
    assert service["mem_limit"] == "512m"
    seconds = int(service["stop_grace_period"].removesuffix("s"))
    assert seconds > _default(name, "shutdown_grace_seconds")


def test_the_handler_ends_queries_before_its_container_is_full() -> None:
    assert HandlerSettings().process_memory_mib < 512


def test_the_aggregator_refuses_answers_before_its_container_is_full() -> None:
    service = WHOLE["cratedb"]["services"]["aggregator"]
    memory = int(service["mem_limit"].removesuffix("m"))
    # Four to seven times what is read, and room for a bill.
    assert 10 * int(service["environment"]["AGGREGATOR_ANSWERS_MIB"]) < memory


@each_of_ours
def test_ports_and_data_are_where_the_image_has_them(name: str, service: Service) -> None:
    image = (ROOT / "services" / name / "Dockerfile").read_text("utf-8")
    (exposed,) = re.findall(r"^EXPOSE (.+)$", image, re.MULTILINE)
    assert exposed.split()[0] == str(_default(name, "port"))
    published = [port.rpartition(":")[2] for port in service.get("ports", [])]
    assert published in ([], exposed.split())
    if "volumes" in service:
        assert service["volumes"][0] == f"{name.removeprefix('db-')}-data:/var/lib/costwire"
    assert ("volumes" in service) == ("=/var/lib/costwire\n" in image)


def test_grpc_is_published_where_the_image_has_it() -> None:
    image = (ROOT / "services" / "aggregator" / "Dockerfile").read_text("utf-8")
    (port,) = re.findall(r"GRPC_PORT=(\d+)", image)
    for whole in WHOLE.values():
        assert whole["services"]["aggregator"]["ports"][1] == f"127.0.0.1:8181:{port}"


@each_of_ours
def test_what_a_service_is_told_are_settings_of_it(
    name: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = service["environment"]
    assert told.keys() <= {each.variable for each in documented_settings(SETTINGS[name])}
    _settings_of(name, told, monkeypatch)


def test_several_upstreams_are_handed_on_as_the_docs_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "compose.md").read_text("utf-8")
    (told,) = (one for one in _examples(page) if "configs" in one)
    (changed,) = told["services"].values()
    (config,) = changed["configs"]
    assert config["target"] == changed["environment"]["AGGREGATOR_UPSTREAMS_FILE"]
    assert told["configs"].keys() == {config["source"]}
    file = tmp_path / "upstreams.yaml"
    file.write_text(_upstreams_of_the_docs(), "utf-8")
    environment = WHOLE["cratedb"]["services"]["aggregator"]["environment"]
    environment = {**environment, **changed["environment"], "AGGREGATOR_UPSTREAMS_FILE": file}
    settings = _settings_of("aggregator", environment, monkeypatch)
    assert isinstance(settings, AggregatorSettings)
    assert settings.prometheus_address is None
    assert settings.upstreams_file is not None
    assert [one.name for one in read_upstreams(settings.upstreams_file)] == ["north", "south"]


@each_of_ours
def test_passwords_come_from_files_of_the_service_alone(name: str, service: Service) -> None:
    for variable, value in service["environment"].items():
        if "PASSWORD" in variable:
            assert variable.endswith("_PASSWORD_FILE")
            assert Path(value).parent == Path("/run/secrets")
            assert Path(value).name in service["secrets"]


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_what_is_waited_for_is_there_and_comes_about(whole: dict[str, Any]) -> None:
    services = whole["services"]
    ended = set()
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            if condition == "service_healthy":
                assert "healthcheck" in services[name]
            if condition == "service_completed_successfully":
                ended.add(name)
            assert name in services
    assert ended == {name for name, each in services.items() if each["restart"] == "no"}


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_what_is_declared_is_used_and_what_is_used_is_declared(whole: dict[str, Any]) -> None:
    for section in ("volumes", "networks", "secrets", "configs"):
        used = {
            _name_of(each)
            for service in whole["services"].values()
            for each in service.get(section, [])
        }
        assert used - {None} == set(whole[section]), section
    assert all((ROOT / each["file"]).is_file() for each in whole["configs"].values())
    # Nothing that git would take: the folder's own .gitignore keeps it out.
    assert {str(Path(each["file"]).parent) for each in whole["secrets"].values()} == {
        "deploy/secrets"
    }
    assert "\n*\n" in (ROOT / "deploy" / "secrets" / ".gitignore").read_text("utf-8")


def test_nothing_but_the_handler_reaches_the_database() -> None:
    whole = WHOLE["cratedb"]
    reaching = {n for n, each in whole["services"].items() if "store" in each.get("networks", [])}
    assert reaching == {"cratedb", "db-handler"}
    assert whole["networks"]["store"] == {"internal": True}
    assert "ports" not in whole["services"]["cratedb"]


def test_the_superuser_is_trusted_only_from_within() -> None:
    command = WHOLE["cratedb"]["services"]["cratedb"]["command"]
    rules = [each.partition(".config.")[2] for each in command if ".config." in each]
    assert "-Cauth.host_based.enabled=true" in command
    assert rules == ["0.user=crate", "0.address=_local_", "0.method=trust", "99.method=password"]


def test_without_cratedb_nothing_speaks_of_it() -> None:
    assert "cratedb" not in json.dumps(WHOLE["embedded"]).lower()
    assert "depends_on" not in WHOLE["embedded"]["services"]["db-handler"]


def test_every_default_is_used_and_every_variable_has_one() -> None:
    assert variables(CORE) == set(defaults())
    assert variables(EMBEDDED) == set()


def test_defaults_hold_no_password() -> None:
    assert not [name for name in defaults() if re.search("PASSWORD|SECRET|TOKEN|KEY", name)]


def test_prometheus_is_given_sums_and_never_raw_charges() -> None:
    jobs = yaml.safe_load(PROMETHEUS.read_text("utf-8"))["scrape_configs"]
    costs = [job for job in jobs if "exporter:2112" in _targets(job) and "metrics_path" not in job]
    assert [job.get("params") for job in costs] == [{"by": ["ServiceName,RegionId"]}]


def test_prometheus_looks_at_every_service() -> None:
    jobs = yaml.safe_load(PROMETHEUS.read_text("utf-8"))["scrape_configs"]
    own = [job for job in jobs if job.get("metrics_path") == "/-/metrics"]
    targets = {f"{name}:{_default(name, 'port')}" for name in SETTINGS}
    assert [set(_targets(job)) for job in own] == [targets]


def test_prometheus_keeps_the_clusters_names_as_they_are_told() -> None:
    jobs = yaml.safe_load(PROMETHEUS.read_text("utf-8"))["scrape_configs"]
    (job,) = (one for one in jobs if one["job_name"] == "clusters")
    assert job["honor_labels"] is True
    assert _targets(job) == [f"aggregator:{_default('aggregator', 'port')}"]
    assert "metrics_path" not in job


def test_every_user_has_a_password_that_make_makes() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (made,) = re.findall(r"for user in ([a-z -]+); do", makefile)
    assert {*made.split()} == WHOLE["cratedb"]["secrets"].keys()


def test_prometheus_takes_its_configuration() -> None:
    checked = subprocess.run(
        [executable("promtool"), "check", "config", str(PROMETHEUS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("kind", WHOLE)
def test_the_files_fit_the_schema_of_compose(kind: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        lack("compose-schema", "pip install check-jsonschema, which has the schema of compose")
    file = tmp_path / "compose.json"
    file.write_text(json.dumps(WHOLE[kind]), "utf-8")
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", str(file)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("kind", WHOLE)
def test_compose_reads_the_files_as_these_tests_do(kind: str) -> None:
    """Its own order and notation differ; services, settings and secrets must not."""
    files = [option for file in FILES[kind] for option in ("--file", file)]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    read = subprocess.run(
        [*_compose(), *files, "config", "--format", "json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(read.stdout)
    ours = WHOLE[kind]
    assert theirs["services"].keys() == ours["services"].keys()
    for section in ("volumes", "networks", "secrets", "configs"):
        assert theirs[section].keys() == ours[section].keys(), section
    for name, service in theirs["services"].items():
        assert (service.get("environment") or {}) == (
            ours["services"][name].get("environment") or {}
        )
        assert (service.get("depends_on") or {}).keys() == (
            ours["services"][name].get("depends_on") or {}
        ).keys()


def _compose() -> list[str]:
    told = os.environ.get("COSTWIRE_TEST_COMPOSE")
    command = [told] if told else ["docker", "compose"]
    found = shutil.which(command[0])
    if found is None or subprocess.run([*command, "version"], capture_output=True).returncode:
        lack("compose", "docker has no compose; name a docker-compose with COSTWIRE_TEST_COMPOSE")
    return command


def _settings_of(
    name: str, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> ServiceSettings:
    """What a service reads of its environment, of which these variables are all."""
    for variable in os.environ:
        if variable.startswith(_PREFIXES):
            monkeypatch.delenv(variable)
    for variable, value in told.items():
        if value is not None:
            monkeypatch.setenv(variable, str(value))
    return SETTINGS[name]()  # type: ignore[call-arg]  # environment


def _examples(page: str) -> Iterator[dict[str, Any]]:
    """The YAML of a page."""
    return map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))


def _upstreams_of_the_docs() -> str:
    page = (ROOT / "docs" / "aggregator.md").read_text("utf-8")
    (told,) = (one for one in _examples(page) if "upstreams" in one)
    return json.dumps({"upstreams": told["upstreams"]})


def _default(name: str, field: str) -> Any:
    return SETTINGS[name].model_fields[field].default


def _targets(job: dict[str, Any]) -> list[str]:
    return [target for group in job["static_configs"] for target in group["targets"]]


def _name_of(used: str | dict[str, Any]) -> str | None:
    """What a service uses by this entry; None for a folder of the machine."""
    if isinstance(used, str):
        return used.partition(":")[0]
    return None if used.get("type") == "bind" else used["source"]
