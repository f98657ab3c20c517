"""What was deleted stays until its owner says otherwise, and for 30 days he may think again."""

import os
import time
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import HeldSnapshot, NoSuchPath
from vaultd.jobs.forget import plan_by_rules, refuse_forgetting
from vaultd.jobs.forget_deleted import forget_deleted
from vaultd.jobs.sources import Wanted, add_source
from vaultd.jobs.trash import bring_back, list_removed
from vaultd.tree.retention import DAY_NS, Rules
from vaultd.tree.sources import find_source, list_sources


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("stays", "ex", "mum"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def computer(tmp_path: Path, photos: Path) -> Computer:
    made = new_vault(tmp_path)
    made.add(photos, "photos")
    made.save("photos")
    for name in ("ex", "mum"):
        (photos / name).unlink()
    made.save("photos")
    return made


def remove(computer: Computer, *paths: bytes) -> None:
    with computer.opened(writing=True) as session:
        forget_deleted(session, find_source(list_sources(session.vault.journal), "photos"), paths)


def deleted(computer: Computer) -> set[bytes]:
    with computer.view() as view:
        return {getattr(item, "path", b"?") for item in view.deleted()}


def test_it_is_gone_from_the_next_snapshot_on_and_older_ones_have_it(
    computer: Computer, tmp_path: Path
) -> None:
    remove(computer, b"ex")
    assert deleted(computer) == {b"ex", b"mum"}
    for _ in range(2):
        computer.save("photos")
        assert deleted(computer) == {b"mum"}
    computer.give_back(tmp_path / "older", "photos~2", deleted=True)
    assert (tmp_path / "older" / "ex").read_text() == "ex"
    assert computer.checked().sound


def test_what_comes_and_goes_again_is_kept_again(computer: Computer, photos: Path) -> None:
    remove(computer, b"ex")
    computer.save("photos")
    (photos / "ex").write_text("ex again")
    computer.save("photos")
    (photos / "ex").unlink()
    computer.save("photos")
    assert deleted(computer) == {b"ex", b"mum"}


@pytest.mark.parametrize("between", [False, True])
def test_taken_back_it_is_there_again(computer: Computer, tmp_path: Path, between: bool) -> None:
    remove(computer, b"ex")
    if between:
        computer.save("photos")
        assert deleted(computer) == {b"mum"}
    with computer.opened(writing=True) as session:
        bring_back(session, [], list_removed(session))
    for _ in range(2):
        computer.save("photos")
        assert deleted(computer) == {b"ex", b"mum"}
    computer.give_back(tmp_path / "back", deleted=True)
    assert (tmp_path / "back" / "ex").read_text() == "ex"


def test_the_last_snapshot_that_has_it_is_held_while_it_can_be_taken_back(
    computer: Computer, photos: Path
) -> None:
    last = computer.snapshots()[-1]
    remove(computer, b"ex")
    for n in range(3):
        (photos / "stays").write_text(str(n))
        computer.save("photos")
    with computer.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        with pytest.raises(HeldSnapshot):
            refuse_forgetting(session, [last])
        now = time.time_ns()
        gone = plan_by_rules(session, source, Rules(last=1), now).thinned.gone
        assert last.id not in {each.id for each in gone}
        gone = plan_by_rules(session, source, Rules(last=1), now + 31 * DAY_NS).thinned.gone
        assert last.id in {each.id for each in gone}


@pytest.mark.parametrize("path", [b"stays", b"never", b"ex/below"])
def test_what_is_not_missed_cannot_be_forgotten(computer: Computer, path: bytes) -> None:
    with pytest.raises(NoSuchPath):
        remove(computer, path)
    assert deleted(computer) == {b"ex", b"mum"}


def test_another_computer_that_goes_on_keeps_to_it(computer: Computer, photos: Path, tmp_path: Path) -> None:
    remove(computer, b"ex")
    other = computer.another(tmp_path / "other")
    with other.opened(writing=True) as session:
        add_source(session, Wanted(os.fsencode(photos), "photos", take_over=True))
    other.save("photos")
    assert deleted(other) == {b"mum"}
