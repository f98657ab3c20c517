"""What is told of changes in a watched folder."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.watched import (
    Told,
    count_of,
    inodes_of,
    inodes_watched,
    settled,
    told_since,
    until,
    watching,
)
from vaultd.daemon.changes import Broken, Change, Dirty, Scanning, Watching, Why
from vaultd.daemon.scope import Scope
from vaultd.daemon.watching import Watch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    for folder in ("a/b/c", "d", "empty"):
        (path / folder).mkdir(parents=True)
    (path / "a/photo").write_bytes(b"1")
    (path / "a/b/other").write_bytes(b"2")
    return path


def _replace(root: Path) -> None:
    (root / "d/new").write_bytes(b"new")
    os.replace(root / "d/new", root / "a/photo")


CHANGES: list[tuple[Callable[[Path], object], set[bytes]]] = [
    (lambda root: (root / "a/b/new").touch(), {b"a/b"}),
    (lambda root: (root / "new").touch(), {b""}),
    (lambda root: (root / "a/photo").write_bytes(b"22"), {b"a"}),
    (lambda root: os.truncate(root / "a/photo", 100), {b"a"}),
    (lambda root: (root / "a/photo").chmod(0o600), {b"a"}),
    (lambda root: os.utime(root / "a/photo", (1, 1)), {b"a"}),
    (lambda root: os.setxattr(root / "a/photo", "user.x", b"1"), {b"a"}),
    (lambda root: (root / "a/photo").unlink(), {b"a"}),
    (lambda root: (root / "a/photo").rename(root / "a/b/photo"), {b"a", b"a/b"}),
    (lambda root: os.link(root / "a/photo", root / "d/name"), {b"d"}),
    (lambda root: os.symlink("a", root / "d/link"), {b"d"}),
    (lambda root: os.mkfifo(root / "d/pipe"), {b"d"}),
    (lambda root: (root / "empty").rmdir(), {b""}),
    (lambda root: (root / "d").chmod(0o700), {b"", b"d"}),
    (lambda root: root.chmod(0o700), {b""}),
    (_replace, {b"a", b"d"}),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_change_makes_its_folders_dirty_and_no_others(root: Path, number: int) -> None:
    change, folders = CHANGES[number]
    with watching(root) as (watch, told):
        change(root)
        until(lambda: set(told.dirty) >= folders)
        settled(root, watch, told)
        assert told_since(told) - {b""} == folders - {b""}
        assert not any(told.dirty[folder] for folder in folders)


def test_reading_is_not_a_change(root: Path) -> None:
    with watching(root) as (watch, told):
        for path in (root / "a/photo", root / "a/b/other"):
            path.read_bytes()
        assert len(list(root.rglob("*"))) == 7
        settled(root, watch, told)
        assert told_since(told) <= {b""}


def test_a_change_of_a_file_that_has_two_names_is_told_where_it_was_made(root: Path) -> None:
    os.link(root / "a/photo", root / "d/name")
    with watching(root) as (_, told), (root / "d/name").open("ab") as file:
        file.write(b"more")
        file.flush()  # not closed: a database is not, either
        until(lambda: b"d" in told.dirty)


def test_a_new_folder_is_dirty_with_all_below_and_watched(root: Path) -> None:
    with watching(root) as (watch, told):
        (root / "new/x/y").mkdir(parents=True)
        (root / "new/x/y/file").touch()
        until(lambda: told.dirty.get(b"new") and told.covers(b"new/x/y"))
        until(lambda: inodes_watched() == inodes_of(root))
        settled(root, watch, told)
        told.changes.clear()
        (root / "new/x/y/file").write_bytes(b"later")
        until(lambda: b"new/x/y" in told.dirty)
        assert told_since(told) <= {b"new/x/y", b""}
        assert count_of(watch) == 9


def test_a_renamed_folder_is_told_under_its_new_name(root: Path) -> None:
    with watching(root) as (watch, told):
        (root / "a").rename(root / "d/moved")
        until(lambda: told.dirty.get(b"d/moved") and b"" in told.dirty and b"d" in told.dirty)
        settled(root, watch, told)
        told.changes.clear()
        (root / "d/moved/b/c/file").touch()
        until(lambda: b"d/moved/b/c" in told.dirty)
        assert told_since(told) <= {b"d/moved/b/c", b""}
        assert count_of(watch) == 6


def test_a_folder_that_was_moved_out_is_let_go_of_and_one_moved_in_is_taken_up(root: Path) -> None:
    outside = root.parent / "outside"
    with watching(root) as (watch, told):
        (root / "a").rename(outside)
        until(lambda: count_of(watch) == 3, "still watched outside")
        assert inodes_watched() == inodes_of(root)
        settled(root, watch, told)
        told.changes.clear()
        (outside / "b").rename(root / "back")
        until(lambda: told.dirty.get(b"back") and count_of(watch) == 5)
        (root / "back/c/file").touch()
        until(lambda: b"back/c" in told.dirty)


def test_a_folder_replaced_by_a_rename_while_somebody_has_it_open(root: Path) -> None:
    # watchdog 7.1's own reader of events ends here with a KeyError, and nothing is told ever after.
    with watching(root) as (watch, told):
        fd = os.open(root / "empty", os.O_RDONLY)
        (root / "d").rename(root / "empty")
        until(lambda: told.dirty.get(b"empty") and count_of(watch) == 5)
        (root / "empty").rmdir()
        until(lambda: count_of(watch) == 4)
        os.close(fd)
        (root / "a/b/c/file").touch()
        until(lambda: b"a/b/c" in told.dirty)


def test_names_that_are_not_text(root: Path) -> None:
    name = b"\xff\xfe.jpg"
    with watching(root) as (watch, told):
        folder = os.path.join(os.fsencode(root), b"a", name)
        os.mkdir(folder)
        until(lambda: told.dirty.get(b"a/" + name))
        settled(root, watch, told)
        told.changes.clear()
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"1")
        until(lambda: b"a/" + name in told.dirty)
        os.rename(folder, os.path.join(os.fsencode(root), b"line\nbreak"))
        until(lambda: told.dirty.get(b"line\nbreak"))


def test_a_source_whose_own_name_is_not_text(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\\040 x"))
    (root / "a").mkdir(parents=True)
    with watching(root) as (_, told):
        (root / "a/file").touch()
        until(lambda: told.dirty == {b"a": False})


def test_a_link_to_a_folder_is_not_watched_but_a_root_may_be_one(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    linked = root.parent / "linked"
    linked.symlink_to(root)
    with watching(linked) as (watch, told):
        assert count_of(watch) == 6
        (outside / "file").touch()
        (root / "d/file").touch()
        until(lambda: b"d" in told.dirty)
        assert set(told.dirty) == {b"d"}


def test_what_is_left_out_is_not_watched(root: Path) -> None:
    (root / "a/cache/deep").mkdir(parents=True)
    st = (root / "d").stat()
    with watching(root, exclude=("cache", "*.tmp"), own={(st.st_dev, st.st_ino)}) as (watch, told):
        assert count_of(watch) == 5
        (root / "a/cache/deep/file").touch()
        (root / "d/file").touch()
        (root / "a/b/file.tmp").touch()
        (root / "cache/below").mkdir(parents=True)
        (root / "a/b/c/file").touch()
        until(lambda: b"a/b/c" in told.dirty)
        assert set(told.dirty) == {b"a/b/c"}
        (root / "a/cache").rename(root / "a/kept")
        until(lambda: told.dirty.get(b"a/kept") and count_of(watch) == 7)
        (root / "a/kept").rename(root / "a/cache")
        until(lambda: count_of(watch) == 5)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_another_file_system_inside_is_watched_where_it_belongs_to_the_source(root: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "none", str(root / "d")]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is refused here")
    try:
        (root / "d/inside").mkdir()
        with watching(root) as (watch, _):
            assert count_of(watch) == 5
        with watching(root, cross=True) as (watch, told):
            assert count_of(watch) == 7
            (root / "d/inside/file").touch()
            until(lambda: b"d/inside" in told.dirty)
            subprocess.run(["umount", str(root / "d")], check=True)
            until(lambda: told.lost == [Why.STARTED, Why.MOUNTS])
            assert count_of(watch) == 6
    finally:
        subprocess.run(["umount", str(root / "d")], capture_output=True, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_folder_that_is_there_twice_is_told_to_be(root: Path) -> None:
    bind = ["mount", "--bind", str(root / "a"), str(root / "d")]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("mounting is refused here")
    try:
        with watching(root) as (watch, told):
            state = watch.state
            assert isinstance(state, Watching)
            assert state.folders + state.part_count == len({b"", b"a", b"a/b", b"a/b/c", b"empty", b"d"})
            assert [part.code for part in state.parts] == ["twice"]
            (root / "a/b/c/file").touch()
            until(lambda: told.dirty)
    finally:
        subprocess.run(["umount", str(root / "d")], check=True)


def test_nothing_is_told_after_close(root: Path) -> None:
    with watching(root) as (watch, told):
        assert watch.close()
        assert not inodes_watched()
        (root / "a/file").touch()
        assert told.dirty == {}
        assert watch.close()


@pytest.mark.expected_warnings
def test_a_listener_that_fails_is_told_all_anew(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = Told()

    def tell(change: Change) -> None:
        told(change)
        if change == Dirty(b"d"):
            raise ValueError("a mistake in what listens")

    watch = Watch(Scope(os.fsencode(root)), tell)
    watch.start()
    try:
        until(lambda: told.lost == [Why.STARTED])
        (root / "d/file").touch()
        until(lambda: told.lost == [Why.STARTED, Why.FAILED])
        assert Scanning(Broken("ValueError")) in told.turned()
        (root / "a/file").touch()
        until(lambda: b"a" in told.dirty)
        assert "a mistake in what listens" in caplog.text
    finally:
        assert watch.close()
