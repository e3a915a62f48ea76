"""Parts of open deliveries: in the database for everybody, at hand for whoever was sent them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.factories import a_report, charges, clock

from costwire_db_handler.charges import staging
from costwire_db_handler.charges.prepare import Prepared
from costwire_db_handler.charges.staging import write_part
from costwire_db_handler.errors import PartDiffers
from costwire_db_handler.stores.cratedb import parts
from costwire_db_handler.stores.cratedb.cluster import Session
from costwire_db_handler.stores.cratedb.failures import StoreUnreachable
from costwire_db_handler.stores.cratedb.parts import PartsStore

from .deliver import deliver, opened

OpenReplica = Any
REPORT = a_report(charges(30), part_rows=7)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "parts").rglob("*") if path.is_file())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The parts that were read from the database."""
    numbers: list[int] = []
    read = PartsStore._piece

    def piece(self: PartsStore, session: Session, commit: int, seq: int, *more: Any) -> bytes:
        numbers.append(seq)
        return read(self, session, commit, seq, *more)

    monkeypatch.setattr(PartsStore, "_piece", piece)
    return numbers


def test_whoever_was_sent_parts_does_not_ask_for_them(
    replica: OpenReplica, tmp_path: Path, asked: list[int]
) -> None:
    store = replica("one").own
    entry = opened(store, REPORT)
    assert len(files(tmp_path / "one")) == 5
    assert store.commit(entry.commit, clock).balanced
    assert (asked, files(tmp_path / "one")) == ([], [])


def test_a_part_whose_file_is_lost_comes_from_the_database(
    replica: OpenReplica, tmp_path: Path, asked: list[int]
) -> None:
    store = replica("one").own
    entry = opened(store, REPORT)
    for path in (tmp_path / "one" / "parts").rglob("00000003-*"):
        path.unlink()
    assert store.commit(entry.commit, clock).balanced
    assert asked == [3]


def test_files_of_what_another_settled_are_not_kept_for_ever(
    replica: OpenReplica, tmp_path: Path, asked: list[int]
) -> None:
    one, two = replica("one").own, replica("two").own
    mine = opened(one, a_report(charges(8), source="mine"))
    entry = opened(one, REPORT)
    assert two.commit(entry.commit, clock).balanced
    assert asked == [0, 1, 2, 3, 4]
    assert len(files(tmp_path / "one")) == 6
    deliver(one, a_report(charges(3, ServiceName="new"), source="new"))
    assert len(files(tmp_path / "one")) == 1
    assert one.commit(mine.commit, clock).balanced
    assert asked == [0, 1, 2, 3, 4]


def written_otherwise(path: Path, part: Prepared, digest: str) -> None:
    """The same part in other bytes: its columns in another order."""
    names = part.charges.column_names[::-1]
    write_part(path, replace(part, charges=part.charges.select(names)), digest)


def test_pieces_of_two_writers_are_never_put_together(
    replica: OpenReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one ends before its last word; its bytes need not be those of the second."""
    one, two, three = (replica(name).own for name in ("one", "two", "three"))
    entry = one.open_delivery(REPORT.manifest, clock)
    monkeypatch.setattr(parts, "_PIECE_BYTES", 1_000)
    execute = Session.execute

    def dies(self: Session, statement: str, *how: Any, **more: Any) -> Any:
        if statement.startswith("INSERT INTO costwire.parts"):
            raise StoreUnreachable("killed")
        return execute(self, statement, *how, **more)

    with monkeypatch.context() as killed:
        killed.setattr(Session, "execute", dies)
        killed.setattr(staging, "write_part", written_otherwise)
        with pytest.raises(StoreUnreachable):
            opened(one, REPORT)
    assert opened(two, REPORT).commit == entry.commit
    assert three.commit(entry.commit, clock).balanced


def test_parts_of_another_version_are_to_be_sent_again(
    replica: OpenReplica, session: Session
) -> None:
    """So the scraper aborts the delivery, and brings it anew."""
    store = replica().own
    entry = opened(store, REPORT)
    session.execute("UPDATE costwire.parts SET digest = 'x'")
    session.execute("REFRESH TABLE costwire.parts")
    with pytest.raises(PartDiffers):
        opened(store, REPORT)
    store.abort(entry.commit, clock)
    assert deliver(store, REPORT).balanced
