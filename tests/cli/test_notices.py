"""`vaultd notices`, `acknowledge`, `channel`, `journal`, and what `status` says of them."""

import json
from pathlib import Path

import pytest

from tests.cli.worlds import World, make
from tests.daemon.ears import TOKEN, hook
from tests.damage import flip
from vaultd.jobs.notices import write_attempt, write_notice
from vaultd.jobs.opening import open_for_writing
from vaultd.jobs.ownkey import own_key
from vaultd.settings import find_home
from vaultd.tree.notices import Attempt, open_notices

NOON = 1_790_000_000 * 10**9
KINDS = ["source-gone", "source-unreadable", "unprotected", "copy-away", "copy-full", "untold"]
KINDS += ["overflow", "damage", "drill", "channel", "rot", "copy-wrong"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path, {"a": b"1"}, "photos")


def notice(world: World, *kinds: str) -> list[str]:
    """Write notices as the daemon does; their ids."""
    home = find_home(str(world.work / "home"))
    key = own_key(home)
    assert key is not None
    with open_for_writing(home, key) as session:
        for kind in kinds:
            write_notice(session, kind, "disk", {"files": 2, "hours": 25}, NOON)
        found = open_notices(session.vault.journal)
        write_attempt(session, found[0].id, Attempt(NOON + 1, "mail", False, "550 no"))
        return [each.short for each in found]


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_each_says_what_happened_and_what_to_run(world: World, tongue: str) -> None:
    notice(world, *KINDS, "of-the-future")
    shown = world.vaultd("notices", VAULTD_LANG=tongue)
    assert (shown.returncode, shown.stderr) == (3, "")
    lines = shown.stdout.splitlines()
    assert sum("disk" in line for line in lines) >= len(KINDS)
    assert "550 no" in shown.stdout
    assert len(lines) == 2 * (len(KINDS) + 1) + 1
    assert "{" not in shown.stdout


def test_until_it_is_acknowledged_nothing_is_as_it_should_be(world: World) -> None:
    world.vaultd("snapshot")
    before = world.vaultd("status", "--json")
    (identity,) = notice(world, "drill")
    status = world.vaultd("status")
    assert (status.returncode, "1 notice is open" in status.stderr) == (3, True), status.stderr
    assert json.loads(world.vaultd("status", "--json").stdout)["notices"] == 1
    (listed,) = json.loads(world.vaultd("notices", "--json").stdout)
    assert (listed["what"], listed["about"], listed["acknowledged"]) == ("drill", "disk", None)
    assert listed["attempts"][0]["answer"] == "550 no"
    assert world.vaultd("acknowledge").returncode == 2
    assert world.vaultd("acknowledge", "ffff").returncode == 1
    closed = world.vaultd("acknowledge", identity)
    assert identity in closed.stdout, closed.stderr
    assert world.vaultd("notices").returncode == 0
    assert json.loads(world.vaultd("notices", "--all", "--json").stdout)[0]["acknowledged"]
    assert world.vaultd("status", "--json").returncode == before.returncode
    assert world.vaultd("acknowledge", "--all").returncode == 0


def test_a_channel_is_added_tried_and_removed_and_its_url_is_never_shown(world: World) -> None:
    url = world.work / "url"
    with hook() as ear:
        url.write_text(ear.url + "\n")
        added = world.vaultd("channel", "add", "hook", "--url-file", "url")
        assert (added.returncode, len(ear.heard)) == (0, 1), added.stderr
        ear.status = 500
        tried = world.vaultd("channel", "test", "hook")
        assert (tried.returncode, "did not take it" in tried.stderr) == (1, True)
    again = world.vaultd("channel", "add", "hook", "--url-file", "url")
    assert (again.returncode, "another channel has this name" in again.stderr) == (2, True)
    url.write_text("nosuch://x")
    bad = world.vaultd("channel", "add", "bad", "--url-file", "url")
    assert (bad.returncode, "“URL” will not do: this is no channel" in bad.stderr) == (2, True)
    listed = world.vaultd("channel", "list", "--json")
    assert json.loads(listed.stdout) == [{"name": "hook", "kind": "json"}]
    assert (world.work / "home/config.toml").stat().st_mode & 0o77 == 0
    assert world.vaultd("channel", "remove", "hook").returncode == 0
    gone = world.vaultd("channel", "test", "hook")
    assert (gone.returncode, "no channel" in gone.stderr) == (1, True)
    for said in (added, tried, again, listed, gone):
        assert TOKEN not in said.stdout + said.stderr


def test_the_journal_is_listed_and_proven(world: World) -> None:
    world.vaultd("snapshot")
    notice(world, "drill")
    listed = json.loads(world.vaultd("journal", "--json").stdout)
    kinds = [each["kind"] for each in listed]
    assert {"device", "source", "snapshot", "notice", "attempt"} <= set(kinds)
    shown = world.vaultd("journal", "--kind", "notice")
    assert (shown.returncode, shown.stdout.count("\n")) == (0, 2)
    proven = world.vaultd("journal", "verify")
    assert (proven.returncode, "unbroken" in proven.stdout) == (0, True), proven.stderr


def test_a_journal_that_lost_or_changed_something_is_not_called_unbroken(world: World) -> None:
    assert world.vaultd("copy", "add", "second", "second").returncode in (0, 3)
    world.vaultd("snapshot")
    notice(world, "drill")
    world.vaultd("copy", "sync")
    assert world.vaultd("journal", "verify").returncode == 0
    files = sorted((world.work / "vault/log").rglob("*"))
    record = [file for file in files if file.is_file()][1]
    whole = record.read_bytes()
    record.unlink()
    lost = world.vaultd("journal", "verify")
    assert lost.returncode == 20, lost.stdout
    assert "second is unbroken" in lost.stdout
    assert "is broken" in lost.stderr
    record.write_bytes(whole)
    assert world.vaultd("journal", "verify").returncode == 0
    flip(record)
    assert world.vaultd("journal", "verify").returncode == 20
    (world.work / "second").rename(world.work / "away")
    record.write_bytes(whole)
    away = world.vaultd("journal", "verify")
    assert (away.returncode, "was not looked at" in away.stderr) == (3, True)
