"""A second process of this program, which works on another core for the one that began it."""

import os
import subprocess
import sys
from collections.abc import Sequence

_SECONDS = 10  # to end by itself, which it does as soon as nobody can ask any more


def begin(module: str, descriptors: Sequence[int], pipes: int) -> "subprocess.Popen[bytes]":
    """Run a module of ours with these open descriptors, whose numbers are its words. `pipes`, for what it
    reads and writes, is PIPE or DEVNULL. Raises OSError where no process can be started.
    """
    return subprocess.Popen(
        # Its modules come from where ours do, and never from the folder that somebody happens to be in.
        [sys.executable, "-P", "-m", module, *map(str, descriptors)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=pipes,
        stdout=pipes,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        process_group=0,  # Ctrl-C is for us to answer
    )


def end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for one that nobody can ask any more, not for ever. Twice is not an error."""
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
