"""SIGKILL at every system call of a command: what was acknowledged stays, nothing needs repair, and the next
run works (row 1 of the hazards).

A point is certain if two recordings have it: a run that is not killed there fails the sweep. What only one
of them has may come or not, as SQLite and the interpreter please.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.torture.strace import Call, Point, needs_strace, points, strike
from tests.torture.sweep import Extent
from tests.torture.vault import (
    PASSPHRASE,
    Scene,
    assert_gives_back,
    assert_sound,
    give_back,
    logs_of,
    make_reference,
    new_scene,
    quick_vault,
    scratch_folder,
)
from vaultd.copies.directory import NO_DEVICE
from vaultd.copies.locating import Location
from vaultd.credentials import KeyFile, Passphrase
from vaultd.errors import NoVault, VaultExists
from vaultd.jobs.init import attach, create_vault
from vaultd.jobs.sources import Wanted, add_source

KILLED = -9
# Of the calls that change nothing, one in so many is tried too, in a whole sweep.
OTHERS = 10
# How often a thread waits for another is chance, so no number of it belongs to a place in the program.
BY_CHANCE = "futex"


@pytest.fixture(scope="module")
def reference() -> Iterator[Scene]:
    """A vault whose source has something new for the next snapshot."""
    with scratch_folder() as folder:
        scene = make_reference(folder / "scene")
        (scene.source / "one more").write_bytes(b"one more " * 300)
        scene.remember_truth("now")
        scene.keep()
        yield scene


def certain_and_possible(
    scene: Scene, words: Sequence[str | Path], secret: str = "key"
) -> tuple[dict[Point, Call], set[Point]]:
    once, again = points(scene, words, secret), points(scene, words, secret)
    return once | again, set(once) & set(again)


def sweep(
    scene: Scene,
    extent: Extent,
    words: Sequence[str | Path],
    check: Callable[[str], None],
    slice_of: int,
    secret: str = "key",
) -> None:
    """Kill at each changing call, and at some others; `check` is given what the command had said by then."""
    found, certain = certain_and_possible(scene, words, secret)
    for point in _chosen(found, extent, _verb(words), slice_of):
        done = strike(scene, words, point, "signal=KILL", secret)
        assert done.returncode == KILLED or point not in certain, (point, found[point], done)
        check(done.stdout)
        scene.rewind()


def _chosen(found: dict[Point, Call], extent: Extent, verb: str, slice_of: int) -> Iterator[Point]:
    changing = sorted((point for point, call in found.items() if call.changes), key=str)
    assert changing
    yield from extent.choose(f"kills, {verb}, changing calls", changing, slice_of)
    if extent.whole:
        others = sorted(
            (point for point, call in found.items() if not call.changes and point.name != BY_CHANCE), key=str
        )
        sample = extent.rng.sample(others, len(others) // OTHERS)
        yield from extent.choose(f"kills, {verb}, a tenth of the others", sample, 0)


def _verb(words: Sequence[str | Path]) -> str:
    return " ".join(word for word in words[:2] if isinstance(word, str) and word.isalpha())


def after_writing(scene: Scene) -> Callable[[str], None]:
    """What must hold of a vault that existed before."""

    def check(said: str) -> None:
        acknowledged = set(scene.truths) - {"now"}
        with contextlib.suppress(ValueError):
            acknowledged |= {each["id"] for each in json.loads(said) if "id" in each}
        assert_sound(scene.checked())
        assert acknowledged <= {each.id.hex() for each in scene.snapshots()}
        assert_gives_back(scene, scene.newest if scene.newest != "now" else list(scene.truths)[-2])
        works_on(scene)

    return check


def works_on(scene: Scene) -> None:
    """The next snapshot holds what the source holds; the vault is sound, without forks and leftovers.

    What an `init` was writing before it had a device id stays: nobody can tell whose it is.
    """
    made = scene.take().snapshot.id.hex()
    scene.truths[made] = scene.truths["now"]
    try:
        assert_gives_back(scene, made)
    finally:
        del scene.truths[made]
    assert_sound(scene.checked())
    assert len(logs_of(scene.copy)) == len(set(logs_of(scene.copy)))
    assert not [path for path in scene.copy.rglob("*.tmp") if NO_DEVICE not in path.name]


@needs_strace
def test_killed_snapshot(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, ("snapshot", "--json"), after_writing(reference), 12)


@needs_strace
def test_killed_source_add(reference: Scene, extent: Extent) -> None:
    other = reference.top / "other"
    other.mkdir(exist_ok=True)
    sweep(reference, extent, ("source", "add", other), after_writing(reference), 4)


@needs_strace
def test_killed_key_add(reference: Scene, extent: Extent) -> None:
    """Whatever file the new key is in: it opens the vault, or it was never promised to."""
    new = reference.top / "new key"
    check = after_writing(reference)

    def check_new_key(said: str) -> None:
        check(said)
        if said:
            with reference.opened(KeyFile(new.read_bytes())):
                pass

    reference.loose = [new]
    sweep(reference, extent, ("key", "add", "--file", new), check_new_key, 4)


@needs_strace
def test_killed_key_remove(reference: Scene, extent: Extent) -> None:
    """A way in stays, whenever the other one goes."""
    slots = {path.name for path in (reference.copy / "keys").iterdir()}
    listed = json.loads(reference.must("key", "list", "--json"))
    passphrase = next(slot["id"] for slot in listed if slot["kdf"] == 1)
    assert len(slots) == 2
    sweep(reference, extent, ("key", "remove", passphrase), after_writing(reference), 4)


@needs_strace
def test_killed_restore(reference: Scene, extent: Extent) -> None:
    """What has its own name is whole; the same restore goes on from there and leaves nothing aside."""
    target = reference.top / "back"
    newest = list(reference.truths)[-2]
    words = ("restore", newest, "--target", target)

    def check(said: str) -> None:
        half = differences(reference.truths[newest], target) if target.exists() else []
        # Folders get their attributes last, and names of one file come one by one.
        assert not [line for line in half if " data:" in line or " size:" in line or " kind:" in line]
        reference.must(*words, "--overwrite", "if-changed")
        assert differences(reference.truths[newest], target) == []

    reference.loose = [target]
    sweep(reference, extent, words, check, 5)


@needs_strace
def test_killed_init(extent: Extent) -> None:
    """Either there is a vault that opens, or `init` can be run again as if nothing had been."""
    with scratch_folder() as folder:
        scene, words = _before_init(folder)
        sweep(scene, extent, words, lambda said: _init_goes_on(scene, said), 4, secret="passphrase")


@needs_strace
def test_killed_before_the_first_way_into_a_vault() -> None:
    """The last moment at which nobody can open what stands there, so that `init` must begin anew."""
    with scratch_folder() as folder:
        scene, words = _before_init(folder)
        found = points(scene, words, "passphrase")
        slots = [p for p, c in found.items() if c.name.startswith("rename") and "/copy/keys" in c.line]
        done = strike(scene, words, min(slots, key=lambda point: point.nth), "signal=KILL", "passphrase")
        assert done.returncode == KILLED
        _init_goes_on(scene, done.stdout)


def _before_init(folder: Path) -> tuple[Scene, tuple[str | Path, ...]]:
    scene = new_scene(folder / "scene")
    scene.remember_truth("now")
    return scene, ("init", scene.copy, "--yes", "--json")


def _init_goes_on(scene: Scene, said: str) -> None:
    passphrase = Passphrase(PASSPHRASE)
    try:
        with scene.opened(passphrase):
            pass
    except NoVault:
        assert not said
        try:
            create_vault(scene.home, Location(str(scene.copy)), os.urandom(32), passphrase, "main")
        except VaultExists:
            attach(scene.home, Location(str(scene.copy)), passphrase, "main")
    with scene.opened(passphrase, writing=True) as session:
        add_source(session, Wanted(os.fsencode(scene.source)))
    scene.key_file.unlink(missing_ok=True)
    scene.must("key", "add", "--file", scene.key_file, secret="passphrase")
    works_on(scene)


def stop_after(times: int) -> Callable[[], bool]:
    """Says no so many times, and then yes."""
    left = iter(range(times))
    return lambda: next(left, None) is None


def test_a_stopped_restore_leaves_whole_files_only(scratch: Path, extent: Extent) -> None:
    """Stopped before any file or chunk; then the same restore goes on, and leaves nothing aside."""
    scene = Scene(scratch / "scene")
    scene.source.mkdir(parents=True)
    (scene.source / "film").write_bytes(extent.rng.randbytes(9 << 20))
    for number in range(4):
        (scene.source / f"{number}").write_bytes(b"%d" % number * 1000)
    quick_vault(scene)
    wanted = scene.take().snapshot
    for times in extent.choose("stops of a restore", range(12), 12):
        target = scratch / "back"
        with scene.opened() as session, contextlib.suppress(KeyboardInterrupt):
            give_back(session, wanted, target, stop=stop_after(times))
        for path in target.iterdir():
            assert path.read_bytes() == (scene.source / path.name).read_bytes(), times
        with scene.opened() as session:
            assert give_back(session, wanted, target).complete
        assert differences(scene.source, target) == []
        shutil.rmtree(target)
