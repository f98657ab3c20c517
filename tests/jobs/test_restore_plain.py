"""Small plain files take a shorter way, and come back as by the longer one."""

import os
from pathlib import Path

import pytest

from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, names, plan, root_of
from tests.tree.trees import build, file, folder
from vaultd.errors import Full
from vaultd.format.entry import FOLDER, Entry
from vaultd.jobs.aside import TEMPORARY, temporary_name
from vaultd.jobs.restore import restore
from vaultd.jobs.restoring import Restorer
from vaultd.progress import Silent

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def longer(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The paths that took the longer way."""
    taken: list[bytes] = []
    leaf = Restorer.leaf

    def noted(restorer: Restorer, item: object) -> None:
        taken.append(item.path)  # type: ignore[attr-defined]
        leaf(restorer, item)  # type: ignore[arg-type]

    monkeypatch.setattr(Restorer, "leaf", noted)
    return taken


def small(sink: FakeSink, name: bytes, uid: int = 0, gid: int = 0, mode: int = 0o644) -> Entry:
    entry = file(sink, name, b"bytes of " + name, cut=100, mode=mode, mtime=10**18 + 7)
    return Entry(name, entry.kind, mode, uid, gid, entry.mtime, entry.size, entry.content, {"birth": 5})


@root_only
def test_owner_mode_and_time(tmp_path: Path, longer: list[bytes]) -> None:
    """In a folder whose group is inherited, too: there files are made with its group, not with ours."""
    sink = FakeSink()
    owners = [(0, 0), (0, 1234), (1000, 0), (1000, 1234), (0, 0), (0, 1234)]
    entries = [
        small(sink, b"%d" % number, *owner, mode=0o600 + number) for number, owner in enumerate(owners)
    ]
    shared = Entry(b"shared", FOLDER, 0o2770, 0, 1234, 1, 0, folder(sink, entries), {})
    own = Entry(b"own", FOLDER, 0o755, 0, 0, 1, 0, folder(sink, entries), {})
    back = tmp_path / "back"
    back.mkdir()
    os.chown(back, 0, 1234)
    back.chmod(0o2770)
    assert give_back(sink, root_of(sink, [*entries, own, shared]), back).complete
    for above in (back / "own", back / "shared", back):
        for number, owner in enumerate(owners):
            status = (above / str(number)).stat()
            assert (status.st_uid, status.st_gid) == owner
            assert status.st_mode & 0o7777 == 0o600 + number
            assert status.st_mtime_ns == 10**18 + 7
            assert (above / str(number)).read_bytes() == b"bytes of %d" % number
    assert longer == []


def test_a_refused_attribute_is_told_once_and_the_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no")

    sink = FakeSink()
    root = build(sink, {b"d": {b"%d" % number: b"abc" for number in range(9)}})
    monkeypatch.setattr(os, "utime", refuse)
    restored = give_back(sink, root, tmp_path / "back")
    assert restored.tally.files == 9
    assert [note.error for note in restored.troubles.notes] == ["times"]
    assert len(names(tmp_path / "back")) == 10


def test_what_cannot_be_read_or_has_more_to_it_takes_the_longer_way(
    tmp_path: Path, longer: list[bytes]
) -> None:
    sink = FakeSink()
    entries = [small(sink, b"%d" % number) for number in range(6)]
    entries[1] = file(sink, b"1", b"many chunks")
    entries[2] = small(sink, b"2", mode=0o4755)
    entries[3] = file(sink, b"3", b"four", xattr={b"user.x": b"y"})
    assert isinstance(entries[4].content, tuple)
    del sink.blobs[entries[4].content[0][0]]
    restored = give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert longer == [b"1", b"2", b"3", b"4"]
    assert names(tmp_path / "back") == ["0", "1", "2", "3", "5"]
    assert (tmp_path / "back" / "2").stat().st_mode & 0o7777 == 0o755
    assert [(each.path, each.error) for each in restored.troubles.kept] == [(b"4", "unreadable")]
    assert restored.tally.files == 5


@pytest.mark.parametrize("call", ["pwrite", "chmod"])
def test_a_target_that_is_full_is_told_and_no_draft_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    calls = 0
    real = getattr(os, call)

    def full(*given: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise OSError(28, "full")
        return real(*given, **more)

    sink = FakeSink()
    planned = plan(sink, root_of(sink, [small(sink, b"%d" % n) for n in range(9)]), tmp_path / "back")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(Full):
        restore(planned, KEYS, Silent(), lambda: False)
    assert names(tmp_path / "back") == ["0", "1", "2"]


def test_a_file_whose_write_is_cut_short_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, bytes(data)[:2], offset))
    sink = FakeSink()
    assert give_back(sink, root_of(sink, [small(sink, b"a")]), tmp_path / "back").complete
    assert (tmp_path / "back" / "a").read_bytes() == b"bytes of a"


def test_temporary_names_never_come_twice_in_a_child_either() -> None:
    mine = {temporary_name() for _ in range(1000)}
    assert len(mine) == 1000
    assert all(TEMPORARY.fullmatch(name) for name in mine)
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.write(writes, temporary_name())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 100) not in {temporary_name() for _ in range(300)}
    os.close(reads)
    os.close(writes)
