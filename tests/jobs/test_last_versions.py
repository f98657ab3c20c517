"""Whatever happens at the source, the last version of everything stays to be had."""

import shutil
from pathlib import Path

import pytest

from tests.jobs.restores import names
from tests.jobs.vaults import Computer, new_vault
from vaultd.tree.view import Broken


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = new_vault(tmp_path)
    source = tmp_path / "source"
    (source / "album" / "2019").mkdir(parents=True)
    (source / "album" / "2019" / "a.jpg").write_bytes(b"first a")
    (source / "album" / "b.jpg").write_bytes(b"b")
    (source / "note").write_bytes(b"first note")
    (source / "thing").write_bytes(b"a file")
    made.add(source)
    made.save("source")
    return made


def missing(computer: Computer, path: bytes = b"", words: str = "latest") -> list[bytes]:
    with computer.view(words) as view:
        found = list(view.deleted(path))
        assert not any(isinstance(item, Broken) for item in found)
        return [item.path for item in found]


def test_a_deleted_file_and_a_deleted_folder(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "source" / "note").unlink()
    computer.save("source")
    shutil.rmtree(tmp_path / "source" / "album")
    computer.save("source")
    assert missing(computer) == [b"album", b"album/2019", b"album/2019/a.jpg", b"album/b.jpg", b"note"]
    assert missing(computer, words="source~1") == [b"note"]
    computer.give_back(tmp_path / "back", deleted=True)
    assert names(tmp_path / "back") == ["album", "album/2019", "album/2019/a.jpg", "album/b.jpg", "note"]
    assert (tmp_path / "back" / "album" / "2019" / "a.jpg").read_bytes() == b"first a"
    done = computer.recover("restore", computer.copy, "latest", tmp_path / "recovered", "--deleted")
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "recovered") == names(tmp_path / "back")


def test_a_name_that_is_used_again_and_lost_again(computer: Computer, tmp_path: Path) -> None:
    for content in (b"second note", b"third note"):
        (tmp_path / "source" / "note").unlink()
        computer.save("source")
        (tmp_path / "source" / "note").write_bytes(content)
        computer.save("source")
    (tmp_path / "source" / "note").unlink()
    computer.save("source")
    with computer.view() as view:
        kept = [view.read(item.entry, 0, 100) for item in view.deleted() if not isinstance(item, Broken)]
    assert sorted(kept) == [b"first note", b"second note", b"third note"]
    computer.give_back(tmp_path / "back", path=b"note", deleted=True)
    assert (tmp_path / "back" / "note").read_bytes() == b"third note"


def test_a_file_that_became_a_folder_and_a_folder_that_became_a_link(
    computer: Computer, tmp_path: Path
) -> None:
    (tmp_path / "source" / "thing").unlink()
    (tmp_path / "source" / "thing").mkdir()
    (tmp_path / "source" / "thing" / "inside").write_bytes(b"now a folder")
    shutil.rmtree(tmp_path / "source" / "album")
    (tmp_path / "source" / "album").symlink_to("thing")
    computer.save("source")
    assert missing(computer) == [b"album", b"album/2019", b"album/2019/a.jpg", b"album/b.jpg", b"thing"]
    computer.give_back(tmp_path / "back", path=b"thing", deleted=True)
    assert (tmp_path / "back" / "thing").read_bytes() == b"a file"
    computer.give_back(tmp_path / "albums", path=b"album", deleted=True)
    assert (tmp_path / "albums" / "album" / "2019" / "a.jpg").read_bytes() == b"first a"


def test_what_came_back_as_it_was_is_not_missing(computer: Computer, tmp_path: Path) -> None:
    shutil.move(tmp_path / "source" / "album", tmp_path / "elsewhere")
    computer.save("source")
    shutil.move(tmp_path / "elsewhere", tmp_path / "source" / "album")
    computer.save("source")
    assert missing(computer) == []


def test_an_emptied_source_saved_by_force_keeps_everything(computer: Computer, tmp_path: Path) -> None:
    for path in (tmp_path / "source").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    computer.save("source", force=True)
    computer.give_back(tmp_path / "back", deleted=True)
    assert names(tmp_path / "back") == [
        *("album", "album/2019", "album/2019/a.jpg", "album/b.jpg", "note", "thing")
    ]
    assert computer.checked().sound
