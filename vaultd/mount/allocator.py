"""What the C library does with memory that is free again."""

import contextlib
import ctypes

# mallopt(3): names and values.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
_MIB = 1 << 20


def keep_what_is_free() -> None:
    """Buffers of a megabyte come and go with each chunk. By itself the library gives each back to the system
    and asks anew, and having its pages cleared may cost more than opening what comes into them. One arena
    instead of one for each thread halves what is kept. Another C library is left as it is.

    For the start of a process: what other threads have already is not changed.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, 32 * _MIB)  # the most that it takes
        mallopt(_TRIM_THRESHOLD, 256 * _MIB)
        mallopt(_TOP_PAD, 16 * _MIB)
