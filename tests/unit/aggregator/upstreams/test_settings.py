"""The file of upstreams: what is wrong is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from costwire_aggregator.upstreams.settings import (
    UpstreamsError,
    UpstreamSettings,
    read_upstreams,
)

ALL = """
upstreams:
  - name: north
    url: https://thanos.north.example:9090/prefix?dedup=false
    kind: thanos
    flavour: icos
    external_labels: {cluster: north}
    replica_labels: [replica, prometheus_replica]
    priority: 2
    timeout_seconds: 3
    basic_auth: {username: jo, password_file: FILE}
    headers: {X-Scope-OrgID: tenant}
  - name: south
    url: http://prometheus.south.example:9090
"""


def read(folder: Path, text: str) -> tuple[UpstreamSettings, ...]:
    file = folder / "upstreams.yaml"
    file.write_text(text, encoding="utf-8")
    return read_upstreams(file)


def test_upstreams_are_read_with_what_prometheus_calls_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n", encoding="utf-8")
    north, south = read(tmp_path, ALL.replace("FILE", str(secret)))
    assert north.endpoint("query") == "https://thanos.north.example:9090/prefix/api/v1/query"
    assert north.parameters() == [("dedup", "false"), ("partial_response", "true")]
    assert north.sign_in() == ("jo", "hush")
    assert north.replica_labels == ("replica", "prometheus_replica")
    assert south.parameters() == []
    assert south.sign_in() is None
    assert south.tls() is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file: "),
        ("upstreams: []", "upstreams: "),
        ('upstreams:\n  - {name: "a\\n", url: "http://p"}', "upstreams.0.name: "),
        ("upstreams:\n  - {name: a, url: prometheus}", "upstreams.0.url: give an address"),
        ("upstreams:\n  - {name: a, url: 'http://p', color: red}", "upstreams.0.color: "),
        ("upstreams:\n  - {name: a, url: 'http://p', kind: influx}", "upstreams.0.kind: "),
        (
            "upstreams:\n  - {name: a, url: 'http://p'}\n  - {name: a, url: 'http://q'}",
            "two upstreams are called a",
        ),
        (
            "upstreams:\n  - {name: a, url: 'http://p', basic_auth: {username: u}}",
            "upstreams.0.basic_auth: give password or password_file",
        ),
        (
            "upstreams:\n  - {name: a, url: 'http://u:p@h', authorization: {credentials: t}}",
            "upstreams.0: give basic_auth, authorization, or user:password@ in the URL",
        ),
        (
            "upstreams:\n  - {name: a, url: 'http://p', tls_config: {key_file: k}}",
            "give cert_file and key_file, or neither",
        ),
        ("upstreams:\n  - {name: a", "it is no YAML in line 2"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UpstreamsError) as error:
        read(tmp_path, text)
    assert told in str(error.value)


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UpstreamsError, match="No such file"):
        read_upstreams(tmp_path / "none.yaml")


def test_secrets_are_in_no_representation_and_in_no_error(tmp_path: Path) -> None:
    signed = "upstreams:\n  - {name: a, url: 'http://u:hush@h', authorization: {credentials: hush}}"
    with pytest.raises(UpstreamsError) as error:
        read(tmp_path, signed)
    assert "hush" not in str(error.value)
    (upstream,) = read(
        tmp_path, "upstreams:\n  - {name: a, url: 'http://h', authorization: {credentials: hush}}"
    )
    assert "hush" not in repr(upstream)
    assert upstream.token() == "Bearer hush"
