"""Kinds of files that need care: devices and rights, sockets, holes."""

import os
import socket
import stat
import time
from pathlib import Path

from tests.compare_trees import allocated
from tests.fakes import FakeSink
from tests.jobs.restores import give_back
from tests.tree.sources import Watched
from tests.tree.trees import file, folder
from vaultd.format.entry import FOLDER, Entry


def test_special_files_and_rights_only_when_asked(tmp_path: Path) -> None:
    sink = FakeSink()
    entries = [
        file(sink, b"set-id", b"1", mode=0o6755),
        Entry(b"socket", 5, 0o600, 0, 0, 1, 0, None, {}),
    ]
    root = Entry(b"", FOLDER, 0o755, 0, 0, 1, 0, folder(sink, entries), {})
    restored = give_back(sink, root, tmp_path / "one")
    assert stat.S_IMODE((tmp_path / "one" / "set-id").stat().st_mode) == 0o755
    assert not (tmp_path / "one" / "socket").exists()
    assert {trouble.error for trouble in restored.troubles.notes} == {"set-id", "special"}
    restored = give_back(sink, root, tmp_path / "two", special=True)
    assert stat.S_IMODE((tmp_path / "two" / "set-id").stat().st_mode) == 0o6755
    assert stat.S_ISSOCK((tmp_path / "two" / "socket").stat().st_mode)
    assert restored.troubles.notes == []


def test_eight_tebibytes_of_holes_take_no_time_and_no_room(tmp_path: Path) -> None:
    sink = FakeSink()
    size, part = 8 << 40, 1 << 20
    parts = tuple((offset, part) for offset in (0, 1 << 40, size - part))
    sparse = file(sink, b"image", os.urandom(3 * part), cut=part // 2 + 7, size=size, sparse=parts)
    root = Entry(b"", FOLDER, 0o755, 0, 0, 1, 0, folder(sink, [sparse]), {})
    started = time.monotonic()
    restored = give_back(sink, root, tmp_path / "back", verify=True)
    assert time.monotonic() - started < 60  # a moment, where writing the holes would take an hour
    assert restored.complete
    assert restored.verified == 1
    assert (tmp_path / "back" / "image").stat().st_size == size
    assert allocated(tmp_path / "back" / "image") <= 4 << 20


def test_a_socket_of_the_source_is_recorded_and_skipped(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    source = Watched(tmp_path / "source")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(source.path / "s"))
        restored = give_back(source.sink, source.scan().root, tmp_path / "back")
    assert restored.tally.special == 1
    assert restored.complete
