"""The whole way over TLS, each end with a certificate that the other one checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import bcrypt
import pytest
from tests.support.certificates import Authority, Pair, web_config
from tests.support.commands import Finished, costwire_here
from tests.support.processes import ServiceProcess
from tests.support.prometheus import Job, Prometheus
from tests.support.reports import numbered, write_report
from tests.support.waiting import until

from costwire_runtime.client import HttpClient, HttpError

ASKS = "RequireAndVerifyClientCert"


class Estate:
    """An exporter and a handler that ask for certificates, and who has one."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.authority = Authority(folder / "certificates")
        self.client = self.authority.issue("client")
        self.data = folder / "data"
        self.exporter = stack.enter_context(
            self._service(
                "exporter",
                source=write_report(folder / "bill.csv", numbered(30)),
                data_dir=folder / "shelf",
                table="secret",
            )
        )
        self.handler = stack.enter_context(self._service("db-handler", data_dir=self.data))

    def _service(self, name: str, **settings: object) -> ServiceProcess:
        folder = self.folder / name
        folder.mkdir()
        asked = {"client_ca_file": self.authority.file, "client_auth_type": ASKS}
        config = web_config(folder, self.authority.issue(name), **asked)
        if name == "exporter":
            hashed = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
            config.write_text(config.read_text() + f"basic_auth_users:\n  ann: {hashed}\n")
        return ServiceProcess(name, folder, web_config_file=config, **settings).start()

    def is_ready(self, service: ServiceProcess) -> bool:
        assert service.is_running(), service.log.read_text()
        if not service.address_file.exists():
            return False
        pair = (self.client.certificate, self.client.key)
        with HttpClient(
            service.url, ca_file=self.authority.file, certificate=pair, retries=0
        ) as client:
            try:
                return client.get("/-/ready").ok
            except HttpError:
                return False

    def scrape(self, pair: Pair | None) -> int:
        """The exit status of a scraper that shows this certificate to both."""
        shown: dict[str, object] = {}
        if pair is not None:
            for who in ("exporter", "handler"):
                shown |= {f"{who}_cert_file": pair.certificate, f"{who}_key_file": pair.key}
        scraper = ServiceProcess(
            "scraper",
            self.folder / "scraper",
            exporter_url=self.exporter.url,
            exporter_ca_file=self.authority.file,
            exporter_user="ann",
            exporter_password="wonderland",
            handler_url=self.handler.url,
            handler_ca_file=self.authority.file,
            handler_password=self.password,
            once=True,
            patience_seconds=0,
            **shown,
        )
        with scraper.start():
            return scraper.wait()

    @property
    def password(self) -> str:
        return (self.data / "admin.password").read_text().strip()

    def command(self, *options: object) -> Finished:
        """`costwire ledger` of the handler's store."""
        url = self.handler.url.replace("://", f"://costwire:{self.password}@")
        return costwire_here("ledger", "--format", "json", "--store", url, *options)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with ExitStack() as stack:
        estate = Estate(tmp_path_factory.mktemp("tls"), stack)
        for service in (estate.exporter, estate.handler):
            until(f"{service.name} is ready", lambda of=service: estate.is_ready(of), 60)
        yield estate


def test_bill_travels_where_both_ends_know_each_other(estate: Estate) -> None:
    assert estate.exporter.url.startswith("https://")
    assert estate.handler.url.startswith("https://")
    assert estate.scrape(estate.client) == 0
    trusted = ("--ca-file", estate.authority.file)
    shown = ("--cert-file", estate.client.certificate, "--key-file", estate.client.key)
    done = estate.command(*trusted, *shown)
    assert done.status == 0, done.err
    assert [entry["rows"]["stored"] for entry in done.json()["deliveries"]] == [30]


def test_scraper_without_a_certificate_gets_nothing(estate: Estate) -> None:
    assert estate.scrape(None) != 0


def test_command_says_what_is_wrong_with_certificates(estate: Estate) -> None:
    untrusted = estate.command()
    assert untrusted.status != 0
    assert "the certificate is not trusted" in untrusted.err
    half = estate.command("--cert-file", estate.client.certificate)
    assert "give --cert-file and --key-file" in half.err
    missing = estate.command("--ca-file", estate.folder / "missing.crt")
    assert "missing.crt: No such file or directory" in missing.err
    assert "Traceback" not in untrusted.err + half.err + missing.err


def test_prometheus_scrapes_over_tls_with_certificate_and_password(estate: Estate) -> None:
    settings = {
        "tls_config": {
            "ca_file": str(estate.authority.file),
            "cert_file": str(estate.client.certificate),
            "key_file": str(estate.client.key),
        },
        "basic_auth": {"username": "ann", "password": "wonderland"},
    }
    job = Job("exporter", estate.exporter.url, "ServiceName", settings)
    with Prometheus(estate.folder / "prometheus", [job]) as prometheus:
        assert prometheus.query("count(focus_billed_cost)")[0][1] > 0
