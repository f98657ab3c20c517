"""Run a program that kills itself on the way, in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Before the program: an audit hook that kills the process at the event of that number among EVENTS.
_COUNTING = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv[1])
def count(event, _):
    global left
    if event in EVENTS:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def dies(program: str, events: tuple[str, ...], at: int, home: Path, *words: Path) -> bool:
    """Whether it was killed, at the event of this number, before it came to its end. It gets `home` and the
    words, and is killed from where it adds the hook `count` on.
    """
    known = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/cli", "VAULTD_HOME": str(home)}
    whole = f"EVENTS = {events!r}\n{_COUNTING}{program}"
    command = [sys.executable, "-c", whole, str(at), str(home), *map(str, words)]
    done = subprocess.run(command, env=known, check=False, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0
