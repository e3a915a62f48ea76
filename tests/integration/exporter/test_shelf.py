"""The deliveries on a real disk."""

import json
import random
from pathlib import Path

import pytest
from tests.support.faults import RecordFault, times

from costwire_exporter.errors import ShelfError
from costwire_exporter.shelf import MANIFEST, QUARANTINE, SPOOL, Delivery, Shelf
from costwire_exporter.text import EXPOSITION


def publish(shelf: Shelf, content: str, state: str = "state") -> Delivery:
    with shelf.draft() as draft:
        manifest = {"id": content, "generation": "then", "exposition": {"renderer": 1}}
        (draft / MANIFEST).write_text(json.dumps(manifest))
        (draft / EXPOSITION).write_text(content)
        (draft / QUARANTINE).write_text("")
        return shelf.publish(draft, state)


def deliveries(folder: Path) -> int:
    return len([entry for entry in folder.iterdir() if entry.is_dir() and entry.name != SPOOL])


def test_nothing_is_served_at_first(tmp_path: Path) -> None:
    with Shelf(tmp_path / "new" / "data", "key") as shelf, shelf.borrow() as delivery:
        assert (delivery, shelf.state) == (None, None)


def test_published_delivery_is_served_and_the_one_before_is_gone(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        publish(shelf, "a")
        publish(shelf, "b", "state b")
        assert shelf.current is not None
        assert (shelf.current.folder / EXPOSITION).read_text() == "b"
        assert shelf.state == "state b"
        assert deliveries(tmp_path) == 1


def test_borrowed_delivery_stays_until_it_is_given_back_by_all(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        old = publish(shelf, "a")
        with shelf.borrow() as first:
            with shelf.borrow() as second:
                publish(shelf, "b")
                assert first == second == old
            assert (old.folder / EXPOSITION).read_text() == "a"
        assert not old.folder.exists()
        assert deliveries(tmp_path) == 1


def test_draft_that_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        publish(shelf, "a")
        with shelf.draft() as draft:
            (draft / EXPOSITION).write_text("half")
        assert shelf.current is not None
        assert shelf.current.id == "a"
        assert deliveries(tmp_path) == 1


def test_what_was_published_is_served_again_after_a_restart(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        publish(shelf, "a", "state a")
    with Shelf(tmp_path, "key") as shelf:
        assert shelf.current is not None
        assert (shelf.current.id, shelf.state) == ("a", "state a")


def test_what_other_settings_published_is_not_served(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        publish(shelf, "a")
    with Shelf(tmp_path, "another key") as shelf:
        assert (shelf.current, shelf.state) == (None, None)
    assert deliveries(tmp_path) == 0


@pytest.mark.parametrize("damage", ["no exposition", "half a manifest", "half a pointer"])
def test_damaged_delivery_is_not_served(tmp_path: Path, damage: str) -> None:
    with Shelf(tmp_path, "key") as shelf:
        delivery = publish(shelf, "a")
    if damage == "no exposition":
        (delivery.folder / EXPOSITION).unlink()
    elif damage == "half a manifest":
        (delivery.folder / MANIFEST).write_text('{"id": ')
    else:
        (tmp_path / "current.json").write_text("{")
    with Shelf(tmp_path, "key") as shelf:
        assert shelf.current is None


@pytest.mark.faults
@pytest.mark.parametrize("name", [EXPOSITION, MANIFEST, QUARANTINE, "current.json"])
def test_file_with_any_other_byte_is_made_anew_from_the_source(
    tmp_path: Path, record_fault: RecordFault, name: str
) -> None:
    dice, count, wrong = random.Random(20240901), times(20, 500), 0  # noqa: S311 (no secret)
    served = refused = 0
    for number in range(count):
        folder = tmp_path / f"{number}"
        with Shelf(folder, "key") as shelf:
            before = publish(shelf, "a")
            shelf.confirm("state", "2024-12-11T10:00:00Z", "2024-12-12T10:00:00Z")
            manifest = dict(shelf.current.manifest) if shelf.current else {}
        file = folder / name if name == "current.json" else before.folder / name
        whole = file.read_bytes() or b" "
        at = dice.randrange(len(whole))
        changed = bytes([whole[at] ^ 1 << dice.randrange(8)])
        file.write_bytes(dice.choice((whole[:at], whole[:at] + changed + whole[at + 1 :])))
        with Shelf(folder, "key") as shelf:
            served += shelf.current is not None
            refused += shelf.current is None
            wrong += shelf.current is not None and dict(shelf.current.manifest) != manifest
    record_fault(
        f"the exporter's {name}, cut off or with a flipped bit",
        times=count,
        outcome=f"{refused} made anew from the source, {served} served as they were",
        lost=wrong,
        doubled=0,
    )
    assert refused


def test_left_overs_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        publish(shelf, "a")
    (tmp_path / "draft-x").mkdir()
    (tmp_path / "delivery-x").mkdir()
    (tmp_path / SPOOL / "costwire-x").write_text("half")
    with Shelf(tmp_path, "key"):
        assert deliveries(tmp_path) == 1
        assert list((tmp_path / SPOOL).iterdir()) == []


def test_confirmed_delivery_keeps_its_content_and_takes_the_new_time(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key") as shelf:
        publish(shelf, "a", "state")
        shelf.confirm("new state", "now", "a moment ago")
    with Shelf(tmp_path, "key") as shelf:
        assert shelf.current is not None
        assert (shelf.current.id, shelf.current.manifest["generation"]) == ("a", "now")
        assert shelf.current.manifest["times"] == {"read": "a moment ago"}
        assert shelf.state == "new state"


def test_folder_is_held_by_one_exporter(tmp_path: Path) -> None:
    with Shelf(tmp_path, "key"), pytest.raises(ShelfError, match="another exporter uses it"):
        Shelf(tmp_path, "key")
    with Shelf(tmp_path, "key"):
        """It was given back."""


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShelfError, match="choose a folder that can be written"):
        Shelf(tmp_path / "file", "key")
