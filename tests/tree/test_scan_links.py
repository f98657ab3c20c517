"""Hard links: one group of names, one id, one reading."""

import os
from pathlib import Path

import pytest

from tests.tree.sources import Watched
from vaultd.capture.listing import Seen, seen_as


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    (tmp_path / "a").mkdir()
    (tmp_path / "z").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"linked")
    os.link(tmp_path / "a" / "one", tmp_path / "z" / "two")
    (tmp_path / "alone").write_bytes(b"alone")
    return Watched(tmp_path)


def hard(source: Watched, path: str) -> bytes | None:
    return source.entries()[path.encode()].extra.get("hard")


def test_names_of_one_file_share_an_id_and_are_read_once(source: Watched) -> None:
    scanned = source.scan()
    assert hard(source, "a/one") == hard(source, "z/two")
    assert len(hard(source, "a/one") or b"") == 16
    assert hard(source, "alone") is None
    assert scanned.counts.read == len(b"linked") + len(b"alone")
    assert scanned.counts.files == 3


@pytest.mark.parametrize("memory", [True, False])
def test_ids_stay_the_same_in_the_next_snapshot(source: Watched, memory: bool) -> None:
    first = source.scan()
    if not memory:
        source.forget()
    assert source.scan().root == first.root


def test_a_new_name_joins_the_group(source: Watched) -> None:
    source.scan()
    group = hard(source, "z/two")
    (source.path / "m").mkdir()
    os.link(source.path / "a" / "one", source.path / "m" / "three")
    source.scan()
    assert hard(source, "a/one") == hard(source, "z/two") == hard(source, "m/three") == group


def test_a_name_that_left_is_a_file_of_its_own(source: Watched) -> None:
    source.scan()
    (source.path / "z" / "two").unlink()
    (source.path / "z" / "two").write_bytes(b"new")
    source.scan()
    assert hard(source, "a/one") is None
    assert hard(source, "z/two") is None
    assert source.bytes_of("z/two") == b"new"
    assert source.bytes_of("a/one") == b"linked"


def test_an_id_is_never_given_to_two_files(source: Watched) -> None:
    source.scan()
    # The name that is met first gets another file, which takes the id over; the old file must get a new one.
    (source.path / "a" / "one").rename(source.path / "z" / "zero")
    (source.path / "a" / "one").write_bytes(b"another")
    os.link(source.path / "a" / "one", source.path / "a" / "other")
    source.scan()
    assert hard(source, "a/one") == hard(source, "a/other")
    assert hard(source, "z/two") == hard(source, "z/zero")
    assert hard(source, "a/one") != hard(source, "z/two")
    assert source.bytes_of("z/zero") == b"linked"
    assert source.bytes_of("a/other") == b"another"


def test_a_change_through_one_name_is_seen_at_all(source: Watched) -> None:
    source.scan()
    (source.path / "z" / "two").write_bytes(b"changed through two")
    scanned = source.scan()
    assert source.bytes_of("a/one") == source.bytes_of("z/two") == b"changed through two"
    assert scanned.counts.read == len(b"changed through two")
    assert hard(source, "a/one") == hard(source, "z/two")


def test_a_group_of_many_names_is_read_once(source: Watched) -> None:
    for number in range(2000):
        os.link(source.path / "a" / "one", source.path / "z" / f"n{number}")
    scanned = source.scan()
    assert scanned.counts.read == len(b"linked") + len(b"alone")
    ids = {entry.extra.get("hard") for path, entry in source.entries().items() if path.startswith(b"z/")}
    assert len(ids) == 1
    assert source.scan().counts.read == 0


def test_a_name_that_moved_without_a_trace_finds_its_group(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems leave the change time as it was when a name is moved."""

    def timeless(name: bytes, st: os.stat_result) -> Seen:
        return seen_as(name, st)._replace(ctime=1)

    monkeypatch.setattr("vaultd.capture.listing.seen_as", timeless)
    monkeypatch.setattr("vaultd.tree.refresh.seen_as", timeless)
    source.scan()
    group = hard(source, "a/one")
    (source.path / "m").mkdir()
    (source.path / "z" / "two").rename(source.path / "m" / "two")
    source.scan()
    assert hard(source, "a/one") == hard(source, "m/two") == group
