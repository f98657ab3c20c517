"""Somebody else works in the target meanwhile, or has something there under a name that a restore falls back
on: nothing of theirs is lost, and nothing that was restored is.
"""

import fcntl
import os
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, names, plan
from tests.tree.trees import Tree, build, file
from vaultd.errors import Busy
from vaultd.format.entry import CHAR, Entry
from vaultd.jobs import aside, drafts, restoring, target
from vaultd.jobs.aside import temporary_name
from vaultd.jobs.existing import Decision, Existing, Overwrite
from vaultd.jobs.restore import restore
from vaultd.jobs.target import Target
from vaultd.progress import Silent
from vaultd.tree.attic import update_attic
from vaultd.tree.view import View


@pytest.mark.parametrize("overwrite", [Overwrite.NEVER, Overwrite.IF_CHANGED])
def test_what_comes_at_the_last_moment_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: Overwrite
) -> None:
    """A name was taken at first, was free when it was looked at, and is taken again when it is given."""
    sink = FakeSink()
    mine, move = tmp_path / "back" / "a", aside.move_within
    mine.parent.mkdir()
    mine.write_bytes(b"mine")

    def moved(folder: int, old: bytes, new: bytes, *, replace: bool) -> bool:
        if not mine.exists():
            mine.write_bytes(b"newer")
        return move(folder, old, new, replace=replace)

    def stop() -> bool:
        mine.unlink(missing_ok=True)
        return False

    monkeypatch.setattr(drafts, "move_within", moved)
    planned = plan(sink, build(sink, {b"a": b"vault"}), tmp_path / "back", overwrite=overwrite)
    restored = restore(planned, KEYS, Silent(), stop)
    assert mine.read_bytes() == b"newer"
    assert (tmp_path / "back" / "a~2").read_bytes() == b"vault"
    assert [(each.path, each.name) for each in restored.renamed] == [(b"a", b"a~2")]


def in_each_others_way(sink: FakeSink) -> tuple[Entry, bytes | None]:
    """The attic of a path that was a folder, then a file."""
    states: list[Tree] = [{b"d": {b"f": b"1"}}, {}, {b"d": b"a file"}, {}]
    roots = [build(sink, state) for state in states]
    attic = None
    for now, (before, root) in enumerate(pairwise(roots)):
        attic = update_attic(sink, KEYS, [(before, attic)], root, now)
    return roots[-1], attic


@pytest.mark.parametrize("overwrite", list(Overwrite))
def test_a_restore_does_not_replace_what_it_has_just_restored(tmp_path: Path, overwrite: Overwrite) -> None:
    sink = FakeSink()
    root, attic = in_each_others_way(sink)
    for _ in range(3):
        restored = give_back(sink, root, tmp_path / "back", attic=attic, deleted=True, overwrite=overwrite)
        assert restored.complete
        assert names(tmp_path / "back") == ["d", "d~2", "d~2/f"]
        assert (tmp_path / "back" / "d").read_bytes() == b"a file"


@pytest.mark.parametrize("overwrite", list(Overwrite))
def test_a_name_that_nobody_asked_for_replaces_nothing(tmp_path: Path, overwrite: Overwrite) -> None:
    """A target that folds case: `a` is taken once `A` was written, and `a~2` is somebody's own."""
    sink, back = FakeSink(), tmp_path / "back"
    back.mkdir()
    (back / "a~2").write_bytes(b"mine")

    def stop() -> bool:
        if (back / "A").exists() and not (back / "a").exists():
            os.link(back / "A", back / "a")
        return False

    tree = build(sink, {b"A": b"upper", b"a": b"lower"})
    restore(plan(sink, tree, back, overwrite=overwrite), KEYS, Silent(), stop)
    assert (back / "a~2").read_bytes() == b"mine"
    assert (back / "a~3").read_bytes() == b"lower"


def test_names_beside_each_other_stay_apart_the_second_time(tmp_path: Path) -> None:
    """The vault has an `a~2` of its own, and `a` had to take that name."""
    sink, back = FakeSink(), tmp_path / "back"
    tree = build(sink, {b"A": b"upper", b"a": b"lower", b"a~2": b"own"})

    def stop() -> bool:
        if (back / "A").exists() and not (back / "a").exists():
            os.link(back / "A", back / "a")
        return False

    for overwrite in (Overwrite.NEVER, Overwrite.IF_CHANGED, Overwrite.ALWAYS):
        (back / "a").unlink(missing_ok=True)
        restore(plan(sink, tree, back, overwrite=overwrite), KEYS, Silent(), stop)
        found = {path.name: path.read_bytes() for path in back.iterdir()}
        assert {b"lower", b"own"} <= {data for name, data in found.items() if name.startswith("a~2")}


def test_two_restores_at_once_do_not_take_away_each_others_drafts(tmp_path: Path) -> None:
    sink, back = FakeSink(), tmp_path / "back"
    root = build(sink, {b"a": b"1"})
    back.mkdir()
    other = os.open(back, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    draft = back / os.fsdecode(temporary_name())
    draft.write_bytes(b"half")
    with pytest.raises(Busy):
        give_back(sink, root, back)
    assert names(back) == [draft.name]
    os.close(other)
    assert give_back(sink, root, back).swept == 1
    assert give_back(sink, root, back).complete


def test_leftovers_of_another_user_do_not_stop_a_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, back = FakeSink(), tmp_path / "back"
    back.mkdir()
    theirs = os.fsdecode(temporary_name())
    (back / theirs).write_bytes(b"half")
    unlink: Any = os.unlink

    def refuse(name: Any, **where: Any) -> None:
        if os.fsdecode(name) == theirs:
            raise PermissionError(1, "sticky")
        unlink(name, **where)

    monkeypatch.setattr(os, "unlink", refuse)
    assert give_back(sink, build(sink, {b"a": b"1"}), back).complete
    assert names(back) == [theirs, "a"]


def test_another_device_of_the_same_kind_is_not_the_same() -> None:
    sink = FakeSink()
    existing = Existing(View(sink, build(sink, {})), write=False)
    with Target(b"/dev") as devices:
        for number, expected in (((1, 3), Decision.ALREADY), ((1, 5), Decision.LEAVE)):
            entry = Entry(b"null", CHAR, 0o666, 0, 0, 1, 0, None, {"rdev": number})
            assert existing.judge(devices.here, b"null", entry, Overwrite.NEVER)[0] is expected


def test_a_disk_that_is_mounted_in_the_target_gets_everything_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, inner = FakeSink(), tmp_path / "back" / "d"
    inner.mkdir(parents=True)
    mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", inner]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    synced: list[int] = []

    def sync(fd: int) -> None:
        synced.append(os.fstat(fd).st_dev)
        target.sync(fd)

    monkeypatch.setattr(restoring, "sync", sync)
    try:
        give_back(sink, build(sink, {b"d": {b"a": b"1"}, b"e": {b"b": b"2"}}), tmp_path / "back")
        assert synced == [inner.stat().st_dev, tmp_path.stat().st_dev]
    finally:
        subprocess.run(["umount", inner], check=True)


@pytest.mark.parametrize("what", ["sparse", "large", "partly lost", "in order"])
def test_what_has_its_size_before_its_bytes_is_on_the_medium_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It would look restored after a power cut: a sparse file, one that several threads fill in whatever
    order, one that lacks something. Any other grows with its bytes.
    """
    sink = FakeSink()
    told: list[str] = []
    if what == "sparse":
        entry = file(sink, b"a", b"1", size=1 << 20, sparse=((0, 1),))
    else:
        entry = file(sink, b"a", os.urandom(400_000), cut=50_000 if what == "large" else 100_000)
    if what == "partly lost":
        entry = file(sink, b"a", b"1" * 1000 + b"2" * 1000, cut=1000)
        assert isinstance(entry.content, tuple)
        del sink.blobs[entry.content[1][0]]
    sync, move = os.fdatasync, aside.move_within

    def synced(fd: int) -> None:
        told.append("flushed")
        sync(fd)

    def moved(folder: int, old: bytes, new: bytes, *, replace: bool) -> bool:
        told.append("named")
        return move(folder, old, new, replace=replace)

    monkeypatch.setattr(os, "fdatasync", synced)
    monkeypatch.setattr(drafts, "move_within", moved)
    give_back(sink, build(sink, {b"a": entry}), tmp_path / "b")
    assert told == (["named"] if what == "in order" else ["flushed", "named"])
