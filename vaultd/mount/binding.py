"""Which FUSE library is used, and how: mfusepy with libfuse 3, else with libfuse 2, else fusepy.

docs/decisions/0025-mount.md says what was measured.
"""

import contextlib
import ctypes
import os
from types import ModuleType
from typing import Any

from vaultd.errors import NoFuse
from vaultd.mount.byname import ENCODING, ByName, spelled
from vaultd.mount.operations import Operations
from vaultd.mount.quicker import quicker

_LIBFUSE_3 = "libfuse3.so.3"
# What never changes is kept by the kernel; what changes is told to it, so this long is as good as for ever.
# A name that is not there may come with the next snapshot, and nothing tells the kernel of that.
KEPT, KEPT_ABSENT = 60, 2
_THREADS = 8


def load() -> ModuleType:
    """The binding. Raises NoFuse where there is none."""
    if not os.path.exists("/dev/fuse") and os.uname().sysname == "Linux":
        raise NoFuse("device")
    if "FUSE_LIBRARY_PATH" not in os.environ and _is_there(_LIBFUSE_3):
        os.environ["FUSE_LIBRARY_PATH"] = _LIBFUSE_3
    # Not installed; or installed, and no library of the system.
    with contextlib.suppress(ImportError, OSError):
        import mfusepy

        return mfusepy  # type: ignore[no-any-return]
    with contextlib.suppress(ImportError, OSError):
        import fuse

        return fuse  # type: ignore[no-any-return]
    raise NoFuse("library")


def _is_there(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def is_third(binding: ModuleType) -> bool:
    """Whether it is libfuse 3, which can be told that something changed."""
    return getattr(binding, "fuse_version_major", 2) == 3


def options(binding: ModuleType, *, allow_other: bool) -> dict[str, Any]:
    """How everything is mounted: never to be written, and nothing in it gives rights."""
    third = is_third(binding)
    kept = KEPT if third else 1
    chosen: dict[str, Any] = {
        "foreground": True,
        "ro": True,
        "nosuid": True,
        "nodev": True,
        "use_ino": True,
        "readdir_ino": True,
        "fsname": "vaultd",
        "subtype": "vaultd",
        "auto_unmount": True,
        "attr_timeout": kept,
        "entry_timeout": kept,
        "negative_timeout": min(kept, KEPT_ABSENT),
    }
    if third:
        chosen["max_threads"] = _THREADS
    if allow_other:
        # Otherwise everybody could read what its owner alone may.
        chosen |= {"allow_other": True, "default_permissions": True}
    return chosen


def run(binding: ModuleType, operations: Operations, folder: str, *, allow_other: bool) -> None:
    """Mount, and serve until it is unmounted. Raises RuntimeError where it could not be mounted."""
    chosen = options(binding, allow_other=allow_other)
    try:
        if binding.__name__ == "fuse":  # fusepy
            binding.FUSE(ByName(operations), spelled(folder), raw_fi=True, encoding=ENCODING, **chosen)
        else:
            fuse = quicker(binding) if is_third(binding) else binding.FUSE
            fuse(operations, folder, raw_fi=True, **chosen)
    except RuntimeError:
        # libfuse 3 says 8 after it was ended by a signal and has unmounted well.
        if not operations.served():
            raise
