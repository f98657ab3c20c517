"""Unchanged files read anew: rot is found, and nothing else is called so."""

import os
import time
from pathlib import Path

import pytest

from tests.damage import flipped
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import SourceGone
from vaultd.jobs.reread import Reread, reread
from vaultd.tree.snapshots import list_snapshots, newest
from vaultd.tree.sources import find_source, list_sources

FILES = {
    "a": b"a" * 1000,
    "b/one": os.urandom(3 << 20),
    "b/two": b"",
    "b/c/three": b"three",
    "b-": b"sorts between b and what is in it",
    "z": b"z",
}


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = new_vault(tmp_path)
    for name, data in FILES.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with (tmp_path / "source" / "holes").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"after a hole")
        file.truncate(3 << 20)
    time.sleep(0.05)  # what changed after the snapshot began is left to the next one
    made.add(tmp_path / "source", "source")
    made.save("source")
    return made


def run(computer: Computer, after: bytes | None = None, most: int = 1 << 40, seconds: float = 60) -> Reread:
    with computer.opened() as session:
        source = find_source(list_sources(session.vault.journal), "source")
        snapshot = newest(list_snapshots(session.vault.journal), source.body.id)
        assert snapshot is not None
        return reread(session, source, snapshot, lambda: None, after=after, most=most, seconds=seconds)


def rot(path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other bytes, and the same times. What no program can do is set back when it was changed; a disk can."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    monkeypatch.setattr("vaultd.jobs.reread._is_as_saved", _by_size_and_time)


def _by_size_and_time(st: os.stat_result, entry: object, saved_ns: int) -> bool:
    return (st.st_size, st.st_mtime_ns) == (entry.size, entry.mtime)  # type: ignore[attr-defined]


def test_all_of_it_is_as_it_was_saved(computer: Computer) -> None:
    found = run(computer)
    assert (found.files, found.rotten, found.at, found.in_time) == (len(FILES) + 1, [], None, True)


@pytest.mark.parametrize("name", ["a", "b/one", "b/c/three", "holes"])
def test_one_bit_is_found(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "source" / name
    rot(path, flipped(path.read_bytes(), -1), monkeypatch)
    found = run(computer)
    assert (found.rotten, found.files) == ([os.fsencode(name)], len(FILES))
    assert computer.checked().sound


def test_what_was_written_since_is_left_to_the_next_snapshot(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "source/a").write_bytes(b"A" * 1000)
    path = tmp_path / "source/b/one"
    before = path.stat()
    path.write_bytes(flipped(FILES["b/one"], 0))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # it shows when it was changed all the same
    (tmp_path / "source/z").unlink()
    (tmp_path / "source/b/c/three").unlink()
    (tmp_path / "source/b/c/three").symlink_to("/etc/passwd")
    (tmp_path / "source/b/two").unlink()
    os.mkfifo(tmp_path / "source/b/two")
    assert run(computer).rotten == []


def test_piece_by_piece_it_is_all_read_once(computer: Computer) -> None:
    seen: list[bytes] = []
    after: bytes | None = None
    files = 0
    for _ in range(100):
        found = run(computer, after, most=1)
        files += found.files
        if found.at is None:
            break
        seen.append(found.at)
        after = found.at
    # Empty files are no bytes, and come along with the next.
    assert files == len(FILES) + 1
    assert len(set(seen)) == len(seen)


def test_when_the_time_is_up_it_says_where_it_is(computer: Computer) -> None:
    found = run(computer, seconds=0)
    assert (found.files, found.in_time) == (1, False)
    assert found.at == b"a"


def test_after_a_path_that_is_gone_it_goes_on_behind_it(computer: Computer) -> None:
    assert run(computer, after=b"b/c/nosuch").files == 6  # b/c/three, b/one, b/two, b-, holes, z
    assert run(computer, after=b"zz").files == 0
    assert run(computer, after=b"b/two").files == 3


def test_a_source_that_is_gone_is_told(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "source").rename(tmp_path / "away")
    with pytest.raises(SourceGone):
        run(computer)


def test_damage_in_the_vault_is_not_rot_of_the_source(computer: Computer) -> None:
    for pack in (computer.copy / "packs").rglob("*"):
        if pack.is_file():
            pack.chmod(0o600)
            pack.write_bytes(b"")
    assert run(computer).rotten == []


def test_no_descriptor_is_left_open(computer: Computer) -> None:
    before = len(os.listdir("/proc/self/fd"))
    run(computer)
    run(computer, most=1)
    assert len(os.listdir("/proc/self/fd")) == before
