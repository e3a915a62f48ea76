"""Settings and resources of the simulator."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from costwire_focus.estates import demo_estate, infrastructure
from costwire_simulator.run import BadResources, _estate, _settings, read_resources, run


def test_options_come_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_CLUSTERS", "7")
    monkeypatch.setenv("SIMULATOR_NODES", "9")
    settings = _settings(["--clusters", "5", "--flavours", "icos,kubernetes", "--pinned"])
    assert (settings.clusters, settings.nodes, settings.pinned) == (5, 9, True)
    assert settings.flavours == ("icos", "kubernetes")
    assert len(_estate(settings).clusters) == 5


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--clusters", "none"], "SIMULATOR_CLUSTERS: "),
        (["--flavours", "nomad"], "SIMULATOR_FLAVOURS: "),
        (["--interval-seconds", "0"], "SIMULATOR_INTERVAL_SECONDS: "),
    ],
)
def test_wrong_settings_are_told_in_a_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _settings(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(line)


def test_resources_of_bills_make_the_estate(tmp_path: Path) -> None:
    path = tmp_path / "resources.json"
    path.write_text(json.dumps([asdict(one) for one in infrastructure(demo_estate())]))
    estate = _estate(_settings(["--resources-file", str(path), "--pods", "5"]))
    assert [cluster.cloud for cluster in estate.clusters] == ["aws", "azure", "gcp"]
    assert len(estate.clusters[0].slots) == 5 * len(estate.clusters[0].nodes)


@pytest.mark.parametrize("text", ["", "{}", '[{"kind": "machine"}]', '[{"kind": 5}]'])
def test_other_files_are_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "resources.json"
    path.write_text(text)
    with pytest.raises(BadResources, match=r"read .*resources\.json: "):
        read_resources(path)


def test_resources_without_machines_end_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "resources.json"
    path.write_text("[]")
    assert run(["--resources-file", str(path)]) == 1
    assert "names no machine" in capsys.readouterr().err
