"""The program reads the golden copies, which it did not write, by each kind of key and from a home that
knows nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.golden import golden
from vaultd.copies.locating import Location
from vaultd.credentials import Credential, KeyFile, Passphrase, RecoveryCode
from vaultd.errors import Damaged, WrongKey
from vaultd.jobs.check import check
from vaultd.jobs.init import attach
from vaultd.jobs.opening import open_vault
from vaultd.jobs.restore import Options, Restored, plan_restore, restore
from vaultd.jobs.session import Session
from vaultd.progress import Silent
from vaultd.settings import find_home
from vaultd.tree.selectors import select
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View

CODE = RecoveryCode(golden.MASTER.hex())
CASES = [
    (name, short, which)
    for name in golden.NAMES
    for short in golden.snapshots(name)
    for which in ("root", "deleted")
    if name != "damaged"
]


def never() -> bool:
    return False


def unpack(name: str, folder: Path) -> list[Path]:
    (folder / "vault").mkdir()
    return golden.unpack(name, folder / "vault")


@contextmanager
def opened(copy: Path, home: Path, credential: Credential = CODE) -> Iterator[Session]:
    where = find_home(str(home))
    attach(where, Location(str(copy)), credential, "golden")
    with open_vault(where, credential) as session:
        yield session


def give_back(session: Session, words: str, target: Path, path: bytes = b"", **options: Any) -> Restored:
    snapshot = select(list_snapshots(session.vault.journal), words)
    view = View(session.vault, snapshot.body.root, snapshot.body.attic)
    plan = plan_restore(view, path, os.fsencode(target), Options(**options))
    return restore(plan, session.vault.keys, Silent(), never)


@pytest.mark.parametrize(
    "credential",
    [
        Passphrase(golden.PASSPHRASE),
        KeyFile(golden.KEY_FILE.encode()),
        RecoveryCode(golden.ENGLISH),
        RecoveryCode(golden.CHINESE),
        RecoveryCode(golden.CHINESE.replace(" ", "")),
        RecoveryCode(golden.MASTER.hex()),
    ],
    ids=lambda credential: type(credential).__name__,
)
def test_each_key_opens_and_lists_the_snapshots(credential: Credential, tmp_path: Path, home: Path) -> None:
    (copy,) = unpack("kinds", tmp_path)
    with opened(copy, home, credential) as session:
        found = {snapshot.short: snapshot.body for snapshot in list_snapshots(session.vault.journal)}
        wanted = golden.snapshots("kinds")
        assert found.keys() == wanted.keys()
        assert {short: body.complete for short, body in found.items()} == {
            s.id: s.complete for s in wanted.values()
        }


@pytest.mark.parametrize(
    "credential", [Passphrase("wrong"), RecoveryCode("ff" * 32), KeyFile(b"VAULTD-KEY-1 " + b"0" * 64)]
)
def test_a_wrong_key_opens_nothing(credential: Credential, tmp_path: Path, home: Path) -> None:
    (copy,) = unpack("kinds", tmp_path)
    with pytest.raises(WrongKey), opened(copy, home, credential):
        pass
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize(("name", "short", "which"), CASES)
def test_each_snapshot_is_restored_to_the_manifest(
    name: str, short: str, which: str, tmp_path: Path, home: Path
) -> None:
    snapshot = golden.snapshots(name)[short]
    wanted = snapshot.root if which == "root" else snapshot.deleted
    (copy,) = unpack(name, tmp_path)
    with opened(copy, home) as session:
        restored = give_back(session, short, tmp_path / "out", deleted=which == "deleted")
    assert not restored.damage
    found = golden.differences(tmp_path / "out", wanted) if wanted else []
    # Of several versions that are gone the program gives the newest back, and the other reader all, numbered.
    assert [line for line in found if ".~2~: missing" not in line] == []


@pytest.mark.parametrize("name", ["kinds", "large", "unknown"])
def test_each_is_found_sound_and_nothing_in_it_is_changed(name: str, tmp_path: Path, home: Path) -> None:
    (copy,) = unpack(name, tmp_path)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with opened(copy, home) as session:
        report = check(session.vault, Silent(), lambda: None, read_data=True)
    assert report.damage == []
    assert report.lost == []
    assert bool(report.unknown) == (name == "unknown")
    after = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    texts = {copy / "README.txt", copy / "FORMAT.md"}
    assert {path: data for path, data in after.items() if path not in texts} == {
        path: data for path, data in before.items() if path not in texts
    }


def test_damaged_copies_are_told_from_missing_things_and_give_what_they_have(
    tmp_path: Path, home: Path
) -> None:
    left, right = unpack("damaged", tmp_path)
    with opened(left, home / "left") as session:
        assert list_snapshots(session.vault.journal) == []
        assert {type(trouble) for trouble in session.vault.troubles} == {Damaged}
    with opened(right, home / "right") as session:
        report = check(session.vault, Silent(), lambda: None, read_data=True)
        restored = give_back(session, "latest", tmp_path / "out")
    assert not report.sound
    assert restored.damage
    (snapshot,) = golden.snapshots("damaged").values()
    assert all(
        line.endswith(("missing", "not be there"))
        for line in golden.differences(tmp_path / "out", snapshot.root)
    )
