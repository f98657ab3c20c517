"""The corpora are the same whenever they are made, and their edits do what they say."""

import sqlite3
import zlib
from pathlib import Path

import pytest

from bench import trees
from bench.corpora.chats import CHATS
from bench.corpora.corpus import Corpus
from bench.corpora.large import BLOBS, FOLDER, MILLION, SPARSE
from bench.corpora.photos import PHOTOS
from bench.corpora.small import SMALL
from tests.compare_trees import allocated, differences

TINY = {"photos": 0.01, "chats": 0.004, "small": 0.004}


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def make(corpus: Corpus, root: Path) -> dict[str, bytes]:
    """The content after each of the corpus's steps, in one."""
    corpus.write(root, TINY[corpus.name])
    first = content(root)
    corpus.change(root)
    second = content(root)
    corpus.edit(root)
    return {
        f"{number}/{name}": data
        for number, made in enumerate((first, second, content(root)))
        for name, data in made.items()
    }


@pytest.mark.parametrize("corpus", [PHOTOS, CHATS, SMALL], ids=lambda corpus: corpus.name)
def test_a_corpus_and_its_generations_are_always_the_same(corpus: Corpus, tmp_path: Path) -> None:
    assert make(corpus, tmp_path / "a") == make(corpus, tmp_path / "b")


@pytest.mark.parametrize("corpus", [PHOTOS, CHATS, SMALL], ids=lambda corpus: corpus.name)
def test_times_and_modes_do_not_tell_when_it_was_made(corpus: Corpus, tmp_path: Path) -> None:
    corpus.write(tmp_path / "a", TINY[corpus.name])
    corpus.write(tmp_path / "b", TINY[corpus.name])
    assert differences(tmp_path / "a", tmp_path / "b", root=True) == []


@pytest.mark.parametrize("corpus", [PHOTOS, CHATS, SMALL], ids=lambda corpus: corpus.name)
def test_one_change_is_in_one_file_and_the_one_to_restore_stays(corpus: Corpus, tmp_path: Path) -> None:
    corpus.write(tmp_path, TINY[corpus.name])
    before = content(tmp_path)
    corpus.change(tmp_path)
    after = content(tmp_path)
    assert [name for name in after if before.get(name) != after[name]] != [corpus.one]
    assert sum(before.get(name) != data for name, data in after.items()) == 1
    assert before.keys() == after.keys()
    corpus.edit(tmp_path)
    assert content(tmp_path)[corpus.one] == before[corpus.one]


def test_photos_do_not_compress(tmp_path: Path) -> None:
    PHOTOS.write(tmp_path, TINY["photos"])
    data = b"".join(content(tmp_path).values())
    assert len(zlib.compress(data, 1)) > 0.97 * len(data)


def test_a_photo_with_a_new_rating_holds_all_that_it_held(tmp_path: Path) -> None:
    PHOTOS.write(tmp_path, TINY["photos"])
    photo = tmp_path / "DCIM/2024-02/IMG_00001.jpg"
    before = photo.read_bytes()
    PHOTOS.change(tmp_path)
    after = photo.read_bytes()
    assert len(after) > len(before)
    assert after.endswith(before[2:])


def test_chats_are_databases_that_sqlite_finds_whole(tmp_path: Path) -> None:
    CHATS.write(tmp_path, TINY["chats"])
    CHATS.change(tmp_path)
    CHATS.edit(tmp_path)
    databases = list(tmp_path.rglob("*.db"))
    assert len(databases) == 5
    for path in databases:
        database = sqlite3.connect(path)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


def test_a_changed_message_changes_few_pages(tmp_path: Path) -> None:
    CHATS.write(tmp_path, TINY["chats"])
    path = tmp_path / "db_storage/message/message_1.db"
    before = path.read_bytes()
    CHATS.edit(tmp_path)
    after = path.read_bytes()
    changed = [at for at in range(0, len(before), 4096) if before[at : at + 4096] != after[at : at + 4096]]
    assert len(before) == len(after)
    assert 1 <= len(changed) <= 3


@pytest.mark.parametrize(
    ("corpus", "folder"),
    [(PHOTOS, "DCIM/Holidays"), (CHATS, "msg/attach/renamed"), (SMALL, "00/01-renamed")],
    ids=["photos", "chats", "small"],
)
def test_the_next_generation_has_a_folder_with_another_name(
    corpus: Corpus, folder: str, tmp_path: Path
) -> None:
    corpus.write(tmp_path, TINY[corpus.name])
    before = set(content(tmp_path).values())
    corpus.edit(tmp_path)
    renamed = [path for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert any(path.read_bytes() in before for path in renamed)


def test_the_large_file_is_mostly_holes(tmp_path: Path) -> None:
    SPARSE.write(tmp_path, 0.01)
    path = tmp_path / "disk.img"
    assert path.stat().st_size == (50 << 30) // 100
    assert allocated(path) < 1 << 20
    before = path.stat().st_size
    SPARSE.change(tmp_path)
    assert path.stat().st_size == before


@pytest.mark.parametrize(
    ("corpus", "scale", "files"), [(FOLDER, 0.001, 200), (MILLION, 0.0005, 500), (BLOBS, 1, 1000)]
)
def test_large_trees_have_as_many_files_as_they_say(
    corpus: Corpus, scale: float, files: int, tmp_path: Path
) -> None:
    corpus.write(tmp_path, scale)
    assert trees.shape(tmp_path).files == files
    assert (tmp_path / corpus.one).is_file()
    corpus.change(tmp_path)
    corpus.edit(tmp_path)


def counting(corpus: Corpus, made: list[Path]) -> Corpus:
    def write(root: Path, scale: float) -> None:
        made.append(root)
        corpus.write(root, scale)

    return Corpus(corpus.name, write, corpus.change, corpus.edit, corpus.one)


def test_a_corpus_is_made_once_and_again_when_it_would_be_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    corpus = counting(SMALL, made)
    first = trees.kept(corpus, 0.001, tmp_path)
    assert trees.kept(corpus, 0.001, tmp_path) == first
    assert len(made) == 1
    monkeypatch.setattr(trees, "_edition", lambda: "another")
    assert trees.kept(corpus, 0.001, tmp_path) != first
    assert not first.exists()


def test_a_corpus_that_was_cut_off_is_not_used(tmp_path: Path) -> None:
    kept = trees.kept(SMALL, 0.001, tmp_path)
    kept.rename(kept.with_name(f"{kept.name}.unfinished"))
    (kept.with_name(f"{kept.name}.unfinished") / SMALL.one).unlink()
    assert (trees.kept(SMALL, 0.001, tmp_path) / SMALL.one).exists()
