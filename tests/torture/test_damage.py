"""Every byte of a copy flipped, every file cut, lengthened, removed and swapped: always detected, never wrong
bytes out (rows 5 to 7 of the hazards).

Each damage is looked at twice: by a computer that sees the copy for the first time, and by one whose local
state is from before.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.torture.sweep import Extent
from tests.torture.vault import (
    Outcome,
    Scene,
    assert_gives_back,
    assert_sound,
    give_back,
    make_reference,
    outcome,
    quick_vault,
    scratch_folder,
)
from vaultd.credentials import Credential
from vaultd.errors import VaultdError
from vaultd.jobs.check import check
from vaultd.jobs.session import Session
from vaultd.progress import Silent

FLIPS = (0x01, 0x80, 0xFF)
# Compared with the built-in ones and rewritten by every check.
TEXTS = ("README.txt", "FORMAT.md")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scratch_folder() as folder:
        yield make_reference(folder / "scene")


@dataclass(frozen=True)
class Damage:
    """What is done to one file of the copy. `other` is the file whose content it gets."""

    name: str
    how: str
    at: int = 0
    value: int = 0
    other: str = ""

    def apply(self, copy: Path) -> bytes:
        """Do it; the bytes that were there."""
        path = copy / self.name
        before = path.read_bytes()
        if self.how == "remove":
            path.unlink()
            return before
        path.write_bytes(self._after(copy, before))
        return before

    def _after(self, copy: Path, before: bytes) -> bytes:
        if self.how == "flip":
            return before[: self.at] + bytes([before[self.at] ^ self.value]) + before[self.at + 1 :]
        if self.how == "cut":
            return before[: self.at]
        if self.how == "lengthen":
            return before + bytes([self.value])
        return (copy / self.other).read_bytes()


def files_of(copy: Path) -> list[str]:
    paths = (path for path in copy.rglob("*") if path.is_file())
    return sorted(name for path in paths if (name := str(path.relative_to(copy))) not in TEXTS)


def flips(copy: Path, values: tuple[int, ...] = FLIPS) -> list[Damage]:
    sizes = {name: (copy / name).stat().st_size for name in files_of(copy)}
    return [
        Damage(n, "flip", at, value) for n, size in sizes.items() for at in range(size) for value in values
    ]


def cuts(copy: Path) -> list[Damage]:
    sizes = {name: (copy / name).stat().st_size for name in files_of(copy)}
    return [Damage(name, "cut", at) for name, size in sizes.items() for at in range(size)]


def removals(copy: Path) -> list[Damage]:
    return [Damage(name, "remove") for name in files_of(copy)]


def lengthened_and_swapped(copy: Path) -> list[Damage]:
    names = files_of(copy)
    damages = [Damage(name, "lengthen", value=value) for name in names for value in (0, 0xFF)]
    return damages + [Damage(one, "swap", other=other) for one in names for other in names if one != other]


class Trial:
    """Puts damage into a reference vault, looks, and takes it out again. Counts what was seen."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.looks = 0
        self._kept_state = scene.top / "home.kept" / "state.db"
        last = max((scene.copy / "log").glob("*/*"), key=lambda path: path.name)
        self._last_record = str(last.relative_to(scene.copy))

    def run(self, damage: Damage) -> None:
        before = damage.apply(self.scene.copy)
        try:
            for fresh in (True, False):
                self._state(fresh)
                self._look(damage, fresh)
        finally:
            (self.scene.copy / damage.name).write_bytes(before)

    def _state(self, fresh: bool) -> None:
        state = self.scene.home.state_file
        for path in state.parent.glob("state.db*"):
            path.unlink()
        if not fresh:
            shutil.copyfile(self._kept_state, state)

    def _look(self, damage: Damage, fresh: bool) -> None:
        self.looks += 1
        if not damage.name.startswith("keys/"):
            detected = self._detected(damage, self.scene.key)
        else:
            # The way in that may be damaged, and one that does not need it.
            self._detected(damage, self.scene.key)
            detected = self._detected(damage, self.scene.recovery)
        assert detected or self._harmless(damage, fresh), (damage, "fresh" if fresh else "old")

    def _harmless(self, damage: Damage, fresh: bool) -> bool:
        """An index is never needed; and that the newest record ever existed, one copy alone cannot tell."""
        index = damage.name.startswith("index/")
        return damage.how == "remove" and (index or (fresh and damage.name == self._last_record))

    def _detected(self, damage: Damage, credential: Credential) -> bool:
        """Whether opening or checking says so. Nothing wrong may come out in either case."""
        try:
            with self.scene.opened(credential) as session:
                report = check(session.vault, Silent(), lambda: None, read_data=True)
                outcomes = [self._restored(session, wanted) for wanted in self.scene.truths]
        except VaultdError:
            return True
        assert not [line for each in outcomes for line in each.wrong], (damage, outcomes)
        # A restore may be whole beside damage, but damage that it met is never new to a check.
        assert not report.sound or not any(each.told for each in outcomes), (damage, outcomes)
        return not report.sound

    def _restored(self, session: Session, wanted: str) -> Outcome:
        target = self.scene.top / "back"
        try:
            return outcome(self.scene, session, wanted, target)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def test_the_undamaged_vault_is_sound_and_gives_everything_back(reference: Scene) -> None:
    reference.rewind()
    assert_sound(reference.checked())
    assert_sound(reference.checked(reference.recovery))
    for snapshot in reference.truths:
        assert_gives_back(reference, snapshot)


def sweep(reference: Scene, extent: Extent, what: str, damages: list[Damage], slice_of: int) -> None:
    reference.rewind()
    trial = Trial(reference)
    # Every byte once before any byte twice.
    for damage in extent.choose(what, damages, slice_of, first=lambda damage: damage.value != FLIPS[0]):
        trial.run(damage)


def test_every_byte_flipped(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, "flips", flips(reference.copy), 120)


def test_the_file_that_says_which_vault_it_is(reference: Scene, extent: Extent) -> None:
    """It is named by nothing, and no seal covers it."""
    damages = [damage for damage in flips(reference.copy) if damage.name == "vault.id"]
    sweep(reference, extent, "flips in vault.id", damages, 60)


def test_every_file_cut_at_every_length(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, "cuts", cuts(reference.copy), 40)


def test_every_file_removed(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, "removals", removals(reference.copy), 100)


def test_every_file_lengthened_and_swapped(reference: Scene, extent: Extent) -> None:
    sweep(reference, extent, "files lengthened and swapped", lengthened_and_swapped(reference.copy), 40)


def test_a_large_file_with_damaged_chunks_gets_another_name(scratch: Path, extent: Extent) -> None:
    """What can be had of it is there, at the right places, and nobody takes it for the file."""
    scene = Scene(scratch / "scene")
    scene.source.mkdir(parents=True)
    data = extent.rng.randbytes(9 << 20)
    (scene.source / "film").write_bytes(data)
    quick_vault(scene)
    wanted = scene.take().snapshot
    (pack,) = (path for path in scene.copy.glob("packs/*/*") if path.stat().st_size > len(data))
    places = extent.rng.sample(range(200, len(data)), 200)
    for number, at in enumerate(extent.choose("flips in a large file", places, 6)):
        Damage(str(pack.relative_to(scene.copy)), "flip", at, 0x01).apply(scene.copy)
        target = scratch / f"back-{number}"
        with scene.opened() as session:
            restored = give_back(session, wanted, target)
        assert restored.damage
        assert [trouble.path for trouble in restored.troubles.kept] == [b"film"]
        (found,) = target.iterdir()
        assert found.name == "film.vaultd-damaged"
        assert all(
            one in (other, 0) for one, other in zip(found.read_bytes()[::997], data[::997], strict=True)
        )
        shutil.rmtree(target)
        Damage(str(pack.relative_to(scene.copy)), "flip", at, 0x01).apply(scene.copy)


@pytest.mark.parametrize("folder", ["packs", "log"])
def test_the_commands_exit_with_20(reference: Scene, scratch: Path, folder: str) -> None:
    """`check` for any damage; `restore` for what it met; and each says so without a traceback."""
    reference.rewind()
    for name in [name for name in files_of(reference.copy) if name.startswith(folder)]:
        Damage(name, "flip", (reference.copy / name).stat().st_size // 4, 0x01).apply(reference.copy)
    checked = reference.run("check", "--read-data")
    restored = reference.run("restore", reference.newest, "--target", scratch / "back")
    assert checked.returncode == 20, checked
    assert restored.returncode == (20 if folder == "packs" else 0), restored
    assert "Traceback" not in checked.stderr + restored.stderr
    reference.rewind()
