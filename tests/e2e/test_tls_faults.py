"""Between the services, and before a command: unfit TLS is told, and the bill arrives once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.commands import costwire_here
from tests.support.faults import RecordFault
from tests.support.in_process import Pipeline
from tests.support.processes import ServiceProcess
from tests.support.reports import numbered, sums, write_report
from tests.support.store import ADMIN, Store
from tests.support.tls_front import TLS_FAULTS, TlsFront

pytestmark = pytest.mark.faults
TABLE, ROWS = "over_unfit_tls", numbered(30)


class Estate:
    """An exporter and a handler, TLS before each, and who asks them."""

    def __init__(self, folder: Path, store: Store, stack: ExitStack) -> None:
        report = write_report(folder / "bill.csv", ROWS)
        exporter = ServiceProcess(
            "exporter", folder, source=report, table=TABLE, data_dir=folder / "exporter"
        )
        stack.enter_context(exporter.start().wait_until_ready())
        self.exporter = stack.enter_context(TlsFront(exporter.url))
        self.handler = stack.enter_context(TlsFront(store.url))
        self.authority = Authority(folder / "certificates")
        self.store = store
        self._pipeline = Pipeline(store, folder)
        self.mend()

    def mend(self) -> None:
        for front in (self.exporter, self.handler):
            front.show(self.authority.issue("fit"))

    def scrape(self) -> str:
        """What one try to deliver says when it fails; nothing when it doesn't."""
        outcome = self._pipeline.scrape(
            url=self.exporter.url,
            exporter_ca_file=self.authority.file,
            handler_url=self.handler.url,
            handler_ca_file=self.authority.file,
            patience_seconds=0.0,
        )
        return outcome.error or ""

    def ask(self) -> str:
        """What `costwire ledger` says when it fails; nothing when it doesn't."""
        url = self.handler.url.replace("://", f"://{ADMIN}:{self.store.password}@")
        done = costwire_here("ledger", "--store", url, "--ca-file", self.authority.file)
        assert "Traceback" not in done.err
        return done.err if done.status else ""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[Estate]:
    with ExitStack() as stack:
        yield Estate(tmp_path_factory.mktemp("unfit"), store, stack)


@pytest.mark.parametrize("fault", TLS_FAULTS)
@pytest.mark.parametrize("hop", ["exporter", "handler", "command"])
def test_unfit_tls_is_told_and_the_bill_arrives_once_it_is_mended(
    estate: Estate, record_fault: RecordFault, hop: str, fault: str
) -> None:
    spoil, said = TLS_FAULTS[fault]
    spoil(estate.exporter if hop == "exporter" else estate.handler, estate.authority)
    told = estate.ask() if hop == "command" else estate.scrape()
    assert re.search(said, told), told
    estate.mend()
    assert estate.ask() == estate.scrape() == ""
    assert estate.store.shown(TABLE) == (len(ROWS), sums(ROWS)["USD"])
    assert [entry["state"] for entry in estate.store.ledger(TABLE)].count("committed") == 1
    record_fault(f"TLS, {hop}: {fault}", times=1, outcome="told; arrives", lost=0, doubled=0)
