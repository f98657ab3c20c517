"""From a damaged vault comes what is whole; what is not is named, and the exit code says so."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.worlds import World, copy_of, whole_world
from tests.damage import flip
from vaultd.format.entry import Entry
from vaultd.ids import pack_name
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View, folder_id


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    return whole_world(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def broken(whole: World, tmp_path: Path) -> World:
    return copy_of(whole, tmp_path)


def flip_blob(world: World, blob_id: bytes) -> None:
    """Flip one bit of a blob, wherever it lies in the copy."""
    with world.opened() as session:
        places = session.vault.state.places(blob_id)
    assert places
    for place in places:
        path = world.work / "vault" / pack_name(place.pack)
        flip(path, place.offset)


def entry_of(world: World, path: bytes) -> Entry:
    with world.opened() as session:
        body = list_snapshots(session.vault.journal)[-1].body
        return View(session.vault, body.root, body.attic).lookup(path)


def test_a_damaged_folder_does_not_hide_the_others(broken: World) -> None:
    flip_blob(broken, folder_id(entry_of(broken, b"bad")))
    listed = broken.vaultd("ls", "-R", "latest")
    assert listed.stdout.splitlines() == ["bad/", "big", "good/", "good/three"]
    assert listed.stderr == "Something in “bad” is damaged in the vault and cannot be shown.\n"
    assert listed.returncode == 20
    found = broken.vaultd("find", "t*")
    assert (found.stdout, found.returncode) == ("照片:good/three\n", 20)


def test_damage_in_json(broken: World) -> None:
    flip_blob(broken, folder_id(entry_of(broken, b"bad")))
    listed = broken.vaultd("ls", "-R", "latest", "--json", VAULTD_LANG="zh")
    assert [entry["path"] for entry in json.loads(listed.stdout)] == ["bad", "big", "good", "good/three"]
    warning = json.loads(listed.stderr)
    assert (warning["warning"], warning["path"]) == ("look.damaged", "bad")
    assert warning["message"].startswith("Something in")
    assert listed.returncode == 20


def test_a_missing_folder_is_not_called_damaged(broken: World) -> None:
    page = folder_id(entry_of(broken, b"bad"))
    with broken.opened() as session:
        packs = {place.pack for place in session.vault.state.places(page)}
    for pack in packs:
        (broken.work / "vault" / pack_name(pack)).unlink()
    listed = broken.vaultd("ls", "latest")
    assert listed.stderr == "Something in “.” is missing from the vault and cannot be shown.\n"
    assert (listed.stdout, listed.returncode) == ("", 20)


def test_restore_brings_all_but_what_is_damaged(broken: World, whole: World) -> None:
    flip_blob(broken, folder_id(entry_of(broken, b"bad")))
    done = broken.vaultd("restore", "latest", "--target", "out")
    assert done.returncode == 20
    assert "“bad”: it, or a part of it, cannot be had from the vault.\n" in done.stderr
    assert "Everything else was restored." in done.stderr
    assert (broken.work / "out" / "good" / "three").read_bytes() == b"three\n"
    assert (broken.work / "out" / "big").read_bytes() == (whole.work / "source" / "big").read_bytes()


def test_a_dry_run_on_a_damaged_vault_says_so(broken: World) -> None:
    flip_blob(broken, folder_id(entry_of(broken, b"bad")))
    done = broken.vaultd("restore", "latest", "--target", "out", "--dry-run", "--json")
    assert [trouble["path"] for trouble in json.loads(done.stdout)["troubles"]] == ["bad"]
    assert done.returncode == 20
    assert not (broken.work / "out").exists()


def test_of_a_damaged_file_the_rest_comes_under_another_name(broken: World) -> None:
    entry = entry_of(broken, b"big")
    assert isinstance(entry.content, tuple)
    flip_blob(broken, entry.content[0][0])
    done = broken.vaultd("restore", "latest:big", "--target", "out")
    assert done.returncode == 20
    assert "a name that ends in .vaultd-damaged" in done.stderr
    assert os.listdir(broken.work / "out") == ["big.vaultd-damaged"]
    printed = broken.vaultd("cat", "latest:big")
    assert printed.returncode == 20
    assert "is damaged" in printed.stderr


def test_a_damaged_list_of_snapshots_is_not_taken_for_a_whole_one(broken: World) -> None:
    for path in (broken.work / "vault" / "log").rglob("*-*"):
        flip(path)
    for path in (broken.work / "home").glob("state.db*"):
        path.unlink()
    listed = broken.vaultd("snapshots", "--json")
    assert (json.loads(listed.stdout), listed.returncode) == ([], 20)
    assert {json.loads(line)["warning"] for line in listed.stderr.splitlines()} == {"look.log"}


def test_what_is_damaged_is_named_as_the_owner_knows_it_and_not_counted(broken: World) -> None:
    entry = entry_of(broken, b"big")
    assert isinstance(entry.content, tuple)
    flip_blob(broken, entry.content[0][0])
    printed = broken.vaultd("cat", "latest:big")
    assert printed.stderr == "Something in “big” is damaged in the vault and cannot be shown.\n"
    done = broken.vaultd("restore", "latest", "--target", "out")
    assert done.stdout.startswith("Restored 3 files (86 B), 2 folders to “out”.\n"), done.stdout
