"""What watching costs: `python -m bench.watching [FOLDERS]`, of 55,000 where it is not said, in memory.

Ours in one process, then watchdog's own observer with the same events in another, on the same tree.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FOLDERS = 55_000
FILES = 30_000
_QUIET_S = 3.0
_MEMORY = Path("/dev/shm")


def main(folders: int = FOLDERS) -> None:
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as work:
        for number in range(folders // 50):
            for below in range(50):
                os.makedirs(f"{work}/source/{number}/{below}")
        for who in ("ours", "watchdog"):
            command = [sys.executable, "-W", "ignore", "-m", "bench.watching", who, work]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def measure(who: str, work: Path) -> None:
    """Print a line for each thing that was done: seconds until the last word of it was heard, and words."""
    root, before = work / "source", resident()
    heard: list[float] = []
    began = time.perf_counter()
    stop = {"ours": ours, "watchdog": watchdog}[who](root, lambda: heard.append(time.perf_counter()))
    print(f"{who}: set up in {time.perf_counter() - began:.2f} s, {resident() - before} MB")
    say = _sayer(who, heard)
    say(f"{FILES} files written into one folder", lambda: write(root / "0", FILES))
    say("1,000 folders made, four deep", lambda: make(root, 250))
    say("51 folders moved out and, after 2 s, in", lambda: out_and_in(root, work / "outside"))
    say("1,000 folders renamed", lambda: rename(root))
    idle = time.process_time()
    time.sleep(5)
    print(
        f"{who}: {1000 * (time.process_time() - idle):.1f} ms of CPU in 5 s of quiet; {resident()} MB in all"
    )
    began = time.perf_counter()
    stop()
    print(f"{who}: stopped in {time.perf_counter() - began:.2f} s", flush=True)
    shutil.rmtree(root / "made")


def _sayer(who: str, heard: list[float]) -> Callable[[str, Callable[[], object]], None]:
    def say(what: str, do: Callable[[], object]) -> None:
        heard.clear()
        began, cpu = time.perf_counter(), time.process_time()
        do()
        done = time.perf_counter()
        while time.perf_counter() - max(heard[-1] if heard else 0, done) < _QUIET_S:
            time.sleep(0.05)
        last = heard[-1] if heard else began
        cost = time.process_time() - cpu
        print(f"{who}: {what} in {done - began:.2f} s; last word after {last - began:.2f} s; ", end="")
        print(f"{len(heard)} words; {cost:.2f} s of CPU, ours and the writer's", flush=True)

    return say


def ours(root: Path, hear: Callable[[], None]) -> Callable[[], object]:
    """Watch with our own; what ends it."""
    from vaultd.daemon.changes import Change, Lost
    from vaultd.daemon.scope import Scope
    from vaultd.daemon.watching import Watch

    begun: list[Change] = []

    def tell(change: Change) -> None:
        hear()
        if isinstance(change, Lost):
            begun.append(change)

    watch = Watch(Scope(os.fsencode(root)), tell)
    watch.start()
    while not begun:
        time.sleep(0.005)
    return watch.close


def watchdog(root: Path, hear: Callable[[], None]) -> Callable[[], object]:
    """Watch with watchdog's observer, and the filter without which it never comes to rest; what ends it."""
    from watchdog import events
    from watchdog.observers import Observer

    class Handler(events.FileSystemEventHandler):
        def on_any_event(self, event: events.FileSystemEvent) -> None:
            hear()

    kinds = [
        events.FileCreatedEvent,
        events.FileModifiedEvent,
        events.FileClosedEvent,
        events.FileDeletedEvent,
    ]
    kinds += [events.FileMovedEvent, events.DirCreatedEvent, events.DirDeletedEvent, events.DirMovedEvent]
    observer = Observer()
    observer.schedule(Handler(), str(root), recursive=True, event_filter=kinds)
    observer.start()

    def stop() -> None:
        observer.stop()
        observer.join()

    return stop


def write(folder: Path, files: int) -> None:
    for number in range(files):
        with open(folder / f"{number}.jpg", "wb") as file:
            file.write(b"x")
    for number in range(files):
        os.unlink(folder / f"{number}.jpg")


def make(root: Path, times: int) -> None:
    for number in range(times):
        os.makedirs(root / "made" / str(number) / "a/b/c")


def out_and_in(root: Path, outside: Path) -> None:
    (root / "1").rename(outside)
    time.sleep(2)
    outside.rename(root / "1")


def rename(root: Path) -> None:
    for number in range(500):
        here = root / str(2 + number % 20)
        (here / str(number % 50)).rename(here / "renamed")
        (here / "renamed").rename(here / str(number % 50))


def resident() -> int:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["watchdog"]):
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
