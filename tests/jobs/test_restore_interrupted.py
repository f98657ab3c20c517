"""A restore that is killed, stopped, or runs out of room, and what it leaves for the next one."""

import multiprocessing
import os
import signal
import subprocess
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, names, plan, root_of
from tests.tree.trees import build, file
from vaultd.errors import NotAFolder, TargetFull, TargetReadOnly, TargetTooSmall
from vaultd.format.entry import Entry
from vaultd.jobs.aside import temporary_name
from vaultd.jobs.restore import restore
from vaultd.progress import Silent

# A child that is a copy of this process, and so has the sink in its memory.
_fork = multiprocessing.get_context("fork")


def test_what_an_interruption_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"d": {b"a": b"1"}})
    (tmp_path / "back" / "d").mkdir(parents=True)
    ours, folder_like = temporary_name(), temporary_name()
    (tmp_path / "back" / "d" / os.fsdecode(ours)).write_bytes(b"half")
    (tmp_path / "back" / "d" / os.fsdecode(folder_like)).mkdir()
    theirs = tmp_path / "back" / "d" / ".vaultd-restore-0123.tmp"
    theirs.write_bytes(b"mine")
    restored = give_back(sink, root, tmp_path / "back")
    assert restored.swept == 1
    assert names(tmp_path / "back" / "d") == sorted([os.fsdecode(folder_like), theirs.name, "a"])


def many(sink: FakeSink) -> Entry:
    return build(
        sink, {b"%02d" % n: {b"%02d" % m: b"%d" % (n * m) * 50 for m in range(40)} for n in range(25)}
    )


def restore_and_wait(sink: FakeSink, root: Entry, back: Path, steps: int, near: Event) -> None:
    """Restore, say so after some steps, and some steps later wait for the end, which comes in between or
    then.
    """
    left = iter(range(steps + 100))

    def stop() -> bool:
        step = next(left, None)
        if step == steps:
            near.set()
        if step is None:
            signal.pause()
        return False

    restore(plan(sink, root, back), KEYS, Silent(), stop)


def test_a_restore_that_was_killed_goes_on(tmp_path: Path) -> None:
    sink = FakeSink()
    root = many(sink)
    give_back(sink, root, tmp_path / "reference")
    back = tmp_path / "back"
    for steps in (2, 100, 300, 500):
        near = _fork.Event()
        child = _fork.Process(target=restore_and_wait, args=(sink, root, back, steps, near))
        child.start()
        assert near.wait(60)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        for path in back.rglob("*"):
            if path.is_file() and ".vaultd-restore-" not in path.name:
                assert path.read_bytes() == (tmp_path / "reference" / path.relative_to(back)).read_bytes()
    restored = give_back(sink, root, back)
    assert restored.complete
    assert differences(tmp_path / "reference", back, root=True) == []


def test_asked_to_stop_it_leaves_nothing_half_done(tmp_path: Path) -> None:
    sink = FakeSink()
    asked = iter([False] * 50)
    with pytest.raises(KeyboardInterrupt):
        restore(plan(sink, many(sink), tmp_path / "back"), KEYS, Silent(), lambda: next(asked, True))
    assert not [name for name in names(tmp_path / "back") if ".tmp" in name]
    assert len(names(tmp_path / "back")) > 2


def test_a_target_that_is_too_small(small_disk: Path) -> None:
    sink = FakeSink()
    with pytest.raises(TargetTooSmall):
        plan(sink, build(sink, {b"a": b"x" * (2 << 20)}), small_disk / "back")
    assert names(small_disk) == []


def test_a_target_that_fills_up_meanwhile(small_disk: Path, tmp_path: Path) -> None:
    sink = FakeSink()
    root = root_of(sink, [file(sink, b"%d" % n, os.urandom(80_000), cut=8000) for n in range(10)])
    planned = plan(sink, root, small_disk / "back")
    (small_disk / "other").write_bytes(bytes(500_000))
    with pytest.raises(TargetFull):
        restore(planned, KEYS, Silent(), lambda: False)
    left = names(small_disk / "back")
    assert left
    assert all(name.isdigit() for name in left)
    (small_disk / "other").unlink()
    assert give_back(sink, root, small_disk / "back").complete


def test_a_target_that_is_read_only(small_disk: Path) -> None:
    sink = FakeSink()
    (small_disk / "back").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    root = build(sink, {b"a": b"1"})
    for target in (small_disk / "back", small_disk / "new"):
        with pytest.raises(TargetReadOnly):
            give_back(sink, root, target)


def test_a_target_that_is_a_file(tmp_path: Path) -> None:
    sink = FakeSink()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotAFolder):
        plan(sink, build(sink, {}), tmp_path / "file")
