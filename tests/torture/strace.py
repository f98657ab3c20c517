"""One command under strace: what it does to the disk, and how it ends when one call fails or kills it.

`when=N` counts calls per thread, and the first thread that comes to its Nth call of a name is the one that
is hit: the packing thread's first rename would hide the main thread's first, which is the commit. So a
command is run with a head start: either the main thread or all others first make so many calls that do
nothing, and then no number belongs to both. Never --seccomp-bpf, under which injection is ignored.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.torture.vault import Scene

if TYPE_CHECKING:
    import subprocess

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

# What changes something that outlives the process. A file opened without O_CREAT is not among them.
CHANGING = frozenset(
    {
        *("write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "fallocate"),
        *("fsync", "fdatasync", "syncfs", "sync_file_range", "ftruncate", "truncate", "creat"),
        *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
        *("mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2"),
        *("chown", "fchown", "lchown", "fchownat", "utime", "utimensat", "setxattr", "fsetxattr"),
    }
)
# Calls that fail and do nothing, by ctypes; more of each than a command of these tests makes in any thread.
_AHEAD = """
import ctypes, sys, threading
libc, none, there = ctypes.CDLL(None), ctypes.c_int(-1), b"/nowhere/at/all"
CALLS = {
    "openat": (700, lambda: libc.openat(none, b"x", 0)),
    "pwrite64": (80, lambda: libc.pwrite64(none, None, 0, ctypes.c_long(0))),
    "write": (40, lambda: libc.write(none, None, 0)),
    "fsync": (40, lambda: libc.fsync(none)),
    "fdatasync": (40, lambda: libc.fdatasync(none)),
    "ftruncate": (40, lambda: libc.ftruncate(none, ctypes.c_long(0))),
    "mkdir": (40, lambda: libc.mkdir(there, 0)),
    "mkdirat": (40, lambda: libc.mkdirat(none, b"x", 0)),
    "rename": (40, lambda: libc.rename(there, there)),
    "renameat": (40, lambda: libc.renameat(none, b"x", none, b"x")),
    "renameat2": (40, lambda: libc.renameat2(none, b"x", none, b"x", 1)),
    "unlink": (40, lambda: libc.unlink(there)),
    "unlinkat": (40, lambda: libc.unlinkat(none, b"x", 0)),
    "close": (600, lambda: libc.close(none)),
}
def start_ahead(*names):
    for name in names:
        for _ in range(CALLS[name][0]):
            CALLS[name][1]()
def run_ahead(thread, run=threading.Thread.run):
    start_ahead(*NAMES)
    run(thread)
if AHEAD == "main":
    start_ahead(*NAMES)
elif AHEAD == "others":
    threading.Thread.run = run_ahead
from vaultd_cli.main import main
main()
"""
_HEAD_STARTS = dict(re.findall(r'"(\w+)": \((\d+),', _AHEAD))
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")


@dataclass(frozen=True)
class Call:
    """The `nth` call of its name in its thread, from 1 on; `line` is all that strace shows of it."""

    thread: int
    name: str
    nth: int
    line: str

    @property
    def changes(self) -> bool:
        return self.name in CHANGING or (self.name == "openat" and "O_CREAT" in self.line)


@dataclass(frozen=True)
class Point:
    """A place to strike: the Nth `name` of a run in which `ahead` (main, others) has had a head start."""

    name: str
    nth: int
    ahead: str


def points(scene: Scene, words: Sequence[str | Path], secret: str = "key") -> dict[Point, Call]:
    """Every call that can be hit, main thread's and others', with what it was when it was recorded."""
    found: dict[Point, Call] = {}
    for ahead in ("main", "others"):
        scene.rewind()
        calls = record(scene, words, ahead, secret)
        first: dict[tuple[str, int], Call] = {}
        for call in calls[1:]:  # the first is strace's own, which starts the program
            first.setdefault((call.name, call.nth), call)
        for (name, nth), call in first.items():
            is_main = call.thread == calls[0].thread
            if is_main == (ahead == "main") and nth > int(_HEAD_STARTS.get(name, 0)):
                found[Point(name, nth, ahead)] = call
    scene.rewind()
    return found


def record(
    scene: Scene, words: Sequence[str | Path], ahead: str = "", secret: str = "key"
) -> tuple[Call, ...]:
    """Run a command that must succeed, and return its calls in the order in which they began."""
    with tempfile.NamedTemporaryFile() as trace:
        before = ("strace", "-f", "-qq", "-y", "-s", "64", "-o", trace.name)
        done = scene.run(*words, before=before, code=_program(ahead, *_HEAD_STARTS), secret=secret)
        if done.returncode and "ptrace" in done.stderr:
            pytest.skip("this system does not let a process be traced")
        assert done.returncode == 0, done.stderr
        return tuple(_calls(Path(trace.name).read_text(errors="replace")))


def _program(ahead: str, *names: str) -> str:
    """Only calls of the name that is counted need the head start."""
    known = tuple(name for name in names if name in _HEAD_STARTS)
    return f"AHEAD, NAMES = {ahead!r}, {known!r}\n{_AHEAD}"


def _calls(trace: str) -> list[Call]:
    counts: dict[tuple[int, str], int] = {}
    calls = []
    for line in trace.splitlines():
        if match := _LINE.match(line):
            thread, name = int(match[1]), match[2]
            counts[thread, name] = counts.get((thread, name), 0) + 1
            calls.append(Call(thread, name, counts[thread, name], match[3]))
    return calls


def strike(
    scene: Scene, words: Sequence[str | Path], point: Point, fault: str, secret: str = "key"
) -> "subprocess.CompletedProcess[str]":
    """The same command with one call made to fail (`error=ENOSPC`), to lie (`retval=1`) or to kill it."""
    before = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={point.name}")
    inject = ("-e", f"inject={point.name}:{fault}:when={point.nth}")
    return scene.run(*words, before=before + inject, code=_program(point.ahead, point.name), secret=secret)
