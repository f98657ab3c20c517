"""What the kernel tells of a source, from real programs in real folders."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from vaultd.daemon import watching
from vaultd.daemon.inotify import Observer, _Group
from vaultd.daemon.watching import Watch, Watched

FEW = 300


class Told:
    """What was told, by path; True where deep."""

    def __init__(self) -> None:
        self.paths: dict[bytes, bool] = {}
        self.lost = threading.Event()

    def changed(self, path: bytes, deep: bool) -> None:
        self.paths[path] = self.paths.get(path, False) or deep

    def covers(self, path: bytes) -> bool:
        """Whether a scan of what was told looks at this folder."""
        above = [path[:end] for end, byte in enumerate(path) if byte == 0x2F] + [b""]
        return path in self.paths or any(self.paths.get(each) for each in above)

    def wait(self, *paths: bytes, seconds: float = 20) -> bool:
        return until(lambda: all(map(self.covers, paths)), seconds)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def watch(tmp_path: Path, told: Told) -> Iterator[Watch]:
    """Of tmp_path/source, which has a/b and c."""
    for folder in ("source/a/b", "source/c", "elsewhere/d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "source/a/file").write_bytes(b"1")
    made = Watch(os.fsencode(tmp_path / "source"), told.changed, told.lost.set)
    made.start()
    yield made
    made.stop()


def test_every_folder_is_watched_and_no_file(watch: Watch) -> None:
    assert watch.watched == Watched(folders=4)
    assert watch.watched.whole


@pytest.mark.parametrize(
    ("command", "folders"),
    [
        ("echo x > a/new", [b"a"]),
        ("echo x >> a/file", [b"a"]),
        ("chmod 600 a/file", [b"a"]),
        ("touch -d 2001-01-01 a/file", [b"a"]),
        ("rm a/file", [b"a"]),
        ("mv a/file c/", [b"a", b"c"]),
        ("ln a/file c/other", [b"c"]),
        ("echo x > c/tmp; mv c/tmp a/file", [b"a", b"c"]),
        ("mkdir -p a/x/y; echo x > a/x/y/z", [b"a", b"a/x", b"a/x/y"]),
        ("chmod 700 a/b", [b"a/b"]),
        ("mv a/b c/b; echo x > c/b/new", [b"a", b"c", b"c/b"]),
        ("mv a ../elsewhere/a", [b""]),
        ("mv ../elsewhere/d a/d", [b"a", b"a/d"]),
        ("rm -r a", [b""]),
        ("printf x > \"c/$(printf '\\377\\376')\"", [b"c"]),
        ("mkdir \"c/$(printf '\\377')\"; sleep 0.2; echo x > \"c/$(printf '\\377')/x\"", [b"c", b"c/\xff"]),
    ],
)
def test_what_happens_is_told_with_its_folder(
    watch: Watch, told: Told, tmp_path: Path, command: str, folders: list[bytes]
) -> None:
    subprocess.run(["sh", "-c", command], cwd=tmp_path / "source", check=True)
    assert told.wait(*folders), told.paths
    assert not told.lost.is_set()


def test_reading_is_not_told(watch: Watch, told: Told, tmp_path: Path) -> None:
    subprocess.run(["sh", "-c", "cat a/file; ls -R; echo x > c/last"], cwd=tmp_path / "source", check=True)
    assert told.wait(b"c")
    assert not told.covers(b"a")


def test_a_burst_of_thirty_thousand_files_is_told_whole(watch: Watch, told: Told, tmp_path: Path) -> None:
    script = (
        "import os\n"
        f"for n in range({FEW}):\n"
        "    os.mkdir(f'c/{n}')\n"
        "    for m in range(100): open(f'c/{n}/{m}', 'w').close()\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "source", check=True)
    assert told.wait(*(b"c/%d" % number for number in range(FEW))) or told.lost.is_set()


def test_events_that_were_lost_are_told_once_and_a_new_start_sees_again(
    watch: Watch, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is held up until the queue of the kernel is full."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    held = threading.Event()
    real = _Group.on_event
    monkeypatch.setattr(_Group, "on_event", lambda self, event: (held.wait(60), real(self, event))[1])
    (tmp_path / "source/c/first").touch()
    for number in range(limit + 1000):
        os.close(os.open(tmp_path / f"source/c/{number}", os.O_CREAT))
        os.unlink(tmp_path / f"source/c/{number}")
        if number % 100 == 0:
            os.mkdir(tmp_path / f"source/a/{number}")
    held.set()
    assert until(told.lost.is_set)
    watch.stop()
    watch.start()
    told.paths.clear()
    (tmp_path / "source/a/0/new").touch()
    assert told.wait(b"a/0")


def test_a_thread_of_the_watch_that_ended_is_noticed(watch: Watch, told: Told, tmp_path: Path) -> None:
    assert not watch.is_elsewhere
    assert watch._observer is not None
    watch._observer._fd.stop()
    assert until(lambda: watch.is_elsewhere)
    watch.stop()
    watch.start()
    assert not watch.is_elsewhere
    (tmp_path / "source/c/new").touch()
    assert told.wait(b"c")


def test_the_source_itself_gone_is_told_and_it_may_come_back(
    watch: Watch, told: Told, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "source")
    assert until(told.lost.is_set)
    watch.stop()
    watch.start()
    assert watch.watched.blind
    (tmp_path / "source/new").mkdir(parents=True)
    watch.stop()
    watch.start()
    told.paths.clear()
    (tmp_path / "source/new/file").touch()
    assert told.wait(b"new")


def test_folders_that_cannot_be_watched_are_counted(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when max_user_watches is reached."""
    for number in range(10):
        (tmp_path / f"source/{number}").mkdir(parents=True)
    watched = [0]

    class Limited(Observer):
        def __init__(self, refused: Callable[[bytes], None], overflowed: Callable[[], None]) -> None:
            super().__init__(refused, overflowed)
            add = self._fd.add_callback

            def adding(*words: object) -> object:
                watched[0] += 1
                if watched[0] > 6:
                    raise OSError(28, "no room")
                return add(*words)  # type: ignore[arg-type]

            self._fd.add_callback = adding  # type: ignore[method-assign, assignment]

    monkeypatch.setattr(watching, "Observer", Limited)
    watch = Watch(os.fsencode(tmp_path / "source"), told.changed, told.lost.set)
    watch.start()
    assert watch.watched == Watched(folders=6, refused=5)
    assert not watch.watched.whole
    watch.stop()


def test_where_no_events_come_from_it_is_blind(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "is_network", lambda _: True)
    watch = Watch(os.fsencode(tmp_path), told.changed, told.lost.set)
    watch.start()
    assert watch.watched == Watched(blind=True)
    watch.stop()


def test_a_tree_of_55_000_folders_is_watched(told: Told) -> None:
    """With what watchdog asks for by itself no event ever arrives here: its own walk fills the queue."""
    top = Path("/dev/shm") / f"vaultd-watch-{os.getpid()}"
    limit = int(watching.LIMIT.read_text())
    if limit < 56_000:
        pytest.skip(f"only {limit} folders may be watched here: sysctl fs.inotify.max_user_watches")
    try:
        for one in range(55):
            for two in range(1000):
                (top / str(one) / str(two)).mkdir(parents=True)
        watch = Watch(os.fsencode(top), told.changed, told.lost.set)
        watch.start()
        assert watch.watched == Watched(folders=55 * 1001 + 1)
        (top / "54/999/new").touch()
        assert told.wait(b"54/999")
        assert not told.lost.is_set()
        watch.stop()
    finally:
        shutil.rmtree(top, ignore_errors=True)
