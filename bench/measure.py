"""What one command costs."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TIMED = Path(__file__).with_name("timed.py")
# Enough of what a command said to see why it failed.
_TAIL = 2000


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments. `environment` is added to a bare one; `folder` is where it runs."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and of the processor in the program and in the kernel; the largest resident
    memory of any one process, in bytes.
    """

    wall: float
    user: float
    system: float
    peak: int


class Failed(Exception):
    """A command ended with another code than 0. It was not measured: what fails fast is not fast."""

    def __init__(self, command: Command, code: int, said: str) -> None:
        super().__init__(f"{' '.join(command.argv)}\nended with {code}\n{said[-_TAIL:]}")


def measure(command: Command) -> Cost:
    """Run a command with its whole tree of processes, what it prints thrown away. Raises Failed, OSError."""
    with tempfile.TemporaryDirectory() as scratch:
        report, said = Path(scratch, "cost"), Path(scratch, "said")
        timed = [sys.executable, "-I", "-S", str(_TIMED), str(report), *command.argv]
        with said.open("wb") as errors:
            subprocess.run(
                timed,
                env={**_bare(), **command.environment},
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                check=False,
            )
        code, cost = _read(report.read_text() if report.exists() else "")
        if code:
            raise Failed(command, code, said.read_text(errors="replace"))
    return cost


def _read(line: str) -> tuple[int, Cost]:
    """A report of timed.py: the exit code, and the cost. One that is empty is of a command that never ran."""
    if not line:
        return 127, Cost(0, 0, 0, 0)
    code, wall, user, system, kib = line.split()
    return int(code), Cost(float(wall), float(user), float(system), int(kib) * 1024)


def _bare() -> dict[str, str]:
    """Nothing that changes what a peer does by default, and nothing of the person who runs this."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
