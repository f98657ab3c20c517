"""Keep keys out of core dumps and out of the sight of other programs."""

import resource

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def keep_memory_private() -> None:
    """No core dump of this process, and no reading of its memory by other programs of the same user.

    Called before the first secret is in memory. Our own use of /proc/self/fd goes on working, since the
    kernel lets a process look at itself. Swap is not covered: that is the owner's disk encryption.
    """
    import ctypes

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
