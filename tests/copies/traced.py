"""One operation on a copy, in a process of its own, under strace: watched, made to fail, or killed.

strace attaches after Python has started, so that what it counts is the operation's own calls and
nothing else, the same in every run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
# The child's own waiting and answering; what they count is no call of ours.
_NOT_OURS = frozenset({"read", "exit_group", "restart_syscall", "rt_sigreturn"})
_FILE_CALLS = "trace=%file,%desc"

_CHILD = """
import ctypes, os, sys
from pathlib import Path
from vaultd.copies import folder
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import VaultdError

path, device, data = Path(sys.argv[1]), "d1" * 8, bytes(range(256)) * 40
folder._renameat2()
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # whoever started us may trace us
if {opened}:
    copy = DirectoryCopy.open(path, None, "disk", device)
os.write(2, b"ready\\n")
os.read(0, 1)
try:
    {operation}
    answer = "done"
except VaultdError as error:
    answer = type(error).__name__
os.write(1, answer.encode())
os._exit(0)
"""


@dataclass(frozen=True)
class Call:
    """A system call: the `nth` of its name from 1 on; arguments and result as strace shows them."""

    name: str
    nth: int
    arguments: str
    result: str


@dataclass(frozen=True)
class Run:
    answer: str
    status: int
    calls: tuple[Call, ...]

    def find(self, name: str, fits: str = "") -> Call:
        """The first call of that name whose arguments match the pattern."""
        return next(c for c in self.calls if c.name == name and re.search(fits, c.arguments))

    def names(self, *wanted: str) -> list[str]:
        return [call.name for call in self.calls if call.name in wanted]


@dataclass(frozen=True)
class Operation:
    """Python over `path`, `data`, `device` and, where it is opened before, `copy`."""

    code: str
    opened: bool = True

    def run(self, path: Path, *inject: str) -> Run:
        """Run it on the copy at `path`; `inject` are values of strace's -e inject."""
        code = _CHILD.format(operation=self.code, opened=self.opened)
        # A folder apart from the copy, so that nothing of ours shows up in it.
        with tempfile.TemporaryDirectory() as scratch, _child(code, path) as child:
            trace = Path(scratch) / "trace"
            _attached(child.pid, trace, inject, lambda: _answer(child))
            calls = tuple(_parse(trace.read_text(errors="replace")))
            return Run(_said(child), child.returncode, calls)


def _child(code: str, path: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], env=environment, **pipes)  # type: ignore[call-overload]
    assert child.stderr.readline() == b"ready\n", child.stderr.read().decode()
    return child  # type: ignore[no-any-return]


def _attached(pid: int, trace: Path, inject: tuple[str, ...], then: Callable[[], None]) -> None:
    faults = [word for fault in inject for word in ("-e", f"inject={fault}")]
    command = ["strace", "-y", "-s", "200", "-e", _FILE_CALLS, *faults, "-o", str(trace), "-p", str(pid)]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert strace.stderr
    with strace.stderr:
        said = strace.stderr.readline()
        if b"attached" not in said:
            strace.wait()
            pytest.skip(f"this system does not let a process be traced: {said.decode().strip()}")
        then()
        strace.wait()


def _answer(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin
    child.stdin.write(b"x")
    child.stdin.flush()
    child.wait()


def _said(child: "subprocess.Popen[bytes]") -> str:
    assert child.stdout
    return child.stdout.read().decode()


def _parse(trace: str) -> Iterator[Call]:
    counts: dict[str, int] = {}
    for line in trace.splitlines():
        match = re.match(r"(\w+)\((.*)\) += (\S.*)$", line)
        if not match or match[1] in _NOT_OURS or (match[1] == "write" and match[2].startswith("1<")):
            continue
        counts[match[1]] = counts.get(match[1], 0) + 1
        yield Call(match[1], counts[match[1]], match[2], match[3])
