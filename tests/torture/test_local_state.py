"""Local state is only a cache: deleted, cut, rolled back or flipped, every command gives the same answers,
and no log on the copy ever forks (rows 18 and 32 of the hazards).
"""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from vaultd_cli.chosen import view_of

from tests.torture.sweep import Extent
from tests.torture.vault import (
    Scene,
    assert_gives_back,
    assert_sound,
    logs_of,
    make_reference,
    scratch_folder,
    snapshot,
)
from vaultd.tree.snapshots import list_snapshots

CACHES = ("state.db", "state.db-wal", "state.db-shm", "device", "lock")
STATE = CACHES[:3]
FLIPS = (0x01, 0x80, 0xFF)


@dataclass(frozen=True)
class Harm:
    """What is done to one file of the home."""

    name: str
    how: str
    at: int = 0
    value: int = 0

    def apply(self, home: Path, older: Path) -> None:
        path = home / self.name
        if self.how == "roll back":
            for name in STATE if self.name == "state.db" else (self.name,):
                (home / name).unlink(missing_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(older / name, home / name)
            return
        data = path.read_bytes()
        if self.how == "remove":
            path.unlink()
        elif self.how == "cut":
            path.write_bytes(data[: self.at])
        else:
            path.write_bytes(data[: self.at] + bytes([data[self.at] ^ self.value]) + data[self.at + 1 :])


@pytest.fixture(scope="module")
def reference() -> Iterator[Scene]:
    """A home with state.db and a write-ahead log that holds the last snapshot; `home.older` has neither.

    The log stays because somebody has the database open, as after a kill.
    """
    with scratch_folder() as folder:
        scene = make_reference(folder / "scene")
        shutil.copytree(scene.home.state, scene.top / "home.older")
        (scene.source / "one more").write_bytes(b"one more " * 300)
        reader = sqlite3.connect(scene.home.state_file, isolation_level=None)
        reader.execute("BEGIN").execute("SELECT * FROM meta").fetchall()
        snapshot(scene)
        scene.keep()
        reader.close()
        assert (scene.top / "home.kept" / "state.db-wal").stat().st_size
        yield scene


def flips(scene: Scene) -> list[Harm]:
    """Of every byte that is not zero: most of an SQLite file is room that nothing stands in."""
    home = scene.top / "home.kept"
    kept = {name: (home / name).read_bytes() for name in CACHES if (home / name).exists()}
    return [
        Harm(name, "flip", at, value)
        for name, data in kept.items()
        for at, byte in enumerate(data)
        if byte
        for value in FLIPS
    ]


def cuts(scene: Scene) -> list[Harm]:
    home = scene.top / "home.kept"
    sizes = {name: (home / name).stat().st_size for name in CACHES if (home / name).exists()}
    found = [Harm(name, how) for name in sizes for how in ("remove", "cut")]
    found += [Harm(name, "roll back") for name in ("state.db", "device")]
    return found + [Harm(name, "cut", at) for name, n in sizes.items() for at in range(1, n, 509)]


def listing(scene: Scene) -> list[tuple[str, list[bytes]]]:
    """What `snapshots` and `ls --recursive` say."""
    with scene.opened() as session:
        assert session.vault.troubles == [], "nothing is wrong with the copy"
        return [
            (each.id.hex(), [getattr(found, "path", b"") for found in view_of(session, each).walk()])
            for each in list_snapshots(session.vault.journal)
        ]


def assert_same_answers(scene: Scene, truth: list[tuple[str, list[bytes]]], harm: object) -> None:
    assert listing(scene) == truth, harm
    assert_sound(scene.checked())
    for wanted in scene.truths:
        assert_gives_back(scene, wanted)


def assert_goes_on(scene: Scene, harm: object) -> None:
    """The next snapshot is of the same tree, under the same device id or one that names it; nothing forks.

    It may store again what state has forgotten.
    """
    devices = {device for device, _ in logs_of(scene.copy)}
    with scene.opened() as session:
        before = next(each for each in reversed(scene.snapshots()))
        remembered = session.device
    taken = scene.take()
    assert taken.snapshot.body.root == before.body.root, harm
    logs = logs_of(scene.copy)
    assert len(logs) == len(set(logs)), (harm, "a fork")
    new = {device for device, _ in logs} - devices
    if new:
        with scene.opened() as session:
            records = session.vault.journal.of_kind("device")
            (record,) = [each for _, each in records if each.device.hex() in new]
            assert record.body["replaces"] == (remembered or None), harm
    assert_sound(scene.checked())


def sweep(scene: Scene, extent: Extent, what: str, points: list[Harm], slice_of: int) -> None:
    scene.rewind()
    truth = listing(scene)
    assert len(truth) == 3
    for harm in extent.choose(what, points, slice_of, first=lambda harm: harm.value != FLIPS[0]):
        scene.rewind()
        harm.apply(scene.home.state, scene.top / "home.older")
        assert_same_answers(scene, truth, harm)
        scene.rewind()
        harm.apply(scene.home.state, scene.top / "home.older")
        # A device id that nobody can read is one that nobody knows: the sources are taken over by word.
        if harm.name != "device" or harm.how == "roll back":
            assert_goes_on(scene, harm)


def test_flipped(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, "flips in local state", flips(reference), 50)


def test_removed_cut_and_rolled_back(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, "cuts and rollbacks of local state", cuts(reference), 30)


@pytest.mark.parametrize("how", ["remove", "roll back"])
def test_lost_or_rolled_back_state_takes_a_new_device_id(reference: Scene, how: str) -> None:
    reference.rewind()
    (old,) = {device for device, _ in logs_of(reference.copy)}
    for name in STATE if how == "remove" else ("state.db",):
        if (reference.home.state / name).exists():
            Harm(name, how).apply(reference.home.state, reference.top / "home.older")
    reference.take()
    (new,) = {device for device, _ in logs_of(reference.copy)} - {old}
    with reference.opened() as session:
        records = session.vault.journal.of_kind("device")
        assert [each.body["replaces"] for _, each in records if each.device.hex() == new] == [
            bytes.fromhex(old)
        ]


def test_a_copy_that_was_rolled_back_is_not_forked(reference: Scene) -> None:
    """The copy comes back without its newest record: the device goes on under another id."""
    reference.rewind()
    last = max(reference.copy.glob("log/*/*"), key=lambda path: path.name)
    kept, taken = last.read_bytes(), (last.parent.name, int(last.name[:10]))
    last.unlink()
    reference.take()
    last.write_bytes(kept)
    logs = logs_of(reference.copy)
    assert len(logs) == len(set(logs))
    assert taken in logs


def test_rows_that_name_another_blob_give_no_wrong_bytes(reference: Scene) -> None:
    """Two rows change their ids: every seal is right, and only the id of what was read tells."""
    reference.rewind()
    with contextlib.closing(sqlite3.connect(reference.home.state_file)) as db:
        pair = db.execute("SELECT id, pack FROM blobs WHERE type = 1 ORDER BY plain LIMIT 2").fetchall()
        (one, one_pack), (two, two_pack) = pair
        db.execute("UPDATE blobs SET id = ? WHERE id = ? AND pack = ?", (b"-" * 32, one, one_pack))
        db.execute("UPDATE blobs SET id = ? WHERE id = ? AND pack = ?", (one, two, two_pack))
        db.execute("UPDATE blobs SET id = ? WHERE id = ?", (two, b"-" * 32))
        db.commit()
    for wanted in reference.truths:
        assert_gives_back(reference, wanted)


@pytest.mark.parametrize("column", ["plain", "sealed", "number", "offset", "type", "codec"])
def test_rows_that_are_wrong_change_no_answer(reference: Scene, column: str) -> None:
    """A flip in every row at once, in what nothing but the pack can contradict."""
    reference.rewind()
    truth = listing(reference)
    for wrong in ("+ 1", "+ 64"):
        reference.rewind()
        with contextlib.closing(sqlite3.connect(reference.home.state_file)) as db:
            db.execute(f"UPDATE blobs SET {column} = {column} {wrong} WHERE type = 1")
            db.commit()
        assert_same_answers(reference, truth, column)


def test_rows_that_flipped_do_not_get_into_the_vault(
    reference: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index file is made of what the packs say, not of what state remembers of them."""
    reference.rewind()
    monkeypatch.setattr("vaultd.store.indexing.PACKS_PER_INDEX", 1)
    with contextlib.closing(sqlite3.connect(reference.home.state_file)) as db:
        db.execute("UPDATE blobs SET plain = plain + 64 WHERE type = 1")
        db.execute("UPDATE packs SET indexed = 0")
        db.commit()
    indexes = set(reference.copy.glob("index/*"))
    reference.take()
    assert set(reference.copy.glob("index/*")) > indexes
    for path in indexes:
        path.unlink()
    for name in STATE:
        (reference.home.state / name).unlink(missing_ok=True)
    assert_sound(reference.checked())
    for wanted in reference.truths:
        assert_gives_back(reference, wanted)


def test_a_pack_that_went_away_is_told_and_saved_again(reference: Scene) -> None:
    """Whatever state knows of it; and the next snapshot does not rest upon what is gone."""
    reference.rewind()
    for pack in sorted(reference.copy.glob("packs/*/*")):
        pack.unlink()
        assert not reference.checked().sound
        reference.rewind()
        pack.unlink()
        assert_gives_back_now(reference, reference.take().snapshot.id.hex())
        reference.rewind()


def assert_gives_back_now(scene: Scene, made: str) -> None:
    scene.truths[made] = scene.truths[scene.newest]
    try:
        assert_gives_back(scene, made)
    finally:
        del scene.truths[made]


# Two at once.

STARTS = 50


@contextlib.contextmanager
def held(scene: Scene) -> Iterator[None]:
    """A process that has the writer's lock, and is killed with it."""
    code = (
        "import sys, time; from pathlib import Path; from vaultd.store.lock import writer_lock\n"
        "with writer_lock(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(600)"
    )
    words = [sys.executable, "-c", code, str(scene.home.lock_file)]
    with subprocess.Popen(words, env=scene.environment(), stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
        finally:
            holder.kill()


def test_a_second_writer_is_told_at_once(reference: Scene, extent: Extent) -> None:
    reference.rewind()
    with held(reference):
        for _ in extent.choose("starts while another writes", range(STARTS), 10):
            done = reference.run("snapshot")
            assert done.returncode == 11, done.stderr
    assert reference.run("snapshot").returncode == 0


def test_fifty_at_once_are_one_writer_after_the_other(reference: Scene, extent: Extent) -> None:
    """Each either saved, or was told that another was saving; the log has no fork and no gap."""
    reference.rewind()
    count = STARTS if extent.whole else 12
    words = [sys.executable, "-m", "vaultd_cli", "snapshot", "--key-file", str(reference.key_file)]
    started = [
        subprocess.Popen(
            words, env=reference.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(count)
    ]
    codes = [process.wait(timeout=120) for process in started]
    assert set(codes) <= {0, 11}
    assert 0 in codes
    logs = logs_of(reference.copy)
    assert len(logs) == len(set(logs))
    assert_sound(reference.checked())
    assert len(reference.snapshots()) == 3 + codes.count(0)
