"""A report's server whose TLS is unfit is told with what to do, and read once it is mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support import hostile
from tests.support.certificates import Authority
from tests.support.local_server import LocalServer
from tests.support.tls_front import TLS_FAULTS, TlsFront

from costwire_sources.errors import SourceError
from costwire_sources.http import HttpSource, Patience

PATIENCE = Patience(connect_seconds=5.0, read_seconds=5.0, retries=0)


class _Serving(hostile.Answering):
    body = b"BilledCost\n1.5\n"


@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_unfit_tls_is_told_and_the_report_is_read_once_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    authority = Authority(tmp_path / "ca")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    spoil, said = TLS_FAULTS[fault]
    with LocalServer(_Serving) as server, TlsFront(server.url) as front:
        source = HttpSource(f"{front.url}/bill.csv", spool_folder=tmp_path, patience=PATIENCE)
        spoil(front, authority)
        with pytest.raises(SourceError) as told:
            source.poll(None)
        assert re.search(said, str(told.value)), told.value
        front.show(authority.issue("mended"))
        reading = source.poll(None)
        assert reading is not None
        with reading, reading.parts[0].open() as stream:
            assert stream.read() == _Serving.body
