"""Parts of open deliveries in CrateDB, so that any handler can commit what others were sent.

The bytes of a part are those of its file on disk elsewhere, in base64 and in pieces. A part is
there once its row is, which is written after its pieces. The same charges make no two equal files,
so the row says whose pieces it means: `digest` is the part's own, a blank, and the writer's number.
The handler that was sent a part keeps its file beside that, and need not ask for it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from costwire_db_handler.charges import staging
from costwire_db_handler.charges.prepare import Prepared
from costwire_db_handler.charges.staging import StagedParts
from costwire_db_handler.errors import PartDiffers, StoreBusy
from costwire_db_handler.stores.cratedb.cluster import Session

_PIECE_BYTES = 3 << 20


class PartsStore:
    """The staged parts of all open deliveries; `folder` is for those at hand, and may be lost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def numbers(self, session: Session, commit: int) -> list[int]:
        """The parts that are there."""
        return sorted(self._written(session, commit))

    def holds(self, session: Session, commit: int, seq: int, digest: str) -> bool:
        """Whether a part is there; raises `PartDiffers` when it is there with other bytes."""
        rows = session.execute(
            'SELECT digest FROM costwire.parts WHERE "commit" = ? AND seq = ?', [commit, seq]
        ).rows
        if rows and rows[0][0].rpartition(" ")[0] != digest:
            raise PartDiffers(
                f"stage part {seq}: it was staged before with other bytes; "
                "abort the delivery and open it anew"
            )
        return bool(rows)

    def place(self, session: Session, commit: int, seq: int, part: Prepared, digest: str) -> None:
        """Keep a part as a whole or not at all."""
        writer = uuid.uuid4().hex
        written = f"{digest} {writer}"
        unfinished = self._folder / f"{writer}.unfinished"
        try:
            staging.write_part(unfinished, part, digest)
            pieces = 0
            with unfinished.open("rb") as file:
                while chunk := file.read(_PIECE_BYTES):
                    text = base64.b64encode(chunk).decode()
                    session.execute(
                        'INSERT INTO costwire.pieces ("commit", seq, digest, number, bytes) '
                        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                        [commit, seq, written, pieces, text],
                        repeatable=True,
                    )
                    pieces += 1
            session.execute(
                'INSERT INTO costwire.parts ("commit", seq, digest, pieces) '
                "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [commit, seq, written, pieces],
                repeatable=True,
            )
            self.holds(session, commit, seq, digest)
            kept = self._kept(commit, seq, written)
            with contextlib.suppress(FileNotFoundError):  # of a delivery that is settled meanwhile
                kept.parent.mkdir(exist_ok=True)
                unfinished.replace(kept)
        finally:
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def at_hand(self, session: Session, commit: int) -> Iterator[StagedParts]:
        """The parts that are there now, as files."""
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=f"{commit}-") as name:
            folder = Path(name)
            for seq, (written, pieces) in self._written(session, commit).items():
                path = staging.part_path(folder, seq)
                try:
                    os.link(self._kept(commit, seq, written), path)
                except OSError:  # it is not there, or its disk knows no links
                    with path.open("wb") as file:
                        for number in range(pieces):
                            file.write(self._piece(session, commit, seq, written, number))
            yield StagedParts(folder)

    def keep_only(self, commits: Collection[int]) -> None:
        """Remove the files of deliveries that are open no more: another handler settled them."""
        kept = {f"{commit}" for commit in commits}
        for path in self._folder.iterdir():
            if path.name.isdecimal() and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def commits(self, session: Session) -> list[int]:
        """The deliveries that have parts."""
        session.execute("REFRESH TABLE costwire.pieces")
        rows = session.execute('SELECT DISTINCT "commit" FROM costwire.pieces LIMIT 100000').rows
        return [commit for (commit,) in rows]

    def clear(self, session: Session, commit: int) -> None:
        """Remove all parts of a delivery that is open no more."""
        shutil.rmtree(self._folder / f"{commit}", ignore_errors=True)
        session.execute("REFRESH TABLE costwire.parts, costwire.pieces")
        for table in ("parts", "pieces"):
            session.execute(
                f'DELETE FROM costwire.{table} WHERE "commit" = ?', [commit], repeatable=True
            )

    def _kept(self, commit: int, seq: int, written: str) -> Path:
        """Where the file of a part is, if this handler wrote it."""
        return self._folder / f"{commit}" / f"{seq:08}-{written.rpartition(' ')[2]}"

    def _written(self, session: Session, commit: int) -> dict[int, tuple[str, int]]:
        session.execute("REFRESH TABLE costwire.parts")
        rows = session.execute(
            'SELECT seq, digest, pieces FROM costwire.parts WHERE "commit" = ? '
            "ORDER BY seq LIMIT 1000000",
            [commit],
        ).rows
        return {seq: (written, pieces) for seq, written, pieces in rows}

    def _piece(self, session: Session, commit: int, seq: int, written: str, number: int) -> bytes:
        answer = session.execute(
            'SELECT bytes FROM costwire.pieces WHERE "commit" = ? AND seq = ? AND digest = ? '
            "AND number = ?",
            [commit, seq, written, number],
        )
        if not answer.rows:
            raise StoreBusy(f"read part {seq}: the delivery {commit} was given up; open it anew")
        return base64.b64decode(answer.rows[0][0])
