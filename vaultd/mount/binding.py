"""Which FUSE library is used where we do not speak to the kernel ourselves, and how: mfusepy with libfuse 3,
else with libfuse 2, else fusepy.

docs/decisions/0025-mount.md says what was measured.
"""

import contextlib
import ctypes
import os
import sys
from types import ModuleType
from typing import Any

from vaultd.errors import NoFuse
from vaultd.mount import device
from vaultd.mount.byname import ENCODING, ByName, spelled
from vaultd.mount.operations import Operations

_LIBFUSE_3, _CHOSEN = "libfuse3.so.3", "FUSE_LIBRARY_PATH"
# Nothing can be taken back from the kernel, so it may keep for this long what it was told.
_KEPT = 1
_THREADS = 8


def refuse_without() -> None:
    """Raises NoFuse where nothing can be mounted."""
    if sys.platform == "linux" and not os.path.exists("/dev/fuse"):
        raise NoFuse("device")
    if is_needed():
        load()


def is_needed() -> bool:
    """Whether a library is to do it: where one was chosen, and where we cannot."""
    return _CHOSEN in os.environ or sys.platform != "linux" or device.program() is None


def load() -> ModuleType:
    """The binding. Raises NoFuse where there is none."""
    if _CHOSEN not in os.environ and _is_there(_LIBFUSE_3):
        os.environ[_CHOSEN] = _LIBFUSE_3
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


def options(binding: ModuleType, *, allow_other: bool) -> dict[str, Any]:
    """How everything is mounted: never to be written, and nothing in it gives rights."""
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
        "attr_timeout": _KEPT,
        "entry_timeout": _KEPT,
        "negative_timeout": _KEPT,
    }
    if getattr(binding, "fuse_version_major", 2) == 3:
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
            binding.FUSE(operations, folder, raw_fi=True, **chosen)
    except RuntimeError:
        # libfuse 3 says 8 after it was ended by a signal and has unmounted well.
        if not operations.served():
            raise
