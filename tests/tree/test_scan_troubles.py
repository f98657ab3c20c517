"""What cannot be read keeps its last good version, and hides nothing else."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tree.sources import Watched
from vaultd.format.entry import FILE, FOLDER
from vaultd.format.limits import PAGE
from vaultd.tree.troubles import KEPT, MOST_KEPT, NEVER_SAVED, OLD_UNREADABLE

NOBODY = 65534


@contextlib.contextmanager
def plain_user() -> Iterator[None]:
    """Root may read everything, so be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def source() -> Iterator[Watched]:
    # Not in tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="vaultd-source-") as path:
        os.chmod(path, 0o755)
        top = Path(path, "source")
        (top / "shut" / "in").mkdir(parents=True)
        (top / "shut" / "in" / "deep").write_bytes(b"deep")
        (top / "shut" / "x").write_bytes(b"x")
        (top / "file").write_bytes(b"file")
        (top / "other").write_bytes(b"other")
        yield Watched(top)
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o700)


def test_a_file_that_cannot_be_read_keeps_its_last_version(source: Watched) -> None:
    source.scan()
    good = source.entries()[b"file"]
    (source.path / "file").write_bytes(b"newer")
    (source.path / "other").write_bytes(b"newer too")
    (source.path / "file").chmod(0)
    with plain_user():
        scanned = source.scan()
    entry = source.entries()[b"file"]
    assert entry.extra["stale"] == ("EACCES", source.started)
    assert entry.content == good.content
    assert [tuple(t) for t in scanned.troubles] == [(b"file", "EACCES", "open", KEPT)]
    assert not scanned.complete
    assert source.bytes_of("other") == b"newer too"


def test_stale_since_the_first_time_and_good_again_at_once(source: Watched) -> None:
    source.scan()
    (source.path / "file").write_bytes(b"newer")
    (source.path / "file").chmod(0)
    with plain_user():
        source.scan()
        first, since = source.parent, source.started
        again = source.scan()
        assert again.root == first
        source.forget()
        assert source.scan().root == first
    assert source.entries()[b"file"].extra["stale"] == ("EACCES", since)
    assert not again.complete
    (source.path / "file").chmod(0o644)
    assert source.scan().complete
    assert "stale" not in source.entries()[b"file"].extra
    assert source.bytes_of("file") == b"newer"


def test_a_new_file_that_cannot_be_read_is_only_a_trouble(source: Watched) -> None:
    source.scan()
    (source.path / "new").write_bytes(b"?")
    (source.path / "new").chmod(0)
    with plain_user():
        scanned = source.scan()
    assert b"new" not in source.entries()
    assert [(trouble.path, trouble.outcome) for trouble in scanned.troubles] == [(b"new", NEVER_SAVED)]


def test_a_folder_that_cannot_be_listed_is_carried_over_whole(source: Watched) -> None:
    source.scan()
    before = source.entries()
    (source.path / "shut").chmod(0)
    (source.path / "file").write_bytes(b"newer")
    with plain_user():
        scanned = source.scan()
        first = source.parent
        assert source.scan().root == first  # still shut: nothing new to say
    after = source.entries()
    assert [(t.path, t.error) for t in scanned.troubles] == [(b"shut", "EACCES")]
    assert after[b"shut"].extra["stale"][0] == "EACCES"
    assert after[b"shut"].content == before[b"shut"].content
    assert source.bytes_of("shut/in/deep") == b"deep"
    assert source.bytes_of("file") == b"newer"
    (source.path / "shut").chmod(0o755)
    assert source.scan().complete
    assert "stale" not in source.entries()[b"shut"].extra


def test_a_folder_whose_names_are_told_but_not_their_stat(source: Watched) -> None:
    source.scan()
    (source.path / "shut").chmod(0o444)
    with plain_user():
        scanned = source.scan()
        first = source.parent
        assert source.scan().root == first
    after = source.entries()
    assert {trouble.path for trouble in scanned.troubles} == {b"shut/in", b"shut/x"}
    assert after[b"shut/x"].extra["stale"][0] == after[b"shut/in"].extra["stale"][0] == "EACCES"
    assert source.bytes_of("shut/in/deep") == b"deep"


def test_a_new_name_whose_stat_fails_is_told(source: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    source.scan()
    (source.path / "fresh").write_bytes(b"fresh")
    real = os.stat

    def fails(name: bytes, **options: Any) -> os.stat_result:
        if name == b"fresh":
            raise OSError(5, "Input/output error")
        return real(name, **options)

    monkeypatch.setattr(os, "stat", fails)
    for _ in range(2):
        assert [t[:3] for t in source.scan().troubles] == [(b"fresh", "EIO", "stat")]


def test_a_folder_deep_below_what_memory_answers_is_still_carried_over(source: Watched) -> None:
    # The walk down needs no page of the last snapshot until the shut folder asks for its own entry.
    source.scan()
    (source.path / "shut" / "in").chmod(0)
    with plain_user():
        source.scan()
    assert source.bytes_of("shut/in/deep") == b"deep"
    assert source.entries()[b"shut/in"].extra["stale"][0] == "EACCES"


def test_a_file_that_vanishes_after_the_listing_is_decided_by_the_next_scan(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.scan()
    (source.path / "file").write_bytes(b"newer")
    (source.path / "fresh").write_bytes(b"fresh")
    real = os.listdir

    def listed(folder: int) -> list[str]:
        names = real(folder)
        if "file" in names:
            (source.path / "file").unlink()
            (source.path / "fresh").unlink()
        return names

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", listed)
        scanned = source.scan()
    assert scanned.complete
    assert source.bytes_of("file") == b"file"
    assert "stale" not in source.entries()[b"file"].extra
    assert b"fresh" not in source.entries()
    source.scan()
    assert b"file" not in source.entries()


def test_a_file_that_vanishes_after_its_stat(source: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    source.scan()
    (source.path / "file").write_bytes(b"newer")
    real = os.open

    def opened(name: bytes, flags: int, **options: int) -> int:
        if name == b"file":
            (source.path / "file").unlink(missing_ok=True)
        return real(name, flags, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        scanned = source.scan()
    assert scanned.complete
    assert source.bytes_of("file") == b"file"
    source.scan()
    assert b"file" not in source.entries()


@pytest.mark.parametrize("becomes", ["folder", "fifo", "link"])
def test_a_file_that_becomes_something_else_after_its_stat(
    source: Watched, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    source.scan()
    victim = source.path / "file"
    victim.write_bytes(b"newer")
    make: dict[str, Callable[[], None]] = {
        "folder": victim.mkdir,
        "fifo": lambda: os.mkfifo(victim),
        "link": lambda: victim.symlink_to("/etc/passwd"),
    }
    real = os.open

    def opened(name: bytes, flags: int, **options: int) -> int:
        if name == b"file" and victim.is_file() and not victim.is_symlink():
            victim.unlink()
            make[becomes]()
        return real(name, flags, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        assert source.scan().complete
    assert (source.entries()[b"file"].kind, source.bytes_of("file")) == (FILE, b"file")
    source.scan()
    assert source.entries()[b"file"].kind != FILE


def test_a_folder_that_becomes_a_link_after_its_stat_is_not_followed(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.scan()
    victim, real = source.path / "shut", os.open

    def opened(name: bytes, flags: int, **options: int) -> int:
        if name == b"shut" and not victim.is_symlink():
            victim.rename(source.path.parent / "moved")
            victim.symlink_to("/etc")
        return real(name, flags, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        assert source.scan().complete
    assert source.entries()[b"shut"].kind == FOLDER
    assert source.bytes_of("shut/x") == b"x"
    assert not any(path.startswith(b"shut/pass") for path in source.entries())


def test_damage_in_the_last_snapshot_is_told_and_everything_is_read(source: Watched) -> None:
    source.scan()
    (source.path / "file").write_bytes(b"newer")
    source.forget()
    for blob_id, (kind, _) in list(source.sink.blobs.items()):
        if kind == PAGE and blob_id != getattr(source.parent, "content", None):
            continue
        if kind == PAGE:
            del source.sink.blobs[blob_id]
    scanned = source.scan()
    assert {trouble.error for trouble in scanned.troubles} == {OLD_UNREADABLE}
    assert source.bytes_of("file") == b"newer"
    assert source.bytes_of("shut/in/deep") == b"deep"


def test_troubles_beyond_a_thousand_are_only_counted(source: Watched) -> None:
    crowd = source.path / "crowd"
    crowd.mkdir()
    for number in range(MOST_KEPT + 10):
        (crowd / str(number)).touch(mode=0)
    with plain_user():
        scanned = source.scan()
    assert (len(scanned.troubles), scanned.trouble_count) == (MOST_KEPT, MOST_KEPT + 10)
    assert source.bytes_of("file") == b"file"
