"""Which files of a folder this process holds open."""

import contextlib
import os
from pathlib import Path


def open_below(folder: Path) -> int:
    """How many descriptors point to `folder` or below it.

    Those of others in this process (a collected loop, a test server) come and go and do not count.
    """
    top = os.fsencode(folder.resolve())
    count = 0
    for name in os.listdir(b"/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += _points_below(b"/proc/self/fd/" + name, top)
    return count


def _points_below(link: bytes, top: bytes) -> bool:
    try:
        target = os.readlink(link)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        return True  # a path too long to be told is that of a deep tree
    return target == top or target.startswith(top + b"/")
