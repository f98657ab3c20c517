"""How what is saved looks on the screen, how it is completed, and how fast and quietly it comes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from vaultd_cli import show
from vaultd_cli.entries import LongLines
from vaultd_cli.known import selectors

from tests.cli.runner import environment
from tests.cli.terminal import Terminal
from tests.cli.test_process import assert_costs
from tests.cli.worlds import World, copy_of, make, whole_world
from vaultd.format.entry import FILE, Entry
from vaultd.settings import find_home


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    return whole_world(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def broken(whole: World, tmp_path: Path) -> World:
    return copy_of(whole, tmp_path)


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
    last = json.loads(broken.vaultd("snapshot", "--json").stdout)[0]["id"]
    (broken.work / "home" / "device.key").unlink()
    shutil.rmtree(broken.work / "vault")
    offered = completions(broken, "照")
    assert (offered.stdout, offered.stderr) == ("plain,照片\n", "")
    names = selectors(find_home(str(broken.work / "home")))
    assert names[:3] == ["照片", "latest", last[:8]]
    assert len(names) == 4


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
    known = environment(whole.work) | {"VAULTD_HOME": str(whole.work / "home")}
    assert_costs(["vaultd", "ls", "latest"], known, 0.3)


def test_a_reader_that_leaves_ends_cat_quietly(whole: World) -> None:
    known = environment(whole.work) | {"VAULTD_HOME": str(whole.work / "home")}
    words = ["/bin/sh", "-c", "vaultd cat latest:big | head -c 10 | wc -c"]
    done = subprocess.run(words, env=known, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("10", "")


def test_cat_gives_the_bytes_of_a_large_file(whole: World) -> None:
    known = environment(whole.work) | {"VAULTD_HOME": str(whole.work / "home")}
    done = subprocess.run(["vaultd", "cat", "latest:big"], env=known, capture_output=True, check=True)
    assert done.stdout == (whole.work / "source" / "big").read_bytes()
