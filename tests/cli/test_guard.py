"""`vaultd guard`, `incident`, `@before-incident`, and what other commands say of a wipe."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vaultd_cli.incidents import tell
from vaultd_cli.run import Run

from tests.cli.terminal import Terminal
from tests.cli.worlds import World, make
from tests.compare_trees import differences
from tests.guarded import encrypt_in_place, files, picture
from vaultd.errors import Damaged
from vaultd.jobs.guarding import Guarded

PICTURES = {f"2019/IMG_{number:03}.jpg": picture(number, 3_000) for number in range(40)}
NAME = "照片"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A family that was saved, and whose folder was saved once more since."""
    made = make(tmp_path, PICTURES | {"note.txt": b"a note that is long enough\n"})
    assert made.vaultd("snapshot").returncode == 0
    shutil.copytree(tmp_path / "source", tmp_path / "kept")
    return made


def wiped(world: World) -> dict[str, Any]:
    """Half of the pictures are gone, and the guard has seen it; the incident as JSON."""
    for path in files(world.work / "source")[:25]:
        path.unlink()
    shown = world.vaultd("snapshot")
    assert shown.returncode == 3, shown.stderr
    assert f"vaultd restore {NAME}@before-incident" in shown.stderr
    (found,) = json.loads(world.vaultd("incident", "list", "--json").stdout)
    return dict(found)


def mirror_nothing(source: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("there is no rsync")
    (source.parent / "nothing").mkdir()
    subprocess.run(["rsync", "-a", "--delete", f"{source.parent}/nothing/", f"{source}/"], check=True)


def remove_all(source: Path) -> None:
    subprocess.run(["/bin/sh", "-c", f"rm -rf '{source}'/*"], check=True)


@pytest.mark.parametrize("attack", [mirror_nothing, remove_all, encrypt_in_place])
def test_one_command_gives_everything_back(world: World, attack: object) -> None:
    assert callable(attack)
    attack(world.work / "source")
    assert world.vaultd("snapshot").returncode in (1, 3)
    assert world.vaultd("status").returncode == 3
    back = world.vaultd("restore", f"{NAME}@before-incident", "--target", "back")
    assert back.returncode == 0, back.stderr
    assert differences(world.work / "kept", world.work / "back") == []


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_what_is_said_of_it(world: World, tongue: str) -> None:
    found = wiped(world)
    short = found["id"][:8]

    def said(*words: str) -> str:
        shown = world.vaultd(*words, VAULTD_LANG=tongue)
        assert shown.returncode == 3, shown.stderr
        assert "{" not in shown.stdout + shown.stderr
        return shown.stdout + shown.stderr

    assert f"vaultd incident show {short}" in said("status")
    assert f"vaultd guard accept {NAME}" in said("notices")
    listed = said("incident", "list")
    assert short in listed
    assert found["undo"] in listed
    shown = said("incident", "show", short)
    for word in (found["undo"], f"vaultd guard accept {short}", "2019/IMG_000.jpg", "25", "75."):
        assert word in shown
    assert short in said("guard", "show")
    assert short in said("guard", "show", NAME)
    history = world.vaultd("history", f"{NAME}:2019/IMG_000.jpg", VAULTD_LANG=tongue)
    assert short in history.stdout, history.stderr
    still = world.vaultd("history", f"{NAME}:note.txt", VAULTD_LANG=tongue)
    assert short not in still.stdout


def test_its_json(world: World) -> None:
    assert json.loads(world.vaultd("incident", "list", "--json").stdout) == []
    found = wiped(world)
    assert (found["open"], found["source"], found["rules"]) == (True, NAME, ["deleted"])
    shown = world.vaultd("incident", "show", found["id"][:6], "--json")
    assert (shown.returncode, json.loads(shown.stdout)) == (3, found)
    guard = json.loads(world.vaultd("guard", "show", "--json").stdout)
    assert {each["rule"] for each in guard["rules"]} >= {"deleted", "encrypted", "clock"}
    (source,) = guard["sources"]
    assert (source["last_good"], source["incidents"]) == (found["good"], [found])
    assert json.loads(world.vaultd("status", "--json").stdout)["incidents"] == [found["id"]]
    stretches = json.loads(world.vaultd("history", f"{NAME}:2019/IMG_000.jpg", "--json").stdout)
    assert [each["incident"] for each in stretches] == [None, found["id"]]


def test_it_goes_wherever_a_snapshot_goes(world: World) -> None:
    none = world.vaultd("ls", f"{NAME}@before-incident")
    assert (none.returncode, "wipe" in none.stderr) == (1, True), none.stderr
    assert world.vaultd("ls", "nosuch@before-incident").returncode == 1
    wiped(world)
    listed = world.vaultd("ls", f"{NAME}@before-incident:2019")
    assert len(listed.stdout.splitlines()) == 40, listed.stderr
    assert world.vaultd("cat", f"{NAME}@before-incident:note.txt").stdout == "a note that is long enough\n"
    changes = world.vaultd("diff", f"{NAME}@before-incident", NAME)
    assert sum(line.startswith("-") for line in changes.stdout.splitlines()) >= 25
    refused = world.vaultd("forget", f"{NAME}@before-incident", "--yes", NAME)
    assert (refused.returncode, "held" in refused.stderr) == (1, True), refused.stderr
    assert world.vaultd("forget", "--by-rules").returncode == 1


def test_only_its_owner_ends_it_and_by_name(world: World) -> None:
    found = wiped(world)
    assert world.vaultd("guard", "accept", NAME).returncode == 2
    assert world.vaultd("guard", "accept", NAME, "--yes", "another").returncode == 2
    assert world.vaultd("guard", "accept", "ffff", "--yes", NAME).returncode == 1
    home = str(world.work / "home")
    with Terminal(["vaultd", "guard", "accept", found["id"][:8]], world.work, VAULTD_HOME=home) as tty:
        tty.expect("are gone")
        tty.expect(f"name of the source, {NAME}")
        tty.type("yes\r")
        assert tty.end() == 2
    assert world.vaultd("incident", "list").returncode == 3
    with Terminal(["vaultd", "guard", "accept"], world.work, VAULTD_HOME=home) as tty:
        tty.expect(f"name of the source, {NAME}")
        tty.type(f"{NAME}\r")
        assert tty.end() == 0
    assert world.vaultd("incident", "list").returncode == 0
    assert world.vaultd("notices").returncode == 0
    (over,) = json.loads(world.vaultd("incident", "list", "--all", "--json").stdout)
    assert (over["id"], over["open"]) == (found["id"], False)
    assert "accepted" in world.vaultd("incident", "show", found["id"][:8]).stdout
    assert world.vaultd("snapshot").returncode == 0
    assert world.vaultd("guard", "accept").returncode == 0


def test_what_kept_the_guard_from_looking_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    source: Any = SimpleNamespace(body=SimpleNamespace(name="photos"))
    for guarded in (
        Guarded(error=Damaged("packs/ab", "disk", "tag")),
        Guarded(error=OSError(28, "No space left on device")),
        Guarded(unread=2),
    ):
        assert tell(Run(), source, guarded) == 3
        told = capsys.readouterr().err
        assert "guard" in told
        assert "{" not in told
    assert tell(Run(), source, Guarded()) == 0
    assert capsys.readouterr().err == ""
