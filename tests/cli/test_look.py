"""Looking into vaults that are damaged, large or oddly named, and restores that are stopped."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from vaultd_cli import show
from vaultd_cli.entries import LongLines
from vaultd_cli.known import selectors

from tests.cli.runner import environment
from tests.cli.terminal import Terminal
from vaultd.credentials import Passphrase
from vaultd.format.entry import FILE, Entry
from vaultd.format.keys import new_master
from vaultd.ids import pack_name
from vaultd.jobs.init import create_vault
from vaultd.jobs.keys import unlock_computer
from vaultd.jobs.opening import Session, device_credential, open_for_writing, open_vault
from vaultd.jobs.snapshot import take_snapshot
from vaultd.jobs.sources import Wanted, add_source
from vaultd.progress import Silent
from vaultd.settings import find_home
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View, folder_id

FILES = 1500  # enough that a restore is caught in the middle
PASSPHRASE = Passphrase("correct horse battery")


@dataclass(frozen=True)
class World:
    """A vault in a folder of its own, unlocked for this computer: `home`, `vault`, `source`."""

    work: Path

    def vaultd(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        known = environment(self.work) | {"VAULTD_HOME": str(self.work / "home")} | variables
        return subprocess.run(
            ["vaultd", *words],
            cwd=self.work,
            env=known,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
            check=False,
            timeout=120,
        )

    @contextmanager
    def opened(self) -> Iterator[Session]:
        home = find_home(str(self.work / "home"))
        key = device_credential(home)
        assert key is not None
        with open_vault(home, key) as session:
            yield session


def make(work: Path, files: dict[str, bytes], name: str = "照片") -> World:
    source = work / "source"
    for path, data in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    home = find_home(str(work / "home"))
    create_vault(home, work / "vault", new_master(), PASSPHRASE, "main")
    with open_for_writing(home, PASSPHRASE) as session:
        unlock_computer(session, "here")
        added = add_source(session, Wanted(os.fsencode(source), name))
        take_snapshot(session, added, Silent(), lambda: False)
    return World(work)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    files = {"bad/one": b"1" * 40, "bad/two": b"2" * 40, "good/three": b"three\n", "big": os.urandom(9 << 20)}
    return make(tmp_path_factory.mktemp("whole"), files)


@pytest.fixture
def broken(whole: World, tmp_path: Path) -> World:
    """A copy of `whole` that may be damaged: it stands where the first one stood for its settings."""
    for name in ("home", "vault"):
        shutil.copytree(whole.work / name, tmp_path / name)
    settings = tmp_path / "home" / "config.toml"
    settings.write_text(settings.read_text().replace(str(whole.work), str(tmp_path)))
    return World(tmp_path)


def flip(world: World, blob_id: bytes) -> None:
    """Flip one bit of a blob, wherever it lies in the copy."""
    with world.opened() as session:
        places = session.vault.state.places(blob_id)
    assert places
    for place in places:
        path = world.work / "vault" / pack_name(place.pack)
        data = bytearray(path.read_bytes())
        data[place.offset] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)


def entry_of(world: World, path: bytes) -> Entry:
    with world.opened() as session:
        body = list_snapshots(session.vault.journal)[-1].body
        return View(session.vault, body.root, body.attic).lookup(path)


# Damage: what is whole comes, what is not is named, and the exit code says so.


def test_a_damaged_folder_does_not_hide_the_others(broken: World) -> None:
    flip(broken, folder_id(entry_of(broken, b"bad")))
    listed = broken.vaultd("ls", "-R", "latest")
    assert listed.stdout.splitlines() == ["bad/", "big", "good/", "good/three"]
    assert listed.stderr == "Something in “bad” is damaged in the vault and cannot be shown.\n"
    assert listed.returncode == 20
    found = broken.vaultd("find", "t*")
    assert (found.stdout, found.returncode) == ("照片:good/three\n", 20)


def test_damage_in_json(broken: World) -> None:
    flip(broken, folder_id(entry_of(broken, b"bad")))
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
    flip(broken, folder_id(entry_of(broken, b"bad")))
    done = broken.vaultd("restore", "latest", "--target", "out")
    assert done.returncode == 20
    assert "“bad”: it, or a part of it, cannot be had from the vault.\n" in done.stderr
    assert "Everything else was restored." in done.stderr
    assert (broken.work / "out" / "good" / "three").read_bytes() == b"three\n"
    assert (broken.work / "out" / "big").read_bytes() == (whole.work / "source" / "big").read_bytes()


def test_a_dry_run_on_a_damaged_vault_says_so(broken: World) -> None:
    flip(broken, folder_id(entry_of(broken, b"bad")))
    done = broken.vaultd("restore", "latest", "--target", "out", "--dry-run", "--json")
    assert [trouble["path"] for trouble in json.loads(done.stdout)["troubles"]] == ["bad"]
    assert done.returncode == 20
    assert not (broken.work / "out").exists()


def test_of_a_damaged_file_the_rest_comes_under_another_name(broken: World) -> None:
    entry = entry_of(broken, b"big")
    assert isinstance(entry.content, tuple)
    flip(broken, entry.content[0][0])
    done = broken.vaultd("restore", "latest:big", "--target", "out")
    assert done.returncode == 20
    assert "a name that ends in .vaultd-damaged" in done.stderr
    assert os.listdir(broken.work / "out") == ["big.vaultd-damaged"]
    printed = broken.vaultd("cat", "latest:big")
    assert printed.returncode == 20
    assert "is damaged" in printed.stderr


def test_a_damaged_list_of_snapshots_is_not_taken_for_a_whole_one(broken: World) -> None:
    for path in (broken.work / "vault" / "log").rglob("*-*"):
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    for path in (broken.work / "home").glob("state.db*"):
        path.unlink()
    listed = broken.vaultd("snapshots", "--json")
    assert (json.loads(listed.stdout), listed.returncode) == ([], 20)
    assert {json.loads(line)["warning"] for line in listed.stderr.splitlines()} == {"look.log"}


# Restores that are stopped.


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> World:
    files = {f"{number // 100}/{number}": b"%d" % number * 2000 for number in range(FILES)}
    return make(tmp_path_factory.mktemp("many"), files)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_restore_leaves_whole_files_and_goes_on(number: int, many: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    known = environment(many.work) | {"VAULTD_HOME": str(many.work / "home")}
    words = ["vaultd", "restore", "latest", "--target", str(out)]
    with subprocess.Popen(
        words, env=known, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        until = time.monotonic() + 60
        while not (out / "1").exists() and time.monotonic() < until:
            time.sleep(0.001)
        running.send_signal(number)
        began = time.monotonic()
        _, err = running.communicate(timeout=60)
        assert time.monotonic() - began < 5
    assert running.returncode == 130
    assert err == (
        f"Stopped before everything was restored to “{out}”.\n"
        "What is there is whole; the same command goes on from there.\n"
    )
    there = [path for path in out.rglob("*") if path.is_file()]
    assert 0 < len(there) < FILES
    assert all(path.read_bytes() == path.name.encode() * 2000 for path in there)
    again = many.vaultd("restore", "latest", "--target", str(out), "--json")
    told = json.loads(again.stdout)
    assert (again.returncode, told["already"]) == (0, len(there))
    assert told["files"] == FILES - len(there)


# Troubles are shown in part, and counted whole.


def test_of_many_the_first_are_named_and_the_rest_counted(many: World, tmp_path: Path) -> None:
    out = tmp_path / "out" / "0"
    out.mkdir(parents=True)
    for number in range(30):
        (out / str(number)).write_text("mine")
    words = ("restore", "latest", "--target", str(tmp_path / "out"), "--include", "/0/")
    few = many.vaultd(*words)
    assert few.returncode == 3
    assert few.stderr.count("  “0/") == 20
    assert few.stderr.endswith("And 10 more; -v lists them.\n")
    assert many.vaultd(*words, "-v").stderr.count("  “0/") == 30
    assert len(json.loads(many.vaultd(*words, "--json").stdout)["left_alone_paths"]) == 30


# Columns.


def test_chinese_columns_stand_under_one_another(whole: World) -> None:
    lines = whole.vaultd("snapshots", VAULTD_LANG="zh").stdout.splitlines()
    before = [line[: line.index(word)] for line, word in zip(lines, ("来源", "照片"), strict=True)]
    assert show.width(before[0]) == show.width(before[1])
    ends = [show.width(line) for line in lines]
    assert ends[0] >= ends[1]
    assert show.width(lines[0][: lines[0].index("新存入")]) == ends[1] - len(lines[1].split("  ")[-1])


def test_long_lines_grow_with_wide_owners_and_stay_so() -> None:
    def line(user: str, name: str) -> str:
        entry = Entry(name.encode(), FILE, 0o644, 1, 1, 0, 5, (), {"owner": (user, "g")})
        return lines.line(entry, name)

    lines = LongLines(None)  # type: ignore[arg-type]
    first, second, third = line("u", "n"), line("摄影爱好者小组", "n"), line("u", "名字")
    assert show.width(second) == show.width(first) + show.width("摄影爱好者小组") - 8
    assert show.width(third) == show.width(second) + 3


def test_names_are_quoted_for_a_person_only(tmp_path: Path) -> None:
    world = make(tmp_path, {"it's new": b"x"}, "photos")
    assert world.vaultd("find", "*new").stdout == "photos:it's new\n"
    with Terminal(["vaultd", "find", "*new"], tmp_path, VAULTD_HOME=str(tmp_path / "home")) as tty:
        tty.expect(r"'photos:it'\\''s new'\r\n")


# Completion.


def completions(world: World, typed: str) -> subprocess.CompletedProcess[str]:
    known = {"_VAULTD_COMPLETE": "fish_complete", "COMP_WORDS": f"vaultd ls {typed}", "COMP_CWORD": typed}
    return world.vaultd(**known)


def test_selectors_complete_without_a_key(broken: World) -> None:
    (broken.work / "home" / "device.key").unlink()
    shutil.rmtree(broken.work / "vault")
    offered = completions(broken, "照")
    assert (offered.stdout, offered.stderr) == ("plain,照片\n", "")
    names = selectors(find_home(str(broken.work / "home")))
    assert names[:2] == ["照片", "latest"]
    assert all(len(name) == 8 for name in names[2:])
    assert len(names) == 3


@pytest.mark.parametrize("damage", ["absent", "garbage", "no-vault"])
def test_completion_without_a_good_state_offers_nothing(damage: str, broken: World) -> None:
    home = broken.work / "home"
    for path in home.glob("state.db*"):
        path.unlink()
    if damage == "garbage":
        (home / "state.db").write_bytes(b"garbage" * 1000)
    if damage == "no-vault":
        (home / "config.toml").unlink()
    offered = completions(broken, "照")
    assert (offered.stdout.strip(), offered.stderr, offered.returncode) == ("", "", 0)
    assert (home / "state.db").exists() == (damage == "garbage")


def test_looking_needs_little(whole: World) -> None:
    """A command on a cached vault: processor time, since other programs run here too."""
    from tests.cli.test_process import user_seconds

    known = environment(whole.work) | {"VAULTD_HOME": str(whole.work / "home")}
    assert user_seconds(["vaultd", "ls", "latest"], known) < 0.3


def test_a_reader_that_leaves_ends_cat_quietly(whole: World) -> None:
    known = environment(whole.work) | {"VAULTD_HOME": str(whole.work / "home")}
    words = ["/bin/sh", "-c", "vaultd cat latest:big | head -c 10 | wc -c"]
    done = subprocess.run(words, env=known, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("10", "")


def test_cat_gives_the_bytes_of_a_large_file(whole: World) -> None:
    known = environment(whole.work) | {"VAULTD_HOME": str(whole.work / "home")}
    done = subprocess.run(["vaultd", "cat", "latest:big"], env=known, capture_output=True, check=True)
    assert done.stdout == (whole.work / "source" / "big").read_bytes()
