"""The second process that writes plain files: what it writes is what one process would, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compare_trees import differences
from tests.fakes import KEYS, FakeSink
from tests.jobs.restores import give_back, names, plan, root_of
from tests.tree.trees import file, folder
from tests.waiting import until
from vaultd.errors import Full
from vaultd.format.entry import FOLDER, Entry
from vaultd.jobs import plain
from vaultd.jobs.restore import restore
from vaultd.jobs.scribe import MOST, PlainFile, Scribe
from vaultd.progress import Silent

FILES = 100


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Scribe]]:
    """Two processes for any number of files; those that were started."""
    started: list[Scribe] = []

    class Noted(Scribe):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(plain, "_MANY", 1)
    monkeypatch.setattr(plain, "_WORTH_TELLING", 1)
    monkeypatch.setattr(plain, "Scribe", Noted)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    yield started
    assert all(each._process.poll() is not None for each in started)


def some(sink: FakeSink) -> list[Entry]:
    return [file(sink, b"%03d" % n, b"bytes %d" % n * 20, cut=10_000, mtime=10**18 + n) for n in range(FILES)]


def folders(sink: FakeSink) -> Entry:
    """Five folders of a hundred plain files."""
    below = folder(sink, some(sink))
    return root_of(sink, [Entry(b"%d" % n, FOLDER, 0o755, 0, 0, n, 0, below, {}) for n in range(5)])


def test_every_file_comes_back_by_the_second_process(
    tmp_path: Path, two: list[Scribe], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FakeSink()
    root = folders(sink)
    alone = give_back(sink, root, tmp_path / "alone", verify=True)
    assert not two
    opened: list[object] = []
    real = os.open

    def noted(path: Any, *given: Any, **more: Any) -> int:
        opened.append(path)
        return real(path, *given, **more)

    monkeypatch.setattr(os, "open", noted)
    restored = give_back(sink, root, tmp_path / "back")
    assert len(two) == 1
    assert not any(isinstance(name, bytes) and name.endswith(b".tmp") for name in opened)
    assert restored.complete
    assert restored.tally == alone.tally
    assert differences(tmp_path / "alone", tmp_path / "back") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_mode_and_time(tmp_path: Path) -> None:
    sink = FakeSink()
    entries = [
        Entry(e.name, e.kind, 0o600 + n % 64, n % 3, n % 2, e.mtime, e.size, e.content, e.extra)
        for n, e in enumerate(some(sink))
    ]
    assert give_back(sink, root_of(sink, entries), tmp_path / "back").complete
    for n, entry in enumerate(entries):
        status = (tmp_path / "back" / os.fsdecode(entry.name)).stat()
        assert (status.st_uid, status.st_gid) == (n % 3, n % 2)
        assert status.st_mode & 0o7777 == 0o600 + n % 64
        assert status.st_mtime_ns == entry.mtime


def test_what_is_not_plain_or_not_there_waits_for_its_turn(tmp_path: Path, two: list[Scribe]) -> None:
    sink = FakeSink()
    entries = some(sink)
    entries[20] = file(sink, b"020", b"many chunks of text")
    entries[40] = file(sink, b"040", b"xattr", xattr={b"user.x": b"y"})
    assert isinstance(entries[60].content, tuple)
    del sink.blobs[entries[60].content[0][0]]
    restored = give_back(sink, root_of(sink, entries), tmp_path / "back")
    assert len(two) == 1
    assert names(tmp_path / "back") == [f"{n:03}" for n in range(FILES) if n != 60]
    assert (tmp_path / "back" / "020").read_bytes() == b"many chunks of text"
    assert [(each.path, each.error) for each in restored.troubles.kept] == [(b"060", "unreadable")]
    assert restored.tally.files == FILES - 1


def test_a_name_that_is_taken_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, back = FakeSink(), tmp_path / "back"
    entries = some(sink)
    send = Scribe.send

    def crossed(asked: Scribe, *given: Any, **more: Any) -> None:
        if not (back / "050").exists():
            (back / "050").write_bytes(b"mine")
        send(asked, *given, **more)

    monkeypatch.setattr(Scribe, "send", crossed)
    restored = give_back(sink, root_of(sink, entries), back)
    assert (back / "050").read_bytes() == b"mine"
    assert (back / "050~2").read_bytes() == b"bytes 50" * 20
    assert [each.path for each in restored.renamed] == [b"050"]
    assert restored.tally.files == FILES


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("after", [1, 2, 5])
def test_one_that_is_killed_is_replaced_by_us(
    tmp_path: Path, two: list[Scribe], monkeypatch: pytest.MonkeyPatch, after: int, written: bool
) -> None:
    """Whether or not it had written what it was asked last: its answer never comes."""
    sink = FakeSink()
    root = folders(sink)
    send, answer, sent = Scribe.send, Scribe.answer, 0

    def killed(asked: Scribe, *given: Any, **more: Any) -> None:
        nonlocal sent
        sent += 1
        send(asked, *given, **more)
        if sent == after:
            if written:
                answer(asked, lambda: False)
            asked._process.send_signal(signal.SIGKILL)
            asked._process.wait()

    give_back(sink, root, tmp_path / "alone", verify=True)
    monkeypatch.setattr(Scribe, "send", killed)
    restored = give_back(sink, root, tmp_path / "back")
    assert sent >= after
    assert restored.complete
    assert restored.tally.files + restored.tally.already == 5 * FILES
    assert not restored.renamed
    assert differences(tmp_path / "alone", tmp_path / "back") == []


def test_an_answer_that_comes_after_the_end_is_no_answer_to_another_batch(
    two: list[Scribe], tmp_path: Path
) -> None:
    """Where the other process died with a question unread, the socket says so first, and then gives what it
    had answered before.
    """
    asked, here = Scribe(), os.open(tmp_path, os.O_RDONLY)
    try:
        files = [PlainFile(b"%d" % n, 0, 0, None, 0o600, 0) for n in range(MOST)]
        asked.send(here, files, made=False)
        assert until(lambda: len(names(tmp_path)) == MOST)
        time.sleep(0.1)  # the answer is on its way
        asked._process.send_signal(signal.SIGSTOP)
        asked.send(here, [PlainFile(b"next", 0, 0, None, 0o600, 0)] * MOST, made=False)
        asked._process.send_signal(signal.SIGKILL)
        asked._process.wait()
        answers = [asked.answer(lambda: False) for _ in range(2)]
    finally:
        asked.close()
        os.close(here)
    assert answers[1] == b""
    assert names(tmp_path) == sorted(str(n) for n in range(MOST))


def test_what_a_killed_one_left_unfinished_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, back = FakeSink(), tmp_path / "back"

    def gone(asked: Scribe, *_: Any, **__: Any) -> None:
        (back / ".vaultd-restore-0123456789abcdef.tmp").write_bytes(b"half")
        asked._process.kill()
        asked._process.wait()
        raise BrokenPipeError

    monkeypatch.setattr(Scribe, "send", gone)
    assert give_back(sink, root_of(sink, some(sink)), back).complete
    assert names(back) == [f"{n:03}" for n in range(FILES)]


def test_where_none_can_be_started_one_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(subprocess, "Popen", refused)
    sink = FakeSink()
    assert give_back(sink, root_of(sink, some(sink)), tmp_path / "back").complete
    assert len(names(tmp_path / "back")) == FILES


def test_a_disk_that_is_full_is_told_and_no_draft_stays(small_disk: Path, two: list[Scribe]) -> None:
    sink = FakeSink()
    entries = [file(sink, b"%03d" % n, os.urandom(8000), cut=10_000) for n in range(FILES)]
    planned = plan(sink, root_of(sink, entries), small_disk / "back")
    (small_disk / "other").write_bytes(bytes(500_000))
    with pytest.raises(Full):
        restore(planned, KEYS, Silent(), lambda: False)
    assert len(two) == 1
    left = names(small_disk / "back")
    assert left == [f"{n:03}" for n in range(len(left))]
    assert all((small_disk / "back" / name).stat().st_size == 8000 for name in left)


def test_stopped_in_the_middle_it_leaves_nothing_unfinished_and_goes_on(tmp_path: Path) -> None:
    sink = FakeSink()
    root = root_of(sink, some(sink))
    left = iter(range(50))
    with pytest.raises(KeyboardInterrupt):
        restore(plan(sink, root, tmp_path / "back"), KEYS, Silent(), lambda: next(left, None) is None)
    there = names(tmp_path / "back")
    assert 0 < len(there) <= 50
    assert not any(".tmp" in name for name in there)
    restored = give_back(sink, root, tmp_path / "back")
    assert restored.tally.already == len(there)
    assert len(names(tmp_path / "back")) == FILES


def test_it_ends_when_nobody_asks_any_more() -> None:
    asking = (
        "import time; from vaultd.jobs.scribe import Scribe; second = Scribe(); "
        "print(second._process.pid, flush=True); time.sleep(60)"
    )
    asker = subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.PIPE)
    assert asker.stdout is not None
    with asker:
        pid = int(asker.stdout.readline())
        asker.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_is_given_no_key_and_no_path(two: list[Scribe], tmp_path: Path) -> None:
    """What it gets goes through one socket, and is files' names, bytes and attributes."""
    sent: list[bytes] = []
    real = socket.send_fds

    def noted(to: socket.socket, buffers: list[bytes], fds: list[int]) -> int:
        sent.extend(buffers)
        return real(to, buffers, fds)

    sink = FakeSink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "send_fds", noted)
        give_back(sink, root_of(sink, some(sink)), tmp_path / "back")
    assert len(sent) >= 2
    assert not any(KEYS.master in each or bytes(tmp_path) in each for each in sent)
