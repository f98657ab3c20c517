"""A full disk, a failing disk and short writes, at every call that writes (rows 3 and 4 of the hazards).

A command either fails with a sentence, or it has done what it says, read back and all. What was saved before
is intact, and the next run works.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.torture.strace import Call, Point, needs_strace, points, strike
from tests.torture.sweep import Extent
from tests.torture.vault import (
    PASSPHRASE,
    Scene,
    assert_gives_back,
    assert_sound,
    logs_of,
    make_reference,
    make_vault,
    new_scene,
    scratch_folder,
)
from vaultd.credentials import Passphrase
from vaultd.errors import Full

ERRORS = ("ENOSPC", "EIO", "EDQUOT")
WRITES = frozenset({"write", "pwrite64"})
# A short write is one byte that the kernel says it took, and did not: the harshest there is.
SHORT = "retval=1"


@dataclass(frozen=True)
class Fault:
    point: Point
    what: str


@pytest.fixture(scope="module")
def reference() -> Iterator[Scene]:
    with scratch_folder() as folder:
        scene = make_reference(folder / "scene")
        (scene.source / "one more").write_bytes(b"one more " * 300)
        scene.remember_truth("now")
        scene.keep()
        yield scene


def faults_of(found: dict[Point, Call], ours: Sequence[Path]) -> list[Fault]:
    """Every way in which every call on our files can fail."""
    faults = []
    for point, call in sorted(found.items(), key=str):
        if not any(str(path) in call.line for path in ours):
            continue
        if call.changes or call.name == "close":
            faults += [Fault(point, f"error={error}") for error in ERRORS]
        # One byte of one byte is no short write but a lie: so SQLite makes the file longer that it maps.
        if call.name in WRITES and not call.line.rstrip().endswith(") = 1"):
            faults.append(Fault(point, SHORT))
    return faults


def ours(scene: Scene) -> tuple[Path, Path]:
    return scene.copy, scene.home.state


def assert_told(done: "subprocess.CompletedProcess[str]", fault: object) -> None:
    """One sentence and what to do; no traceback, and not the sentence for what should not happen."""
    told = done.stdout + done.stderr
    assert "Traceback" not in told, (fault, told)
    assert "should not happen" not in told, (fault, told)
    if done.returncode:
        assert done.returncode > 0, (fault, done)
        assert done.stderr.strip(), (fault, done)


@needs_strace
def test_faults_in_a_snapshot(reference: Scene, extent: Extent) -> None:
    words = ("snapshot", "--json")
    faults = faults_of(points(reference, words), ours(reference))
    for fault in extent.choose("faults, snapshot", faults, 14):
        done = strike(reference, words, fault.point, fault.what)
        assert_told(done, fault)
        check_after(reference, done, fault)
        reference.rewind()


@needs_strace
def test_short_writes_to_the_copy(reference: Scene) -> None:
    """All of them: the kernel says it took one byte, and took none."""
    words = ("snapshot", "--json")
    faults = [each for each in faults_of(points(reference, words), [reference.copy]) if each.what == SHORT]
    assert len(faults) == 3, "two packs and a record"
    for fault in faults:
        done = strike(reference, words, fault.point, fault.what)
        assert_told(done, fault)
        check_after(reference, done, fault)
        reference.rewind()


def check_after(scene: Scene, done: "subprocess.CompletedProcess[str]", fault: Fault) -> None:
    """Sound, the earlier snapshot whole, an acknowledged new one too, and the next one works."""
    saved = [each for each in scene.truths if each != "now"]
    assert_sound(scene.checked())
    assert_gives_back(scene, saved[-1])
    if done.returncode == 0:
        (answer,) = json.loads(done.stdout)
        assert_now(scene, answer["id"])
    assert_now(scene, scene.take().snapshot.id.hex())
    assert_sound(scene.checked())
    assert len(logs_of(scene.copy)) == len(set(logs_of(scene.copy))), fault


def assert_now(scene: Scene, snapshot: str) -> None:
    """This snapshot holds what the source holds now."""
    scene.truths[snapshot] = scene.truths["now"]
    try:
        assert_gives_back(scene, snapshot)
    finally:
        del scene.truths[snapshot]


@needs_strace
def test_faults_in_init(extent: Extent) -> None:
    with scratch_folder() as folder:
        scene = new_scene(folder / "scene")
        words = ("init", scene.copy, "--yes", "--json")
        faults = faults_of(points(scene, words, "passphrase"), ours(scene))
        for fault in extent.choose("faults, init", faults, 3):
            done = strike(scene, words, fault.point, fault.what, "passphrase")
            assert_told(done, fault)
            if done.returncode:
                _init_works(scene, fault)
            with scene.opened(Passphrase(PASSPHRASE)):
                pass
            assert_sound(scene.checked(Passphrase(PASSPHRASE)))
            scene.rewind()


def _init_works(scene: Scene, fault: Fault) -> None:
    """Again, by the same words; where the vault was finished already, `open` is what init's refusal names."""
    if scene.home.config_file.exists():
        return
    again = scene.run("init", scene.copy, "--yes", "--json", secret="passphrase")
    if again.returncode:
        scene.must("open", scene.copy, secret="passphrase")


@contextlib.contextmanager
def mounted(point: Path, size: str) -> Iterator[None]:
    if os.geteuid():
        pytest.skip("mounting needs root, and this test has to fill a disk")
    point.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "vaultd-torture", str(point)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system does not let root mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


@pytest.mark.parametrize("place", ["copy", "home"])
def test_a_disk_that_is_really_full(place: str, scratch: Path) -> None:
    """Filled to the last byte under the copy, or under the home: told, and once there is room all goes on."""
    scene = new_scene(scratch / "scene")
    with mounted(scene.top / place, "2m"):
        make_vault(scene)
        first = json.loads(scene.must("snapshot", "--json"))[0]["id"]
        scene.remember_truth(first)
        (scene.source / "large").write_bytes(os.urandom(1_200_000))
        filler = scene.top / place / "filler"
        room = os.statvfs(filler.parent)
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize))
        done = scene.run("snapshot")
        assert_told(done, place)
        # What a full copy does not take waits on this computer.
        assert done.returncode == 3 if place == "copy" else done.returncode in (0, 1)
        filler.unlink()
        assert_sound(scene.checked())
        assert_gives_back(scene, first)
        scene.remember_truth("now")
        assert_now(scene, scene.take().snapshot.id.hex())


def test_a_disk_that_fills_up_on_the_way(scratch: Path, extent: Extent) -> None:
    """Every amount of room, by 4 KiB: a snapshot fits, or nothing of it counts."""
    scene = new_scene(scratch / "scene")
    with mounted(scene.copy, "8m"):
        make_vault(scene)
        first = json.loads(scene.must("snapshot", "--json"))[0]["id"]
        scene.remember_truth(first)
        scene.truths["now"] = scene.source
        filler = scene.copy / "filler"
        for pages in extent.choose("rooms on a full disk", range(40), 8):
            (scene.source / "large").write_bytes(os.urandom(100_000))
            room = os.statvfs(scene.copy)
            filler.write_bytes(bytes((room.f_bavail - pages) * room.f_frsize))
            made = ""
            with contextlib.suppress(Full):
                made = scene.take().snapshot.id.hex()
            filler.unlink()
            if made:
                assert_now(scene, made)
            assert_sound(scene.checked())
            assert_gives_back(scene, first)
        assert_now(scene, scene.take().snapshot.id.hex())
