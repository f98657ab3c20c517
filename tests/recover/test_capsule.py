"""A capsule is got back by the program that lies in it, in a process that has no vaultd."""

import importlib.metadata
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.exports import PHRASE, sealed, told_of
from tests.jobs.sample import make_sample
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies.locating import Location
from vaultd.credentials import RecoveryCode
from vaultd.errors import WrongKey
from vaultd.format.words import ENGLISH, recovery_words
from vaultd.jobs.init import attach
from vaultd.jobs.opening import open_vault
from vaultd.settings import find_home
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View

LIBRARIES = ("blake3", "cryptography", "zstandard", "msgpack", "cffi", "pycparser")
MIB = 1 << 20


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the four libraries and what they bring along."""
    folder = tmp_path_factory.mktemp("alone")
    for name in LIBRARIES:
        files = importlib.metadata.files(name) or []
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(Path(str(importlib.metadata.distribution(name).locate_file(top))))
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    """A vault with two sources, and something that is gone from one of them."""
    work = tmp_path_factory.mktemp("capsule")
    computer = new_vault(work)
    make_sample(work / "all", special=os.geteuid() == 0)
    (work / "other").mkdir()
    (work / "other" / "secret").write_bytes(os.urandom(MIB))
    for name in ("all", "other"):
        computer.add(work / name, name)
        computer.save(name)
    (work / "all" / "照片" / "猫 🐱.txt").unlink()
    computer.save("all")
    return computer


def recovered(alone: Path, capsule: Path, target: Path, code: bytes | None = None) -> Any:
    """By the capsule's own recover.py, without site-packages, environment or this repository."""
    start = f"import sys, runpy; sys.path.append({str(alone)!r}); sys.argv = sys.argv[1:]; "
    start += f"runpy.run_path({str(capsule / 'recover.py')!r}, run_name='__main__')"
    secret = target.with_suffix(".secret")
    secret.write_text(PHRASE.text if code is None else " ".join(recovery_words(code, ENGLISH)))
    option = "--passphrase-file" if code is None else "--recovery-code-file"
    words = ["recover.py", "restore", capsule, "latest", target, option, secret]
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, *map(str, words)],
        capture_output=True,
        text=True,
        errors="backslashreplace",
        check=False,
        timeout=120,
        cwd="/",
        env={"HOME": "/"},
    )


def without_special(found: dict[bytes, list[Any]]) -> dict[bytes, list[Any]]:
    kinds = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO)
    return {path: [*facts[:3], *facts[4:]] for path, facts in found.items() if facts[0] in kinds}


def test_everything_comes_back_by_passphrase(saved: Computer, alone: Path, tmp_path: Path) -> None:
    told, _ = sealed(saved, tmp_path / "capsule")
    assert told.complete
    done = recovered(alone, tmp_path / "capsule", tmp_path / "out")
    assert done.returncode in (0, 3), done.stderr
    saved.recover("restore", saved.copy, "all", tmp_path / "straight")
    found = told_of(bytes(tmp_path / "out"), exact=True)
    assert len(found) > 100
    assert without_special(found) == without_special(told_of(bytes(tmp_path / "straight"), exact=True))


def test_a_part_comes_back_by_recovery_code_and_nothing_else_is_in_it(
    saved: Computer, alone: Path, tmp_path: Path
) -> None:
    _, master = sealed(saved, tmp_path / "capsule", "照片".encode())
    done = recovered(alone, tmp_path / "capsule", tmp_path / "out", master)
    assert done.returncode == 0, done.stderr
    assert list(told_of(bytes(tmp_path / "out"), exact=True)) == ["照片".encode(), "照片/空的".encode()]
    size = sum(path.stat().st_size for path in (tmp_path / "capsule" / "packs").rglob("*"))
    assert size < MIB  # and `other`, which is incompressible, is not in it


def test_the_keys_of_the_vault_open_nothing_in_it(saved: Computer, tmp_path: Path) -> None:
    sealed(saved, tmp_path / "capsule", "照片".encode())
    with saved.opened() as session:
        vault_id = session.vault.keys.vault_id
        code = RecoveryCode(" ".join(recovery_words(session.vault.keys.master, ENGLISH)))
    files = [path for path in (tmp_path / "capsule").rglob("*") if path.is_file()]
    assert not any(vault_id in path.read_bytes() for path in files)
    assert not any(vault_id.hex().encode() in path.read_bytes() for path in files)
    with pytest.raises(WrongKey):
        attach(find_home(str(tmp_path / "home")), Location(str(tmp_path / "capsule")), code, "main")


def test_vaultd_opens_it_as_it_opens_any_copy(saved: Computer, tmp_path: Path) -> None:
    sealed(saved, tmp_path / "capsule", "照片".encode())
    home = find_home(str(tmp_path / "home"))
    attach(home, Location(str(tmp_path / "capsule")), PHRASE, "main")
    with open_vault(home, PHRASE) as session:
        (snapshot,) = list_snapshots(session.vault.journal)
        assert not session.vault.troubles
        assert snapshot.body.name == "all"
        assert snapshot.body.counts["folders"] == 2


def test_what_is_gone_comes_back_from_a_capsule_of_it(saved: Computer, alone: Path, tmp_path: Path) -> None:
    sealed(saved, tmp_path / "capsule", deleted=True)
    done = recovered(alone, tmp_path / "capsule", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "照片" / "猫 🐱.txt").read_text() == "喵"
    assert len(told_of(bytes(tmp_path / "out"), exact=True)) == 2


def test_parts_are_put_together_by_cat_and_tar(saved: Computer, alone: Path, tmp_path: Path) -> None:
    sealed(saved, tmp_path / "parts", split=MIB)
    names = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert len(names) > 5
    assert names[0] == "HOW-TO.txt"
    assert all((tmp_path / "parts" / name).stat().st_size <= MIB for name in names)
    listed = (tmp_path / "parts" / "MANIFEST.txt").read_text().split("\n")
    assert [line[66:] for line in listed if line] == [name for name in names if name != "MANIFEST.txt"]
    subprocess.run("cat parts/capsule.tar.* | tar x", shell=True, check=True, cwd=tmp_path)
    done = recovered(alone, tmp_path / "capsule", tmp_path / "out")
    assert done.returncode in (0, 3), done.stderr
    saved.recover("restore", saved.copy, "all", tmp_path / "straight")
    assert told_of(bytes(tmp_path / "out"), exact=True) == told_of(bytes(tmp_path / "straight"), exact=True)


def test_a_lost_part_takes_only_what_lies_in_it(saved: Computer, alone: Path, tmp_path: Path) -> None:
    (files := tmp_path / "files").mkdir()
    for number in range(80):
        (files / str(number)).write_bytes(os.urandom(MIB))
    saved.add(files, "many")
    saved.save("many")
    sealed(saved, tmp_path / "parts", words="many", split=24 * MIB)
    (tmp_path / "parts" / "capsule.tar.0002").unlink()
    subprocess.run("cat parts/capsule.tar.* | tar x", shell=True, check=False, cwd=tmp_path)
    done = recovered(alone, tmp_path / "capsule", tmp_path / "out")
    assert done.returncode == 20
    found = [path.name for path in (tmp_path / "out").iterdir() if path.name.isdigit()]
    assert 10 < len(found) < 80
    assert all((tmp_path / "out" / name).read_bytes() == (files / name).read_bytes() for name in found)


def test_damage_is_told_and_recorded_in_the_capsule(tmp_path: Path) -> None:
    computer = new_vault(tmp_path)
    (files := tmp_path / "files").mkdir()
    computer.add(files, "files")
    for number in range(4):
        (files / f"file{number}").write_bytes(os.urandom(3 * MIB))
        computer.save("files")
    packs = sorted((computer.copy / "packs").rglob("*"), key=lambda path: path.stat().st_size)
    with open(packs[-1], "r+b") as pack:
        pack.seek(2 * MIB)
        pack.write(bytes(100))
    told, _ = sealed(computer, tmp_path / "capsule", words="files")
    (lost,) = told.troubles.kept
    assert told.damage
    home = find_home(str(tmp_path / "another"))
    attach(home, Location(str(tmp_path / "capsule")), PHRASE, "main")
    with open_vault(home, PHRASE) as session:
        (snapshot,) = list_snapshots(session.vault.journal)
        names = [entry.entry.name for entry in View(session.vault, snapshot.body.root).walk()]  # type: ignore[union-attr]
    assert not snapshot.body.complete
    assert [path for path, _, _ in snapshot.body.errors] == [lost.path]
    assert len(names) == 3
    assert lost.path not in names
