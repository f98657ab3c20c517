"""Snapshots of what may have changed: as good as those of everything, and none where nothing did."""

import shutil
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import VaultdError
from vaultd.jobs.snapshot import Taken
from vaultd.tree.compare import compare
from vaultd.tree.dirty import Dirty
from vaultd.tree.view import View

COUNTED = ("files", "folders", "others", "bytes")


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = new_vault(tmp_path)
    source = tmp_path / "source"
    (source / "album" / "2019").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "album" / "2019" / "a.jpg").write_bytes(b"first a")
    (source / "album" / "b.jpg").write_bytes(b"b" * 1000)
    (source / "album" / "link").symlink_to("b.jpg")
    (source / "note").write_bytes(b"first note")
    made.add(source)
    made.save("source")
    return made


def marked(*paths: bytes, deep: bool = False) -> Dirty:
    dirty = Dirty()
    for path in paths:
        dirty.mark(path, deep=deep)
    return dirty


def counted(taken: Taken) -> list[int]:
    return [taken.snapshot.body.counts[each] for each in COUNTED]


def is_as_from_scratch(computer: Computer, taken: Taken) -> bool:
    """Whether a scan of everything finds the same, and counts the same."""
    whole = computer.save("source", force=True)
    with computer.opened() as session:
        a, b = (View(session.vault, each.snapshot.body.root) for each in (taken, whole))
        return counted(taken) == counted(whole) and not list(compare(a, b))


def test_what_is_new_changed_and_gone_is_counted(computer: Computer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "album" / "2019" / "a.jpg").write_bytes(b"second, longer a")
    (source / "album" / "2020" / "more").mkdir(parents=True)
    (source / "album" / "2020" / "more" / "c.jpg").write_bytes(b"ccc")
    (source / "album" / "link").unlink()
    shutil.rmtree(source / "empty")
    taken = computer.save("source", dirty=marked(b"", b"album", b"album/2019"))
    assert counted(taken) == [4, 4, 0, 16 + 1000 + 3 + 10]
    assert is_as_from_scratch(computer, taken)
    with computer.view("source~1") as view:
        assert {found.path for found in view.deleted()} == {b"album/link", b"empty"}


def test_where_nothing_changed_there_is_no_new_snapshot(computer: Computer, tmp_path: Path) -> None:
    before = computer.snapshots()
    for dirty in (marked(b"album"), marked(), marked(b"", deep=True)):
        taken = computer.save("source", dirty=dirty, unless_same=True)
        assert (taken.made, taken.snapshot.id) == (False, before[-1].id)
    assert [each.id for each in computer.snapshots()] == [each.id for each in before]
    (tmp_path / "source" / "note").chmod(0o600)
    assert computer.save("source", dirty=marked(b""), unless_same=True).made
    assert computer.save("source").made


def test_what_could_not_be_saved_is_tried_and_told_again(computer: Computer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "album" / "2019" / "x").mkdir()
    deep = source / "album" / "2019" / "x"
    with pytest.MonkeyPatch.context() as patch:
        _refuse(patch, b"x")
        first = computer.save("source", dirty=marked(b"album/2019"))
        again = computer.save("source", dirty=marked(b""), unless_same=True)
    assert first.trouble_count == again.trouble_count == 1
    assert not again.snapshot.body.complete
    (deep / "file").write_bytes(b"to be had at last")
    cured = computer.save("source", dirty=marked(b""), unless_same=True)
    assert cured.snapshot.body.complete
    assert is_as_from_scratch(computer, cured)


def _refuse(patch: pytest.MonkeyPatch, name: bytes) -> None:
    from vaultd.capture import opening
    from vaultd.capture.unreadable import Unreadable
    from vaultd.tree import scan

    def refusing(parent: int, wanted: bytes) -> object:
        if wanted == name:
            raise Unreadable("EACCES", "open")
        return opening.open_folder(parent, wanted)

    patch.setattr(scan, "open_folder", refusing)


def test_what_the_copy_lost_is_saved_again_though_it_is_not_dirty(computer: Computer, tmp_path: Path) -> None:
    for pack in sorted((computer.copy / "packs").glob("*/*")):
        flip(pack)
        with computer.opened(writing=True) as session:
            session.vault.index.suspect([f"packs/{pack.parent.name}/{pack.name}"], ())
    computer.save("source", dirty=marked(b"empty"))
    computer.give_back(tmp_path / "back")
    assert (tmp_path / "back" / "album" / "b.jpg").read_bytes() == b"b" * 1000


def test_a_folder_on_the_way_that_cannot_be_read_back_has_all_looked_at(
    computer: Computer, tmp_path: Path
) -> None:
    """The page that would be exchanged is damaged, and nobody knew: the caller looks at everything then."""
    (tmp_path / "source" / "album" / "2019" / "new").write_bytes(b"new")
    for pack in sorted((computer.copy / "packs").glob("*/*")):
        flip(pack)
    with pytest.raises(VaultdError):
        computer.save("source", dirty=marked(b"album/2019"))
    taken = computer.save("source")
    assert b"album/2019/new" in _files(computer, taken)


def _files(computer: Computer, taken: Taken) -> set[bytes]:
    with computer.opened() as session:
        view = View(session.vault, taken.snapshot.body.root)
        return {found.path for found in view.walk()}
