"""A few files kept open, so that the next range of the same pack costs one system call."""

import threading
from collections import OrderedDict

from vaultd.copies.folder import Handle

# A restore goes through packs in order; a browsed folder touches a few dozen. The usual limit is 1,024.
_KEPT = 64


class OpenFiles:
    """The most recently used handles by name, at most `kept`. May be used from several threads."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._handles: OrderedDict[str, Handle] = OrderedDict()
        self.changes = 0

    def find(self, name: str) -> Handle | None:
        with self._lock:
            handle = self._handles.get(name)
            if handle is not None:
                self._handles.move_to_end(name)
            return handle

    def keep(self, name: str, handle: Handle, changes: int) -> None:
        """`changes` as it was before the file was opened: what changed since may have been this very file."""
        with self._lock:
            if changes != self.changes:
                return
            self._handles[name] = handle
            if len(self._handles) > self._kept:
                self._handles.popitem(last=False)

    def forget(self, name: str) -> None:
        """The file at `name` is, or may be, another one now."""
        with self._lock:
            self.changes += 1
            self._handles.pop(name, None)

    def clear(self) -> None:
        with self._lock:
            self.changes += 1
            self._handles.clear()
