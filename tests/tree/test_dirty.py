"""A scan that is told which folders may have changed: what it visits, finds, and must not trust."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tree.sources import Watched, comparable
from tests.tree.test_scan_random import apply, edits
from vaultd.capture import listing
from vaultd.capture.unreadable import Unreadable
from vaultd.errors import SourceEmpty
from vaultd.format.entry import Entry
from vaultd.format.limits import PAGE
from vaultd.tree import scan
from vaultd.tree.dirty import EVERYTHING, Dirty

FOLDERS = 2000


def marked(*paths: bytes, deep: bool = False) -> Dirty:
    dirty = Dirty()
    for path in paths:
        dirty.mark(path, deep=deep)
    return dirty


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    """a/b/c and a/d and e, each with a file, settled and scanned."""
    for folder in ("a/b/c", "a/d", "e"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_bytes(folder.encode())
    source = Watched(tmp_path)
    source.scan()
    return source


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were listed, by name."""
    found: list[str] = []

    def noting(fd: int, device: int) -> listing.Listing:
        found.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        return listing.list_folder(fd, device)

    monkeypatch.setattr(scan, "list_folder", noting)
    return found


def as_from_scratch(source: Watched) -> bool:
    fresh = Watched(source.path)
    fresh.scan(force=True)
    return comparable(source.sink, source.parent) == comparable(fresh.sink, fresh.parent)


def test_only_what_is_dirty_is_listed(source: Watched, listed: list[str]) -> None:
    (source.path / "a/b/c/new").write_bytes(b"new")
    source.scan(dirty=marked(b"a/b/c"))
    assert listed == ["c"]
    assert as_from_scratch(source)
    listed.clear()
    source.scan(dirty=marked(b"a/b/c"))
    source.scan(dirty=Dirty())
    assert listed == ["c"]


def test_what_is_not_dirty_is_taken_over_unseen(source: Watched) -> None:
    (source.path / "e/new").write_bytes(b"new")
    source.scan(dirty=marked(b"a/d"))
    assert b"e/new" not in source.entries()
    source.scan()
    assert b"e/new" in source.entries()


def test_a_new_folder_is_read_with_all_that_is_in_it(source: Watched) -> None:
    (source.path / "a/new/below").mkdir(parents=True)
    (source.path / "a/new/below/file").write_bytes(b"new")
    source.scan(dirty=marked(b"a"))
    assert as_from_scratch(source)


def test_a_folder_that_another_took_the_place_of_is_read(source: Watched) -> None:
    (source.path / "e").rename(source.path / "was-e")
    (source.path / "a/d").rename(source.path / "e")
    source.scan(dirty=marked(b"", b"a"))
    assert as_from_scratch(source)


def test_a_dirty_folder_that_is_gone_has_the_one_above_it_listed(source: Watched) -> None:
    (source.path / "a/b/c/file").unlink()
    (source.path / "a/b/c").rmdir()
    source.scan(dirty=marked(b"a/b/c"))
    assert as_from_scratch(source)


def test_a_dirty_folder_that_became_a_file(source: Watched) -> None:
    (source.path / "a/d/file").unlink()
    (source.path / "a/d").rmdir()
    (source.path / "a/d").write_bytes(b"a file")
    source.scan(dirty=marked(b"a/d", deep=True))
    assert as_from_scratch(source)


def test_the_source_itself_gone_empty_is_refused_as_ever(source: Watched) -> None:
    for path in sorted(source.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(SourceEmpty):
        source.scan(dirty=marked(b"a", b"e"))


def test_without_its_memory_all_is_looked_at(source: Watched) -> None:
    (source.path / "e/new").write_bytes(b"new")
    source.forget()
    source.scan(dirty=marked(b"a/d"))
    assert as_from_scratch(source)


def test_a_memory_of_another_state_is_not_relied_on(source: Watched) -> None:
    """As when an older copy of the local state was put back: what the last snapshot has is another tree."""
    (source.path / "e/new").write_bytes(b"new")
    older = Watched(source.path, source.sink, source.memory, source.parent)
    source.forget()
    source.scan()
    older.parent = source.parent
    (source.path / "e/new").unlink()
    older.scan(dirty=marked(b"a/d"))
    assert as_from_scratch(older)


def test_what_could_not_be_read_is_tried_again(source: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    real = listing.list_folder

    def failing(fd: int, device: int) -> listing.Listing:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("/e"):
            raise Unreadable("EIO", "list")
        return real(fd, device)

    with monkeypatch.context() as patch:
        patch.setattr(scan, "list_folder", failing)
        source.scan()
    assert "stale" in source.entries()[b"e"].extra
    source.scan(dirty=marked(b""))
    assert "stale" not in source.entries()[b"e"].extra


def test_a_file_of_several_names_is_told(source: Watched) -> None:
    assert not source.scan(dirty=marked(b"a/d")).linked
    os.link(source.path / "e/file", source.path / "a/d/other")
    assert source.scan(dirty=marked(b"a/d")).linked
    source.scan()
    assert as_from_scratch(source)
    assert not source.scan(dirty=marked(b"a/d")).linked


def test_what_changed_a_moment_ago_is_told(source: Watched) -> None:
    (source.path / "a/d/file").write_bytes(b"now")
    scanned = source.scan(dirty=marked(b"a/d", b"e"), soon=True)
    assert list(scanned.young.folders()) == [b"a/d"]
    assert list(source.scan(dirty=scanned.young).young.folders()) == []


def test_of_a_wide_folder_on_the_way_one_page_is_read(tmp_path: Path) -> None:
    for number in range(FOLDERS):
        (tmp_path / f"{number:05}").mkdir()
    source = Watched(tmp_path)
    source.scan()
    (tmp_path / "00777" / "new").write_bytes(b"new")
    source.scan(dirty=marked(b"00777"))
    pages = [blob_id for blob_id in source.sink.reads if source.sink.type_of(blob_id) == PAGE]
    assert len(set(pages)) <= 2  # its own, and that of the folder as it was
    assert as_from_scratch(source)


def test_everything_is_everything() -> None:
    assert EVERYTHING.child(b"x") is EVERYTHING
    assert list(marked(b"", b"b/c", b"a").folders()) == [b"", b"a", b"b/c"]


def seen_by_a_watch(top: Path, edit: tuple[str, tuple[bytes, ...], object]) -> Iterator[tuple[bytes, bool]]:
    """The folders that an edit may have changed, and whether with all below them."""
    what, path, value = edit
    root = os.path.realpath(os.fsencode(top))
    for each in (path, value) if what in ("rename", "link") else (path,):
        assert isinstance(each, tuple)
        for depth in range(len(each) + 1):
            at = os.path.realpath(b"/".join((root, *each[:depth])))
            if at == root or at.startswith(root + b"/"):
                yield at[len(root) + 1 :], depth == len(each)


@given(st.lists(edits, min_size=1, max_size=4))
def test_scans_of_what_changed_equal_scans_from_scratch(rounds: list[list[tuple]]) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        source = Watched(Path(place))
        source.scan(force=True)
        for batch in rounds:
            dirty = Dirty()
            for edit in batch:
                before = list(seen_by_a_watch(source.path, edit))
                apply(os.fsencode(place), edit)
                for path, deep in (*before, *seen_by_a_watch(source.path, edit)):
                    dirty.mark(path, deep=deep)
            scanned = source.scan(force=True, dirty=dirty)
            if scanned.linked:
                source.scan(force=True)
            assert as_from_scratch(source)
            assert isinstance(source.parent, Entry)
