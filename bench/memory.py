"""Memory that this machine has not used since it was started.

A virtual machine gets it from its host only when it is first touched, at a sixth of the speed: whoever came
first would pay for it.
"""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bench import trees

_TOUCH = Path(__file__).with_name("touch.py")
_GIB = 1 << 30
# What the programs themselves take at once, their caches included.
_PROGRAMS = 1 * _GIB
# Never touched, so that nothing else has to make room.
_LEFT = 2 * _GIB
_PAGE = 4096


def available() -> int:
    """Bytes that can be had without taking them from anybody; 0 where nobody tells."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def needed(sources: Iterable[Path], peers: int) -> int:
    """Bytes that a round takes of a file system in memory: what each peer stores, and what one restores, of
    the largest source.
    """
    return _PROGRAMS + (peers + 1) * max(map(_length, sources), default=0)


def _length(source: Path) -> int:
    shape = trees.shape(source)
    return shape.bytes + shape.files * _PAGE


def touch(wanted: int) -> str:
    """Touch so many bytes of memory, or as many as there are to spare, and let go of them; a sentence on
    what was done.
    """
    length = max(0, min(wanted, available() - _LEFT))
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-I", "-S", _TOUCH, str(length)], check=False).returncode
    ended = "" if code == 0 else f", and could not touch all of it ({code})"
    seconds = time.monotonic() - began
    return (
        f"{length / _GIB:.1f} GiB of memory were touched before anything is measured: {seconds:.1f} s{ended}"
    )
