"""A snapshot is written to all copies at once, where that is right, and nowhere else."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.damage import flipped
from tests.disks import Disk
from tests.jobs.test_protect import files, packs, two_copies
from tests.jobs.vaults import PASSPHRASE, Computer
from vaultd.copies.locating import Location
from vaultd.format.keys import new_master
from vaultd.jobs.init import create_vault
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.snapshot import take_snapshot
from vaultd.progress import Silent
from vaultd.settings import find_home
from vaultd.store import openbox
from vaultd.store.fanout import BRANCH
from vaultd.tree.sources import find_source, list_sources


@pytest.fixture
def computer(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Computer:
    """With a photo saved already, and one that is not; a pack is small here, and each photo fills one."""
    monkeypatch.setattr(openbox, "_is_full", lambda size: size > 100_000)
    computer = two_copies(tmp_path, disk.path / "vault")
    photo(computer)
    save(computer)
    photo(computer)
    return computer


def photo(computer: Computer) -> None:
    folder = computer.copy.parent / "photos"
    (folder / f"photo {len(list(folder.iterdir()))}").write_bytes(os.urandom(120_000))


def never() -> None:
    pass


def save(computer: Computer) -> tuple[set[str], Reached]:
    """What was in the second copy as the snapshot was made and before it was brought up, and what came of
    that.
    """
    with computer.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        take_snapshot(session, source, Silent(), lambda: False)
        assert session.also is not None
        for _, branch in session.also.all():
            branch.close(never)
        second = Path(session.settings.copies[1].url)
        there = set(files(second))
        return there, protect(session, Silent(), never)


def second_of(computer: Computer) -> Path:
    with computer.opened() as session:
        return Path(session.settings.copies[1].url)


def test_a_pack_is_on_both_copies_before_the_record_is_on_the_second(computer: Computer) -> None:
    second = second_of(computer)
    before = set(files(second))
    there, reached = save(computer)
    assert {name.split("/")[0] for name in there - before} == {"packs"}
    assert (reached.level, reached.damage, reached.behind) == (PROTECTED, [], [])
    assert all(each.bytes < 100_000 for each in reached.brought)  # no pack was copied after
    assert files(second) == files(computer.copy)


def test_a_copy_that_lost_much_is_not_written(computer: Computer) -> None:
    second = second_of(computer)
    for _ in range(5):
        photo(computer)
        save(computer)
    for pack in packs(second):
        pack.unlink()
    photo(computer)
    there, reached = save(computer)
    assert not [name for name in there if name.startswith("packs/")]
    assert reached.level == SAVED
    assert [each.error for each in reached.behind]


def test_another_vault_in_the_place_is_not_written(computer: Computer, tmp_path: Path) -> None:
    second = second_of(computer)
    shutil.rmtree(second)
    home = find_home(str(tmp_path / "other"))
    create_vault(home, Location(str(second)), new_master(), PASSPHRASE, "other")
    before = files(second)
    there, reached = save(computer)
    assert there == before.keys()
    assert files(second) == before
    assert [each.error for each in reached.behind]


def test_a_copy_that_is_away_is_behind_and_not_made(computer: Computer) -> None:
    second = second_of(computer)
    second.rename(second.with_name("away"))
    there, reached = save(computer)
    assert not there
    assert not second.exists()
    assert (reached.level, len(reached.behind)) == (SAVED, 1)
    second.with_name("away").rename(second)
    photo(computer)
    assert save(computer)[1].level == PROTECTED
    assert files(second) == files(computer.copy)


def test_rot_on_the_way_to_the_second_copy_is_set_aside_and_the_next_try_is_right(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaultd.copies.contract import Buffer
    from vaultd.copies.directory import DirectoryCopy

    put = DirectoryCopy.put
    bad = iter([True])

    def rotting(copy: DirectoryCopy, name: str, data: Buffer) -> None:
        wrong = copy.label != "main" and name.startswith("packs/") and next(bad, False)
        put(copy, name, flipped(bytes(data), -1) if wrong else data)

    monkeypatch.setattr(DirectoryCopy, "put", rotting)
    _, reached = save(computer)
    assert reached.level == PROTECTED
    second = second_of(computer)
    assert files(second) == files(computer.copy)
    assert len(list((second / "quarantine").iterdir())) == 1


def test_interrupted_while_it_waits_for_one_copy_it_lets_go_of_all(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a daemon their threads would wait for ever, each with a copy open."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with computer.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        take_snapshot(session, source, Silent(), lambda: False)
        assert session.also is not None
        monkeypatch.setattr(session.also.first, "close", interrupted)
        with pytest.raises(KeyboardInterrupt):
            protect(session, Silent(), never)
    threads = [thread for thread in threading.enumerate() if thread.name == BRANCH]
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
