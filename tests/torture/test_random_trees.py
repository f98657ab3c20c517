"""Real folders, edited at random, through a real vault and back: everything is as it was, at every snapshot,
and what was deleted is in the attic.
"""

import os
import shutil
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from vaultd_cli.chosen import view_of

from tests.compare_trees import differences
from tests.torture.sweep import Extent
from tests.torture.vault import Scene, assert_sound, give_back, quick_vault, scratch_folder
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.view import Found

NAMES = st.sampled_from([b"a", b"b", b"A", "照片".encode(), b"\xff\xfe", b"with space", b"-rf", b"n\nl"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
NUMBERS = st.integers(0, 99)
SIZES = st.sampled_from([0, 1, 5000, 70_000])
EXAMPLES = {False: 20, True: 2000}


class Trees(RuleBasedStateMachine):
    """Any edits in any order, then snapshots; the truth is a copy that `cp -a` made of the folder."""

    @initialize()
    def make(self) -> None:
        self._scratch = scratch_folder()
        self.scene = Scene(self._scratch.__enter__() / "scene")
        self.scene.source.mkdir(parents=True)
        (self.scene.source / "stays").write_text("so that the source is never empty")
        quick_vault(self.scene)
        self.taken: list[str] = []
        self.ever: dict[bytes, bytes] = {}

    def teardown(self) -> None:
        if hasattr(self, "_scratch"):
            self._scratch.__exit__(None, None, None)

    def _place(self, path: bytes) -> bytes | None:
        """The path in the source, its folders made; None where something else, or a link, is in the way."""
        place = os.path.join(os.fsencode(self.scene.source), path)
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)
        except OSError:
            return None
        return place

    @rule(path=PATHS, size=SIZES, seed=st.integers(0, 3))
    def write(self, path: bytes, size: int, seed: int) -> None:
        place = self._place(path)
        if place and (not os.path.lexists(place) or (os.path.isfile(place) and not os.path.islink(place))):
            with open(place, "wb") as file:
                file.write(bytes([seed]) * size)

    @rule(path=PATHS)
    def folder(self, path: bytes) -> None:
        place = self._place(path)
        if place and not os.path.lexists(place):
            os.mkdir(place)

    @rule(path=PATHS, leads_to=PATHS)
    def link(self, path: bytes, leads_to: bytes) -> None:
        place = self._place(path)
        if place and not os.path.lexists(place):
            os.symlink(leads_to, place)

    @rule(path=PATHS, number=NUMBERS)
    def second_name(self, path: bytes, number: int) -> None:
        existing, place = self._existing(number), self._place(path)
        if place and not os.path.lexists(place) and os.path.isfile(existing) and not os.path.islink(existing):
            os.link(existing, place)

    def _existing(self, number: int) -> bytes:
        """One of the things that are there, wherever it is."""
        top = os.fsencode(self.scene.source)
        found = sorted(os.path.join(at, n) for at, folders, files in os.walk(top) for n in folders + files)
        return found[number % len(found)]

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        place = self._existing(number)
        if place.endswith(b"/stays"):
            return  # an empty source makes no snapshot, on purpose
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.rmtree(place)
        elif os.path.lexists(place):
            os.unlink(place)

    @rule(path=PATHS, number=NUMBERS)
    def move(self, path: bytes, number: int) -> None:
        old, place = self._existing(number), self._place(path)
        if old.endswith(b"/stays"):
            return
        if place and os.path.lexists(old) and not os.path.lexists(place) and not _is_below(place, old):
            os.rename(old, place)

    @rule(
        number=NUMBERS, mode=st.sampled_from([0o600, 0o644, 0o755, 0o700]), time=st.integers(-(2**31), 2**40)
    )
    def touch(self, number: int, mode: int, time: int) -> None:
        place = self._existing(number)
        if os.path.exists(place) and not os.path.islink(place):
            os.chmod(place, mode)
            os.utime(place, ns=(time, time))

    @precondition(lambda self: hasattr(self, "scene"))
    @rule()
    def lose_state(self) -> None:
        for path in self.scene.home.state.glob("state.db*"):
            path.unlink()

    @rule()
    def save(self) -> None:
        taken = self._take()
        assert taken.snapshot.body.complete
        identity = taken.snapshot.id.hex()
        self.scene.remember_truth(identity)
        self.taken.append(identity)
        again = self._take()
        assert again.snapshot.body.root == taken.snapshot.body.root
        assert again.snapshot.body.attic == taken.snapshot.body.attic
        self._remember_files()
        self._look(again.snapshot)

    def _take(self) -> Taken:
        return self.scene.take()

    def _remember_files(self) -> None:
        top = os.fsencode(self.scene.source)
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        self.ever[os.path.relpath(path, top)] = file.read()

    def _look(self, snapshot: Snapshot) -> None:
        """The newest and the oldest give back everything; the attic has every file that is not there now."""
        with self.scene.opened() as session:
            found = {each.id.hex(): each for each in list_snapshots(session.vault.journal)}
            for identity in {self.taken[0], self.taken[-1]}:
                with scratch_folder() as scratch:
                    assert give_back(session, found[identity], scratch / "back").complete
                    assert differences(self.scene.truths[identity], scratch / "back", root=True) == []
            self._attic_holds(session, snapshot)

    def _attic_holds(self, session: Session, snapshot: Snapshot) -> None:
        view = view_of(session, snapshot)
        deleted: dict[bytes, list[bytes]] = {}
        for found in view.deleted():
            assert isinstance(found, Found)
            if found.entry.kind == 1:
                data = view.read(found.entry, 0, found.entry.size)
                deleted.setdefault(found.path, []).append(data)
        top = os.fsencode(self.scene.source)
        for path, last in self.ever.items():
            place = os.path.join(top, path)
            if not os.path.isfile(place) or os.path.islink(place):
                assert last in deleted.get(path, []), path


def _is_below(place: bytes, folder: bytes) -> bool:
    """Whether it is inside the folder, by whatever links the path leads there."""
    return os.path.realpath(os.path.dirname(place)).startswith(os.path.realpath(folder))


def test_everything_comes_back_after_any_edits(extent: Extent) -> None:
    examples = EXAMPLES[extent.whole]
    extent.note(f"random histories: {examples} of up to 20 steps")
    # A short history needs no shrinking, which takes longer than all the rest.
    phases = tuple(Phase) if extent.whole else (Phase.generate,)
    quick = settings(max_examples=examples, stateful_step_count=20, deadline=None, phases=phases)
    run_state_machine_as_test(Trees, settings=quick)


def test_the_quick_vault_is_like_any_other(scratch: Path) -> None:
    scene = Scene(scratch / "scene")
    scene.source.mkdir(parents=True)
    (scene.source / "file").write_text("content")
    quick_vault(scene)
    assert scene.take().snapshot.body.complete
    assert_sound(scene.checked())
