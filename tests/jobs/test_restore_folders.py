"""A folder that was there before a restore stays what its owner made of it; one that a restore made is
finished, however often the restore was cut off.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, plan, root_of
from tests.tree.trees import build, file
from vaultd.format.entry import FOLDER, Entry
from vaultd.jobs.existing import Overwrite
from vaultd.jobs.restore import restore
from vaultd.progress import Silent

OWNER = 12345 if os.geteuid() == 0 else os.geteuid()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners are root's")


def tree(sink: FakeSink, mode: int = 0o755) -> Entry:
    """Two folders in each other, both with a mode, an owner and a time of their own."""
    inner = build(sink, {b"f": b"1", b"g": b"2"}).content
    folder = Entry(b"inner", FOLDER, mode, OWNER, OWNER, 20, 0, inner, {})
    outer = root_of(sink, [file(sink, b"a", b"1"), folder, file(sink, b"z", b"12345678")]).content
    root = root_of(sink, [Entry(b"outer", FOLDER, mode, OWNER, OWNER, 10, 0, outer, {})])
    return Entry(b"", FOLDER, mode, OWNER, OWNER, 30, 0, root.content, {})


def look(path: Path) -> tuple[int, int]:
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid


def existing(back: Path) -> list[Path]:
    """The folders of `tree`, made by somebody else."""
    folders = [back, back / "outer", back / "outer" / "inner"]
    for path in folders:
        path.mkdir()
        path.chmod(0o710)
    return folders


@pytest.mark.parametrize("overwrite", [Overwrite.NEVER, Overwrite.IF_CHANGED])
def test_folders_that_were_there_keep_their_own(tmp_path: Path, overwrite: Overwrite) -> None:
    sink, folders = FakeSink(), existing(tmp_path / "back")
    restored = give_back(sink, tree(sink), tmp_path / "back", overwrite=overwrite)
    assert restored.tally.files == 4
    assert [look(path) for path in folders] == [(0o710, os.geteuid())] * 3
    assert not {path.stat().st_mtime_ns for path in folders} & {10, 20, 30}


def test_only_overwrite_always_changes_them_and_never_the_target_itself(tmp_path: Path) -> None:
    sink, folders = FakeSink(), existing(tmp_path / "back")
    give_back(sink, tree(sink), tmp_path / "back", overwrite=Overwrite.ALWAYS)
    assert [look(path) for path in folders] == [(0o710, os.geteuid()), (0o755, OWNER), (0o755, OWNER)]
    assert [path.stat().st_mtime_ns for path in folders[1:]] == [10, 20]


def test_an_empty_target_that_was_there_keeps_its_own(tmp_path: Path) -> None:
    sink = FakeSink()
    (tmp_path / "back").mkdir(mode=0o710)
    give_back(sink, tree(sink), tmp_path / "back")
    assert look(tmp_path / "back") == (0o710, os.geteuid())
    assert look(tmp_path / "back" / "outer") == (0o755, OWNER)


def after(times: int) -> Callable[[], bool]:
    left = iter(range(times))
    return lambda: next(left, None) is None


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o1777, 0o1700])
def test_what_was_cut_off_is_finished_by_the_same_restore(tmp_path: Path, mode: int) -> None:
    sink = FakeSink()
    root = tree(sink, mode)
    give_back(sink, root, tmp_path / "reference")
    times = 0
    while True:
        back = tmp_path / f"back{times}"
        try:
            restore(plan(sink, root, back), KEYS, Silent(), after(times))
        except KeyboardInterrupt:
            assert give_back(sink, root, back).complete
        else:
            break
        assert differences(tmp_path / "reference", back, root=True) == [], times
        times += 1
    assert times > 6


def test_what_somebody_put_there_meanwhile_does_not_keep_a_folder_from_being_finished(tmp_path: Path) -> None:
    sink = FakeSink()
    with pytest.raises(KeyboardInterrupt):
        restore(plan(sink, tree(sink), tmp_path / "back"), KEYS, Silent(), after(4))
    (tmp_path / "back" / "outer" / "mine").write_bytes(b"mine")
    assert look(tmp_path / "back" / "outer") == (0o1700, os.geteuid())
    give_back(sink, tree(sink), tmp_path / "back")
    assert look(tmp_path / "back" / "outer") == (0o755, OWNER)
    assert (tmp_path / "back" / "outer" / "mine").read_bytes() == b"mine"


def test_a_folder_is_finished_that_got_its_access_list_and_not_its_mode(tmp_path: Path) -> None:
    sink = FakeSink()
    (tmp_path / "back" / "outer").mkdir(parents=True)
    (tmp_path / "back" / "outer").chmod(0o1755)
    give_back(sink, tree(sink), tmp_path / "back")
    assert look(tmp_path / "back" / "outer") == (0o755, OWNER)


def test_a_folder_below_one_whose_group_is_inherited_is_finished_too(tmp_path: Path) -> None:
    sink = FakeSink()
    (tmp_path / "back").mkdir()
    (tmp_path / "back").chmod(0o2755)
    with pytest.raises(KeyboardInterrupt):
        restore(plan(sink, tree(sink), tmp_path / "back"), KEYS, Silent(), after(4))
    give_back(sink, tree(sink), tmp_path / "back")
    assert look(tmp_path / "back" / "outer") == (0o755, OWNER)


@pytest.mark.parametrize(("there", "mode"), [(0o1777, 0o755), (0o1777, 0o777), (0o1770, 0o770)])
def test_a_sticky_folder_of_somebody_else_stays_as_it_is(tmp_path: Path, there: int, mode: int) -> None:
    """Even where the vault's folder has the same permissions: so stands /tmp."""
    sink = FakeSink()
    (tmp_path / "back" / "outer").mkdir(parents=True)
    for folder in (tmp_path / "back", tmp_path / "back" / "outer"):
        folder.chmod(there)
    give_back(sink, tree(sink, mode), tmp_path / "back")
    for folder in (tmp_path / "back", tmp_path / "back" / "outer"):
        assert look(folder) == (there, os.geteuid())


def test_what_comes_late_leaves_a_finished_folder_its_time_and_what_its_owner_changed(tmp_path: Path) -> None:
    sink = FakeSink()
    inner = tmp_path / "back" / "outer" / "inner"
    give_back(sink, tree(sink), tmp_path / "back", exclude=["g"])
    assert not (inner / "g").exists()
    inner.chmod(0o750)
    give_back(sink, tree(sink), tmp_path / "back")
    assert (inner / "g").read_bytes() == b"2"
    assert (look(inner), inner.stat().st_mtime_ns) == ((0o750, OWNER), 20)


@needs_root
def test_a_mark_by_another_user_counts_for_root_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()
    outer = tmp_path / "back" / "outer"
    outer.mkdir(parents=True)
    outer.chmod(0o1700)
    os.chown(outer, 5, 5)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    give_back(sink, tree(sink), tmp_path / "back")
    assert look(outer) == (0o1700, 5)
    monkeypatch.undo()
    give_back(sink, tree(sink), tmp_path / "back")
    assert look(outer) == (0o755, OWNER)
