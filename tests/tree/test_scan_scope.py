"""What belongs to a source at all: its root, and what is left out."""

import os
from pathlib import Path

import pytest

from tests.tree.sources import Watched
from vaultd.errors import BadPattern, NotAFolder, Overlap, SourceEmpty, SourceGone, SourceUnreadable
from vaultd.tree.troubles import OWN_PLACE


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    path = tmp_path / "source"
    path.mkdir()
    return Watched(path)


def fill(path: Path) -> None:
    (path / "a").write_bytes(b"first")
    (path / "empty").write_bytes(b"")
    (path / "folder" / "inner").mkdir(parents=True)
    (path / "folder" / "inner" / "c").write_bytes(b"deep")
    (path / "hollow").mkdir()
    (path / "link").symlink_to("no/where")


# The root itself.


def test_a_source_that_is_gone_is_not_an_empty_one(source: Watched) -> None:
    fill(source.path)
    source.scan()
    source.path.rename(source.path.with_name("elsewhere"))
    with pytest.raises(SourceGone):
        source.scan()


def test_a_source_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotAFolder):
        Watched(tmp_path / "file").scan()


def test_a_source_that_became_empty_needs_force(source: Watched) -> None:
    assert source.scan().counts.files == 0  # empty from the start
    (source.path / "a").write_bytes(b"a")
    source.scan()
    (source.path / "a").unlink()
    with pytest.raises(SourceEmpty):
        source.scan()
    assert source.scan(force=True).counts.files == 0
    assert source.scan().counts.files == 0  # the last snapshot is empty already


def test_a_source_inside_a_loop_of_links_is_gone(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceGone):
        Watched(tmp_path / "loop").scan()


def test_a_root_that_cannot_be_listed_is_neither_gone_nor_empty(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> list[str]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "listdir", fails)
    with pytest.raises(SourceUnreadable) as caught:
        source.scan()
    assert caught.value.reason == "EIO"


# What is left out.


def test_patterns_leave_out_files_and_whole_folders(source: Watched) -> None:
    fill(source.path)
    (source.path / "x.tmp").write_bytes(b"x")
    (source.path / "keep.tmp").write_bytes(b"x")
    scanned = source.scan(exclude=("*.tmp", "!keep.tmp", "/folder/", "# a comment", ""))
    assert set(source.entries()) == {b"a", b"empty", b"hollow", b"link", b"keep.tmp"}
    assert scanned.complete
    # Another set of patterns must not be answered from memory.
    source.scan()
    assert b"x.tmp" in source.entries()
    assert b"folder/inner/c" in source.entries()


@pytest.mark.parametrize("pattern", ["!", "[z-a]"])
def test_a_pattern_that_means_nothing_is_refused(source: Watched, pattern: str) -> None:
    with pytest.raises(BadPattern):
        source.scan(exclude=(pattern,))


def test_places_of_vaultd_itself_are_left_out_and_told_once(source: Watched) -> None:
    fill(source.path)
    (source.path / "vault" / "packs").mkdir(parents=True)
    st = (source.path / "vault").stat()
    scanned = source.scan(own={(st.st_dev, st.st_ino)})
    assert b"vault" not in source.entries()
    assert [(note.path, note.error) for note in scanned.notes] == [(b"vault", OWN_PLACE)]
    assert scanned.complete
    st = source.path.stat()
    with pytest.raises(Overlap):
        source.scan(own={(st.st_dev, st.st_ino)})
