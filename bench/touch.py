"""Have this many bytes of memory at once, write into every page, and let go of them: `python -I -S touch.py
BYTES`

A process of its own: where a container allows less than the machine has, only this one is ended for it.
"""

import contextlib
import mmap
import sys

_AT_ONCE = 1 << 30


def main(length: str) -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    left, held = int(length), []
    while left > 0:
        held.append(_touched(min(left, _AT_ONCE)))
        left -= _AT_ONCE


def _touched(length: int) -> mmap.mmap:
    memory = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    with memoryview(memory) as view:
        pages = len(view[:: mmap.PAGESIZE])
        view[:: mmap.PAGESIZE] = b"\1" * pages
    return memory


if __name__ == "__main__":
    main(*sys.argv[1:])
