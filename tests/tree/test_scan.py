"""What a scan finds in a folder, and that it finds the same again."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from tests.descriptors import open_below
from tests.fakes import FakeMemory
from tests.tree.sources import Watched, comparable
from vaultd.format.entry import CHAR, FIFO, FILE, FOLDER, LINK, SOCKET
from vaultd.format.limits import CHUNK, PAGE


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    path = tmp_path / "source"
    path.mkdir()
    return Watched(path)


def fill(path: Path) -> None:
    (path / "a").write_bytes(b"first")
    (path / "empty").write_bytes(b"")
    (path / "folder" / "inner").mkdir(parents=True)
    (path / "folder" / "b").write_bytes(os.urandom(3_000_000))
    (path / "folder" / "inner" / "c").write_bytes(b"deep")
    (path / "hollow").mkdir()
    (path / "link").symlink_to("no/where")


def test_all_that_is_there_is_found(source: Watched) -> None:
    fill(source.path)
    scanned = source.scan()
    assert set(source.entries()) == {
        b"a", b"empty", b"folder", b"folder/b", b"folder/inner", b"folder/inner/c", b"hollow", b"link",
    }  # fmt: skip
    assert source.bytes_of("a") == b"first"
    assert source.bytes_of("empty") == b""
    assert source.bytes_of("folder/b") == (source.path / "folder" / "b").read_bytes()
    assert scanned.complete
    assert (scanned.counts.files, scanned.counts.folders, scanned.counts.others) == (4, 3, 1)
    assert scanned.counts.bytes == scanned.counts.read == 3_000_009
    assert scanned.counts.changed == 4


def test_attributes_are_those_of_the_file(source: Watched) -> None:
    file = source.path / "file"
    file.write_bytes(b"x")
    file.chmod(0o6751)
    os.utime(file, ns=(1, 1_234_567_890_123_456_789))
    before = file.stat()
    source.scan()
    entry = source.entries()[b"file"]
    assert (entry.kind, entry.mode, entry.mtime, entry.size) == (FILE, 0o6751, 1_234_567_890_123_456_789, 1)
    assert (entry.uid, entry.gid) == (before.st_uid, before.st_gid)
    assert file.stat().st_atime_ns == before.st_atime_ns


@pytest.mark.parametrize("mtime", [-1, -(2**62), 0, 2**62])
def test_a_time_before_1970_or_far_ahead_is_kept(source: Watched, mtime: int) -> None:
    (source.path / "old").write_bytes(b"x")
    os.utime(source.path / "old", ns=(mtime, mtime))
    kept = (source.path / "old").stat().st_mtime_ns
    source.scan()
    assert source.entries()[b"old"].mtime == kept


def test_a_second_scan_reads_nothing_and_has_the_same_root(source: Watched) -> None:
    fill(source.path)
    first = source.scan()
    second = source.scan()
    assert second.root == first.root
    assert second.counts.read == 0
    assert source.sink.reads == []
    assert (second.counts.files, second.counts.folders, second.counts.others) == (4, 3, 1)
    assert second.counts.bytes == first.counts.bytes


def test_without_memory_everything_is_read_and_the_root_is_the_same(source: Watched) -> None:
    fill(source.path)
    os.link(source.path / "a", source.path / "folder" / "a2")
    first = source.scan()
    source.forget()
    again = source.scan()
    assert again.root == first.root
    assert again.counts.changed == 0
    assert again.counts.read == 3_000_009


def test_damaged_memory_is_as_none(source: Watched) -> None:
    fill(source.path)
    first = source.scan()
    for path, (look, content) in list(source.memory.rows.items()):
        for damaged in (look[:-1], b"", b"\xc1", look + b"\0", b"\x93\x02\x90\x90"):
            source.memory.rows[path] = (damaged, content)
            assert source.scan().root == first.root


def test_memory_that_names_what_is_not_there_is_as_none(source: Watched) -> None:
    fill(source.path)
    first = source.scan()
    (source.path / "new").write_bytes(b"n")
    source.memory.rows[b""] = (source.memory.rows[b""][0], bytes(32))
    scanned = source.scan()
    assert source.bytes_of("new") == b"n"
    assert source.bytes_of("a") == b"first"
    assert scanned.root != first.root


def test_only_what_changed_is_read(source: Watched) -> None:
    fill(source.path)
    source.scan()
    (source.path / "folder" / "inner" / "c").write_bytes(b"longer than before")
    written = dict(source.sink.writes)
    scanned = source.scan()
    assert scanned.counts.read == len(b"longer than before")
    assert scanned.counts.changed == 1
    assert source.sink.writes[CHUNK] == written[CHUNK] + 1
    assert source.sink.writes[PAGE] == written[PAGE] + 3  # inner, folder, root
    assert source.bytes_of("folder/inner/c") == b"longer than before"


def test_a_changed_attribute_of_a_folder_is_seen(source: Watched) -> None:
    fill(source.path)
    source.scan()
    (source.path / "hollow").chmod(0o700)
    source.scan()
    assert source.entries()[b"hollow"].mode == 0o700


def test_what_is_gone_is_gone_and_forgotten(source: Watched) -> None:
    fill(source.path)
    source.scan()
    (source.path / "a").unlink()
    (source.path / "hollow").rmdir()
    source.scan()
    assert b"a" not in source.entries()
    assert b"hollow" not in source.entries()
    assert b"hollow" not in source.memory.rows


def test_a_file_written_just_now_is_not_trusted(source: Watched) -> None:
    (source.path / "young").write_bytes(b"one")
    source.scan(soon=True)
    again = source.scan(soon=True)
    assert again.counts.read == 3
    source.scan()
    assert source.scan().counts.read == 0


def test_who_restores_times_is_caught_by_the_change_time(source: Watched) -> None:
    file = source.path / "file"
    file.write_bytes(b"before")
    source.scan()
    times = file.stat()
    file.write_bytes(b"after!")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    source.scan()
    assert source.bytes_of("file") == b"after!"


def test_a_chunk_that_the_copies_lost_is_stored_anew(source: Watched) -> None:
    (source.path / "a").write_bytes(b"kept")
    source.scan()
    lost = [blob_id for blob_id, (kind, _) in source.sink.blobs.items() if kind == CHUNK]
    for blob_id in lost:
        del source.sink.blobs[blob_id]
    (source.path / "b").write_bytes(b"so that the folder is looked at")
    source.scan()
    assert source.bytes_of("a") == b"kept"


def test_things_that_are_no_files_are_recorded_and_never_opened(source: Watched) -> None:
    os.mkfifo(source.path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source.path / "socket"))
        source.scan()
    entries = source.entries()
    assert entries[b"fifo"].kind == FIFO
    assert entries[b"socket"].kind == SOCKET
    assert source.scan().root == source.scan().root


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make device nodes")
def test_a_device_is_recorded_with_its_numbers(source: Watched) -> None:
    os.mknod(source.path / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    source.scan()
    entry = source.entries()[b"zero"]
    assert (entry.kind, entry.extra["rdev"], entry.size, entry.content) == (CHAR, (1, 5), 0, None)


def test_a_link_is_its_target_and_is_not_followed(source: Watched) -> None:
    target = b"x" * 4000 + "中文".encode()
    os.symlink(target, os.fsencode(source.path) + b"/link")
    (source.path / "to-folder").symlink_to("/")
    source.scan()
    entry = source.entries()[b"link"]
    assert (entry.kind, entry.extra["link"], entry.size) == (LINK, target, len(target))
    assert set(source.entries()) == {b"link", b"to-folder"}


def test_names_of_every_byte_and_of_many_forms(source: Watched) -> None:
    root = os.fsencode(source.path)
    names = [bytes([byte]) for byte in range(1, 256) if byte not in b"/."]
    names += [
        b"x.",
        b"..x",
        "é".encode(),
        "e\u0301".encode(),
        b"Case",
        b"case",
        b"\xff\xfe",
        b"n" * 255,
        "中".encode() * 85,
    ]
    for name in names:
        with open(root + b"/" + name, "wb") as file:
            file.write(name)
    source.scan()
    entries = source.entries()
    assert set(entries) == set(names)
    assert source.scan().counts.read == 0
    assert all(source.bytes_of(os.fsdecode(name)) == name for name in names)


def test_a_big_file_has_a_list_and_is_taken_over_whole(source: Watched) -> None:
    size = 70 << 20
    with (source.path / "big").open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    first = source.scan()
    entry = source.entries()[b"big"]
    # 70 MiB are more than 64 chunks of 256 KiB to 4 MiB nearly always, but never fewer than 18.
    assert isinstance(entry.content, bytes) or len(entry.content or ()) >= 18
    assert source.bytes_of("big") == (source.path / "big").read_bytes()
    source.forget()
    assert source.scan().root == first.root
    (source.path / "small").write_bytes(b"s")
    assert source.scan().counts.read == 1


def test_a_folder_of_very_many_entries(source: Watched) -> None:
    root = os.open(source.path, os.O_RDONLY)
    for number in range(20_000):
        os.mknod(f"{number:06}", 0o600 | stat.S_IFREG, dir_fd=root)
    os.close(root)
    first = source.scan()
    assert first.counts.files == 20_000
    assert source.scan().root == first.root
    written = source.sink.writes[PAGE]
    (source.path / "010000").write_bytes(b"one")
    changed = source.scan()
    assert changed.counts.read == 3
    assert source.sink.writes[PAGE] - written > 20_000 // 512
    assert len(source.entries()) == 20_000


# Stopping.


def test_a_stop_is_obeyed_before_each_file(source: Watched) -> None:
    fill(source.path)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(KeyboardInterrupt):
        source.scan(stop=stopped.is_set)
    assert source.parent is None


def test_a_stop_is_obeyed_inside_a_large_file(source: Watched) -> None:
    (source.path / "large").write_bytes(os.urandom(30 << 20))
    asked = iter([False] * 4)
    with pytest.raises(KeyboardInterrupt):
        source.scan(stop=lambda: next(asked, True))
    assert 1 <= source.sink.writes[CHUNK] <= 12  # it is asked before each MiB, of one to three chunks


def test_no_descriptor_is_left_open(source: Watched) -> None:
    fill(source.path)
    source.scan()
    with pytest.raises(KeyboardInterrupt):
        source.scan(stop=lambda: True)
    assert open_below(source.path) == 0


def test_two_machines_that_read_the_same_folder_agree(source: Watched) -> None:
    fill(source.path)
    source.scan()
    other = Watched(source.path, memory=FakeMemory())
    other.scan()
    assert source.parent is not None
    assert other.parent is not None
    assert comparable(source.sink, source.parent) == comparable(other.sink, other.parent)
    assert source.entries()[b"folder"].kind == FOLDER
