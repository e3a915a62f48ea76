"""The audit log: chained, mended after a kill, bounded; whatever is done to it is noticed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.factories import NOW

from costwire_db_handler.audit import ACTING, HEAD, LOG, Actor, AuditLog, Head, hash_of, parse_head

Lines = list[bytes]
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def opened(folder: Path, **how: Any) -> AuditLog:
    return AuditLog(folder, clock=lambda: NOW, **how)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    """A log of five entries."""
    log = opened(tmp_path)
    for number in range(5):
        log.note("settled", by="will", address="192.0.2.7", about={"commit": number})
    return log


def test_entries_are_told_in_order_with_who_and_what(log: AuditLog) -> None:
    entries = list(log.entries())
    assert [entry["n"] for entry in entries] == [1, 2, 3, 4, 5]
    first = entries[0]
    assert {name: first[name] for name in ("at", "act", "by", "address", "about")} == {
        "at": "2024-12-11T10:00:00Z",
        "act": "settled",
        "by": "will",
        "address": "192.0.2.7",
        "about": {"commit": 0},
    }
    assert [entry["n"] for entry in log.entries(2, 2)] == [3, 4]


def test_untouched_log_is_whole_also_after_a_restart(log: AuditLog, tmp_path: Path) -> None:
    assert log.verify()[:2] == (5, 1)
    again = opened(tmp_path)
    again.note("exported")
    assert again.verify() == (6, 1, again.head, None)
    assert again.verify(log.head).broken is None


def test_whoever_acts_is_noted(log: AuditLog) -> None:
    token = ACTING.set(Actor("ann", "192.0.2.9"))
    log.note("exported")
    log.note("sign-in failed", address="192.0.2.1")
    ACTING.reset(token)
    log.note("settled")
    told = [(entry["by"], entry["address"]) for entry in log.entries(5)]
    assert told == [("ann", "192.0.2.9"), (None, "192.0.2.1"), (None, None)]


def _changed(lines: Lines) -> None:
    lines[2] = lines[2].replace(b"will", b"rita")


def _hashed_anew(lines: Lines) -> None:
    lines[2] = _hashed(lines[2], by="rita")


def _named_twice(lines: Lines) -> None:
    lines[2] = lines[2].replace(b'"by": "will"', b'"by": "rita", "by": "will"')


def _numbered_twice(lines: Lines) -> None:
    lines[2] = b'{"n": 1, ' + lines[2][1:]


def _spaced(lines: Lines) -> None:
    lines[2] = lines[2].replace(b'"by": ', b'"by":  ')


def _nested(lines: Lines) -> None:
    lines[2] = b"[" * 200_000 + b"\n"


def _nested_within(lines: Lines) -> None:
    deep = b"[" * 2_000 + b"]" * 2_000
    lines[2] = lines[2].replace(b'"will"', deep)


def _acts_oddly(lines: Lines) -> None:
    lines[2] = _hashed(lines[2], act=["settled"])


def _tells_nothing(lines: Lines) -> None:
    lines[2] = _hashed(lines[2], act="rotated")


def _tells_oddly(lines: Lines) -> None:
    lines[2] = _hashed(lines[2], act="rotated", about={"through": [1]})


def _hashed(line: bytes, **what: Any) -> bytes:
    entry = json.loads(line) | what
    return json.dumps(entry | {"hash": hash_of(entry)}).encode() + b"\n"


def _moved(lines: Lines) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def _no_first(lines: Lines) -> None:
    del lines[0]


def _taken_out(lines: Lines) -> None:
    del lines[2]


def _put_in(lines: Lines) -> None:
    lines.insert(3, lines[2])


def _garbled(lines: Lines) -> None:
    lines[2] = b"{]\n"


def _cut_off(lines: Lines) -> None:
    del lines[3:]


def _emptied(lines: Lines) -> None:
    lines.clear()


@pytest.mark.parametrize(
    ("tamper", "first", "why"),
    [
        (_changed, 3, "it was changed"),
        (_hashed_anew, 4, "it does not follow"),
        (_named_twice, 3, "it was changed"),
        (_numbered_twice, 3, "it was changed"),
        (_spaced, 3, "it was changed"),
        (_nested, 3, "it was changed"),
        (_nested_within, 3, "it was changed"),
        (_acts_oddly, 3, "it was changed"),
        (_tells_nothing, 3, "it does not tell what left"),
        (_tells_oddly, 3, "it does not tell what left"),
        (_moved, 4, "it does not follow"),
        (_no_first, 1, "no entry tells that it left"),
        (_taken_out, 4, "it does not follow"),
        (_put_in, 3, "it does not follow"),
        (_garbled, 3, "it was changed"),
        (_cut_off, 4, "it is missing"),
        (_emptied, 1, "it is missing"),
    ],
)
def test_whatever_is_done_to_it_is_told_by_its_first_entry(
    log: AuditLog, tmp_path: Path, tamper: Callable[[Lines], None], first: int, why: str
) -> None:
    path = tmp_path / LOG
    lines = path.read_bytes().splitlines(keepends=True)
    tamper(lines)
    path.write_bytes(b"".join(lines))
    broken = log.verify().broken
    assert broken is not None
    assert broken[0] == first
    assert why in broken[1]


def test_end_that_is_cut_off_is_told_by_a_head_that_was_noted(
    log: AuditLog, tmp_path: Path
) -> None:
    noted, path = log.head, tmp_path / LOG
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    (tmp_path / HEAD).unlink()
    missing = (4, "it is missing, as is all up to entry 5")
    assert log.verify().broken == missing  # whoever wrote it knows
    again = opened(tmp_path)
    assert again.verify().broken is None
    assert again.verify(noted).broken == missing
    # Written on as if nothing had happened, the chain is another.
    again.note("settled")
    again.note("settled")
    assert again.verify(noted).broken == (5, "it is another than the one that was noted")


def test_rewriting_both_files_is_told_while_the_handler_runs(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / LOG
    lines = path.read_bytes().splitlines(keepends=True)
    _last_two_anew(lines)
    path.write_bytes(b"".join(lines))
    (tmp_path / HEAD).write_text(f"5:{json.loads(lines[4])['hash']}\n")
    assert log.verify().broken == (5, "it is another than the one that was noted")


def test_end_that_is_cut_off_while_the_handler_is_away_is_noted(
    log: AuditLog, tmp_path: Path
) -> None:
    path = tmp_path / LOG
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    again = opened(tmp_path)
    again.note("settled")
    assert [entry["act"] for entry in again.entries(3)] == ["truncated", "settled"]
    assert again.verify().broken == (4, "entries before it are missing")


def _last_two_anew(lines: Lines) -> None:
    for number in (3, 4):
        before = json.loads(lines[number - 1])["hash"]
        lines[number] = _hashed(lines[number], by="rita", before=before)


def _last_two_anew_and_one_more(lines: Lines) -> None:
    _last_two_anew(lines)
    lines.append(_hashed(lines[4], n=6, before=json.loads(lines[4])["hash"]))


def _as_if_all_had_left(lines: Lines) -> None:
    lines[:] = [_hashed(lines[4], n=6, act="rotated", about={"through": 5})]


def _last_is_half(lines: Lines) -> None:
    lines[4] = lines[4][:-1]


def _last_is_nested(lines: Lines) -> None:
    lines[4] = b"[" * 200_000 + b"\n"


@pytest.mark.parametrize(
    ("tamper", "told", "first"),
    [
        (_last_two_anew, ["rewritten"], 6),
        (_last_two_anew_and_one_more, ["rewritten"], 7),
        (_as_if_all_had_left, ["rewritten"], 7),
        (_last_is_half, ["mended", "truncated"], 6),
        (_last_is_nested, ["rewritten"], 5),
    ],
)
def test_end_that_is_rewritten_while_the_handler_is_away_is_noted_for_good(
    log: AuditLog,
    tmp_path: Path,
    tamper: Callable[[Lines], None],
    told: list[str],
    first: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path, noted = tmp_path / LOG, log.head
    lines = path.read_bytes().splitlines(keepends=True)
    tamper(lines)
    path.write_bytes(b"".join(lines))
    again = opened(tmp_path)
    assert "the audit log is not as it was left" in caplog.text
    again.note("settled")
    *_, doubt, settled = list(again.entries())
    assert [entry["act"] for entry in again.entries()][-1 - len(told) : -1] == told
    assert doubt["about"] == {"noted": str(noted)}
    assert settled["act"] == "settled"
    broken = opened(tmp_path).verify().broken
    assert broken is not None
    assert broken[0] == first


def test_note_that_a_kill_left_behind_is_no_rewriting(log: AuditLog, tmp_path: Path) -> None:
    before = (tmp_path / HEAD).read_bytes()
    log.note("exported")
    (tmp_path / HEAD).write_bytes(before)
    again = opened(tmp_path)
    assert again.head == log.head
    assert again.verify() == (6, 1, log.head, None)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(about={"source": "\ud83d" + "\ude00", "\udc80": "\ud83d"})
@given(about=st.dictionaries(ANY_TEXT, ANY_TEXT | st.integers() | st.lists(ANY_TEXT)))
def test_whatever_an_entry_is_about_it_is_whole(log: AuditLog, about: dict[str, Any]) -> None:
    log.note("settled", about=about)
    assert log.verify().broken is None


@pytest.mark.parametrize("left", [b"{", b'{"n": 6, "act": "set', b"\xff\xfe"])
def test_line_that_a_kill_cut_off_is_mended_and_told(
    log: AuditLog, tmp_path: Path, left: bytes
) -> None:
    with (tmp_path / LOG).open("ab") as file:
        file.write(left)
    again = opened(tmp_path)
    (told,) = again.entries(5)
    assert (told["act"], told["about"]) == ("mended", {"bytes": len(left)})
    assert again.verify().broken is None


def test_entries_outlive_kills(tmp_path: Path) -> None:
    program = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from costwire_db_handler.audit import AuditLog\n"
        "log = AuditLog(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))\n"
        "while True: log.note('settled', about={'text': 'x' * 200}); print(log.head, flush=True)\n"
    )
    for times in (3, 40, 11):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(times)]
            process.send_signal(signal.SIGKILL)
        verdict = opened(tmp_path).verify(parse_head(told[-1].strip()))
        assert verdict.broken is None
        assert verdict.entries >= times


def test_log_is_bounded_and_tells_what_left(tmp_path: Path) -> None:
    log = opened(tmp_path, most_bytes=20_000)
    for number in range(300):
        log.note("settled", about={"commit": number, "source": "s" * 100})
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 26_000
    verdict = log.verify()
    assert verdict.broken is None
    assert verdict.first > 1
    assert "rotated" in {entry["act"] for entry in log.entries()}
    oldest = min(tmp_path.glob("audit-*.ndjson"))
    oldest.unlink()
    broken = log.verify().broken
    assert broken is not None
    assert "no entry tells that it left" in broken[1]


def test_kill_while_the_oldest_file_leaves_takes_nothing_without_a_word(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    dies, kills = cycle((True, False, False)), 0

    def clock() -> datetime:
        if not (tmp_path / LOG).exists() and next(dies):  # it has just got another name
            raise Killed
        return NOW

    log = AuditLog(tmp_path, clock=clock, most_bytes=20_000)
    for number in range(300):
        try:
            log.note("settled", about={"commit": number, "source": "s" * 100})
        except Killed:
            kills += 1
            log = AuditLog(tmp_path, clock=clock, most_bytes=20_000)
            assert log.verify().broken is None
    assert kills > 3
    assert log.verify().first > 1


def test_entries_are_read_whole_while_files_leave(tmp_path: Path) -> None:
    log = opened(tmp_path, most_bytes=20_000)

    def note(times: int) -> None:
        for number in range(times):
            log.note("settled", about={"commit": number, "source": "s" * 100})

    note(50)
    entries = log.entries()
    first = next(entries)["n"]
    note(150)
    told = [entry["n"] for entry in entries]
    assert told[:49] == [*range(first + 1, first + 50)]


def test_entry_that_finds_no_room_stops_nothing_and_is_counted(
    log: AuditLog, tmp_path: Path
) -> None:
    path = tmp_path / LOG
    kept = path.read_bytes()
    path.unlink()
    path.mkdir()  # cannot be opened to be written to, by nobody
    log.note("settled")
    log.note("settled")
    path.rmdir()
    path.write_bytes(kept)
    log.note("exported")
    (told,) = log.entries(5)
    assert told["lost"] == 2
    assert log.verify().broken is None


def test_head_that_cannot_be_noted_loses_no_entry(log: AuditLog, tmp_path: Path) -> None:
    unfinished = tmp_path / f"{HEAD}.unfinished"
    unfinished.mkdir()  # cannot be written to, by nobody
    log.note("settled")
    unfinished.rmdir()
    assert parse_head((tmp_path / HEAD).read_text().strip()).number == 5
    assert log.verify().broken is None
    log.note("exported")
    assert all("lost" not in entry for entry in log.entries(5))
    assert (tmp_path / HEAD).read_text().strip() == str(log.head)
    assert log.head.number == 7


def test_entries_come_in_while_the_log_is_verified(log: AuditLog) -> None:
    with ThreadPoolExecutor(1) as pool:

        class Noted(Head):
            """A head that is looked at while the log is verified: an entry comes just then."""

            def __bool__(self) -> bool:
                pool.submit(log.note, "exported").result(timeout=30)
                return True

        before = log.head
        assert log.verify(Noted(*before)) == (5, 1, before, None)
    assert log.verify()[:2] == (6, 1)


def test_log_is_whole_whenever_it_is_verified(tmp_path: Path) -> None:
    log = opened(tmp_path, most_bytes=20_000)

    def note(times: int) -> None:
        for number in range(times):
            log.note("settled", about={"commit": number, "source": "s" * 100})

    note(1)
    with ThreadPoolExecutor(1) as pool:
        noting = pool.submit(note, 400)
        while not noting.done():
            before = log.head
            verdict = log.verify(before)
            assert verdict.broken is None
            assert verdict.head.number >= before.number
        noting.result(timeout=30)
    assert log.verify().head.number == log.head.number


def test_only_its_owner_reads_the_folder(tmp_path: Path) -> None:
    opened(tmp_path / "audit")
    assert (tmp_path / "audit").stat().st_mode & 0o077 == 0


def test_long_texts_are_cut_and_halves_of_characters_kept(log: AuditLog) -> None:
    log.note("settled", about={"source": "\udc80" + "s" * 10_000})
    (told,) = log.entries(5)
    assert told["about"]["source"] == "\udc80" + "s" * 499
    assert log.verify().broken is None


@pytest.mark.parametrize("text", ["", "5", "x:" + "0" * 64, "5:abc", "-1:" + "0" * 64])
def test_head_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no head of an audit log"):
        parse_head(text)
    assert parse_head(str(Head())) == Head()
