"""docs/recover.py gets everything out of the golden copies, by each kind of key."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import golden

RECOVER = Path(__file__).parents[2] / "docs" / "recover.py"
EMPTY = "the deleted things of nothing"


def recover(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a person would."""
    return subprocess.run(
        [sys.executable, RECOVER, *words], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def code(tmp_path: Path) -> tuple[str, Path]:
    path = tmp_path / "code.txt"
    path.write_text(golden.MASTER.hex() + "\n")
    return "--recovery-code-file", path


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    (tmp_path / "vault").mkdir()
    return tmp_path / "vault"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--passphrase-file", golden.PASSPHRASE + "\n"),
        ("--key-file", golden.KEY_FILE),
        ("--recovery-code-file", golden.ENGLISH + "\n"),
        ("--recovery-code-file", golden.ENGLISH.upper().replace(" ", "\n")),
        ("--recovery-code-file", golden.CHINESE),
        ("--recovery-code-file", golden.CHINESE.replace(" ", "")),
    ],
)
def test_each_key_lists_the_snapshots(option: str, text: str, vault: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("kinds", vault)
    (tmp_path / "key").write_text(text, "utf-8")
    done = recover("list", copy, option, tmp_path / "key")
    assert done.returncode == 0, done.stderr
    for snapshot in golden.snapshots("kinds").values():
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(snapshot.id)]
        assert snapshot.name in line
        assert line.endswith("complete" if snapshot.complete else "partial")
        assert f"{sum(want['kind'] == 1 for want in snapshot.root.values())} files" in line


@pytest.mark.parametrize(
    ("option", "text"), [("--passphrase-file", "wrong"), ("--recovery-code-file", "ff" * 32)]
)
def test_a_wrong_key_is_exit_12(option: str, text: str, vault: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("kinds", vault)
    (tmp_path / "key").write_text(text)
    assert recover("list", copy, option, tmp_path / "key").returncode == 12


@pytest.mark.parametrize("change", [("amount", "able"), (" unaware", ""), ("abandon", "nonsense")])
def test_a_mistyped_recovery_code_is_exit_12(change: tuple[str, str], vault: Path, tmp_path: Path) -> None:
    (copy,) = golden.unpack("large", vault)
    words = golden.ENGLISH.split()
    text = {"able": ["able", *words[1:]], "": words[:-1], "nonsense": ["nonsense", *words[1:]]}[
        change[1].strip()
    ]
    (tmp_path / "key").write_text(" ".join(text))
    assert recover("list", copy, "--recovery-code-file", tmp_path / "key").returncode == 12


def test_nothing_there_is_exit_10(vault: Path, code: tuple[str, Path]) -> None:
    assert recover("list", vault, *code).returncode == 10
    (copy,) = golden.unpack("large", vault)
    assert recover("restore", copy, "ffffffff", vault / "out", *code).returncode == 10
    assert recover("restore", copy, "latest:no/such", vault / "out", *code).returncode == 10


CASES = [
    (name, short, deleted)
    for name in golden.NAMES
    for short in golden.snapshots(name)
    for deleted in ("root", "deleted")
]


@pytest.mark.parametrize(
    ("name", "short", "which"), [case for case in CASES if case[0] == "kinds" or case[2] == "root"]
)
def test_each_snapshot_is_restored_to_the_manifest(
    name: str, short: str, which: str, vault: Path, tmp_path: Path, code: tuple[str, Path]
) -> None:
    snapshot = golden.snapshots(name)[short]
    wanted = snapshot.root if which == "root" else snapshot.deleted
    done = recover(
        "restore",
        *golden.unpack(name, vault),
        short,
        tmp_path / "out",
        *code,
        *(["--deleted"] if which == "deleted" else []),
    )
    assert done.returncode == (0 if wanted else 10), done.stderr
    assert golden.differences(tmp_path / "out", wanted) == []


def test_a_path_is_restored_by_its_last_part(vault: Path, tmp_path: Path, code: tuple[str, Path]) -> None:
    copies = golden.unpack("kinds", vault)
    done = recover("restore", *copies, "home:docs/closed", tmp_path / "out", *code)
    assert done.returncode == 0, done.stderr
    found = sorted(os.path.relpath(path, tmp_path / "out") for path in (tmp_path / "out").rglob("*"))
    assert found == ["closed", "closed/inside", "closed/twin-b"]


def test_a_target_that_is_not_empty_is_not_touched(
    vault: Path, tmp_path: Path, code: tuple[str, Path]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    done = recover("restore", *golden.unpack("large", vault), "latest", tmp_path / "out", *code)
    assert done.returncode == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_one_damaged_copy_alone_gives_what_it_has_and_lists_the_rest(
    vault: Path, tmp_path: Path, code: tuple[str, Path]
) -> None:
    left, right = golden.unpack("damaged", vault)
    assert recover("restore", left, "latest", tmp_path / "none", *code).returncode == 20
    shutil.copytree(right / "log", left / "log", dirs_exist_ok=True)
    (snapshot,) = golden.snapshots("damaged").values()
    done = recover("restore", left, "latest", tmp_path / "out", *code)
    assert done.returncode == 20
    wrong = golden.differences(tmp_path / "out", snapshot.root)
    assert wrong == ["one: missing", "two.vaultd-damaged: should not be there", "two: missing"]
    assert re.search(r"^one missing", done.stderr, re.MULTILINE), done.stderr
    assert re.search(r"^two digest", done.stderr, re.MULTILINE), done.stderr


def test_unknown_things_are_told_and_read_past(vault: Path, tmp_path: Path, code: tuple[str, Path]) -> None:
    done = recover("restore", *golden.unpack("unknown", vault), "latest", tmp_path / "out", *code)
    for what in (
        "kind 12",
        "'colour'",
        "tenth position",
        "'levitate'",
        "'mood'",
        "'wind'",
        " mode\n",
        " kind\n",
        "needs v 2",
        "'colours'",
    ):
        assert what in done.stderr
