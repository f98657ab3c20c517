"""Several computers on one copy: taking over, writing without knowing of each other, joining again."""

import os
import shutil
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import Busy, NameTaken, NoSuchSource
from vaultd.format.entry import FILE
from vaultd.jobs.snapshot import Taken, take_snapshot
from vaultd.jobs.sources import my_sources
from vaultd.jobs.status import status
from vaultd.progress import Silent
from vaultd.tree.sources import find_source, list_sources
from vaultd.tree.view import Broken


@pytest.fixture
def first(tmp_path: Path) -> Computer:
    """A computer that has saved `photos`."""
    computer = new_vault(tmp_path)
    fill(tmp_path / "one", {"both": b"1", "changed": b"old", "only one": b"here"})
    computer.add(tmp_path / "one", "photos")
    computer.save("photos")
    return computer


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def deleted(computer: Computer, words: str = "latest") -> dict[bytes, bytes]:
    """Path and bytes of every file that has disappeared."""
    with computer.view(words) as view:
        return {
            found.path: view.read(found.entry, 0, found.entry.size)
            for found in view.deleted()
            if not isinstance(found, Broken) and found.entry.kind == FILE
        }


def diverge(one: Computer, other: Computer) -> tuple[Taken, Taken]:
    """Both save `photos`, and neither has seen what the other wrote."""
    with one.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        theirs = other.save("photos")
        mine = take_snapshot(session, source, Silent(), lambda: False)
    return mine, theirs


def test_a_source_is_taken_over_and_goes_on(first: Computer, tmp_path: Path) -> None:
    second = first.another(tmp_path / "second")
    with pytest.raises(NameTaken):
        second.add(tmp_path / "one", "photos")
    with pytest.raises(NoSuchSource):
        second.add(tmp_path / "one", "nothing", take_over=True)
    fill(tmp_path / "two", {"both": b"1", "new": b"2"})
    second.add(tmp_path / "two", "photos", take_over=True)
    taken = second.save("photos")
    assert taken.snapshot.body.parents == [first.snapshots()[0].id]
    assert deleted(second) == {b"changed": b"old", b"only one": b"here"}
    with first.opened() as session:
        assert my_sources(session) == []
    with second.opened() as session:
        assert [source.body.path for source in my_sources(session)] == [os.fsencode(tmp_path / "two")]


def test_diverged_heads_are_both_shown_and_joined_by_the_next(first: Computer, tmp_path: Path) -> None:
    second = first.another(tmp_path / "second")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    second.add(tmp_path / "two", "photos", take_over=True)
    (tmp_path / "one" / "only one").unlink()
    fill(tmp_path / "one", {"of one": b"1st"})
    (tmp_path / "two" / "changed").unlink()
    fill(tmp_path / "two", {"of two": b"2nd"})
    start = first.snapshots()[0]
    mine, theirs = diverge(first, second)
    assert mine.snapshot.body.source == theirs.snapshot.body.source
    assert mine.snapshot.body.parents == theirs.snapshot.body.parents == [start.id]
    assert {found.id for found in second.snapshots()} == {start.id, mine.snapshot.id, theirs.snapshot.id}
    with second.opened() as session:
        assert len(status(session).sources[0].heads) == 2
    joined = second.save("photos")
    assert set(joined.snapshot.body.parents) == {mine.snapshot.id, theirs.snapshot.id}
    with first.opened() as session:
        assert len(status(session).sources[0].heads) == 1
    assert deleted(second)[b"changed"] == b"old"
    assert second.checked().sound


def test_the_attics_of_both_heads_are_kept(first: Computer, tmp_path: Path) -> None:
    second = first.another(tmp_path / "second")
    (tmp_path / "one" / "only one").unlink()
    with second.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        one = first.save("photos")
        fill(tmp_path / "one", {"between": b"short life"})
        two = take_snapshot(session, source, Silent(), lambda: False)
    assert one.snapshot.body.parents == two.snapshot.body.parents
    (tmp_path / "one" / "between").unlink()
    joined = first.save("photos")
    assert set(joined.snapshot.body.parents) == {one.snapshot.id, two.snapshot.id}
    assert deleted(first) == {b"between": b"short life", b"only one": b"here"}


def test_a_second_writer_of_one_home_is_refused_at_once(first: Computer) -> None:
    with (
        first.opened(writing=True),
        pytest.raises(Busy) as refused,
        first.opened(writing=True),
    ):
        pass
    assert refused.value.pid == os.getpid()
    with first.opened():
        pass  # readers are not in the way


def test_what_one_computer_saved_another_restores(first: Computer, tmp_path: Path) -> None:
    second = first.another(tmp_path / "second")
    assert second.give_back(tmp_path / "back").complete
    assert differences(tmp_path / "one", tmp_path / "back", root=True) == []
    first.recovered(tmp_path / "recovered")
    assert differences(tmp_path / "one", tmp_path / "recovered") == []
