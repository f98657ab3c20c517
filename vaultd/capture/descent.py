"""The way from a source's root down to where the scan is, as open folders.

Not all of them stay open: a tree may be deeper than the number of files that a process may have open. The
ones furthest up are closed, and opened again through ".." on the way back, which is believed only if it
leads to the very same folder.
"""

import os
from dataclasses import dataclass

from vaultd.capture.opening import close, open_folder
from vaultd.capture.unreadable import Unreadable

# A fifth of the 1,024 that processes usually get; the store and the copies have theirs open beside us.
MOST_OPEN = 200


@dataclass(slots=True)
class _Step:
    name: bytes
    folder: tuple[int, int]
    fd: int | None


class Descent:
    """A stack of folders, the root first. Only the last one is used; `top` is its descriptor."""

    def __init__(self, root: int, st: os.stat_result) -> None:
        self._steps = [_Step(b"", (st.st_dev, st.st_ino), root)]
        self._inside = {(st.st_dev, st.st_ino)}
        # The root is never closed: where ".." leads astray, the way down is walked again from there.
        self._first_open = 1

    @property
    def top(self) -> int:
        """Raises Unreadable where the way back up to this folder was lost."""
        fd = self._steps[-1].fd
        if fd is None:
            raise Unreadable("ESTALE", "open")
        return fd

    @property
    def depth(self) -> int:
        """How many folders lie above the last one."""
        return len(self._steps) - 1

    def inside(self, device: int, ino: int) -> bool:
        """True where this folder is one of those that we are in: a mount that leads back up."""
        return (device, ino) in self._inside

    def push(self, name: bytes, fd: int, st: os.stat_result) -> None:
        """Go down into a folder that was opened relative to `top`, and is not `inside`; the descriptor is
        ours now.
        """
        self._steps.append(_Step(name, (st.st_dev, st.st_ino), fd))
        self._inside.add((st.st_dev, st.st_ino))
        if len(self._steps) - self._first_open > MOST_OPEN:
            _close(self._steps[self._first_open])
            self._first_open += 1

    def pop(self) -> None:
        """Go back up. Where the folder above cannot be found again, `top` raises until the next `pop`."""
        left = self._steps.pop()
        self._inside.discard(left.folder)
        above = self._steps[-1] if self._steps else None
        if above is not None and above.fd is None:
            above.fd = _above(left.fd, above) or self._walk_again()
            self._first_open = min(self._first_open, len(self._steps) - 1)
        _close(left)

    def _walk_again(self) -> int | None:
        """Open the last folder by the names that lead to it, each of which must be the folder that it was."""
        fd = os.dup(self.root)
        for step in self._steps[1:]:
            found = _same_folder(fd, step.name, step.folder)
            close(fd)
            if found is None:
                return None
            fd = found
        return fd

    @property
    def root(self) -> int:
        """The descriptor of the root; always open until `close`."""
        fd = self._steps[0].fd
        if fd is None:
            raise Unreadable("EBADF", "open")
        return fd

    def close(self) -> None:
        """Close whatever is open. Closing twice is not an error."""
        for step in self._steps:
            _close(step)


def _close(step: _Step) -> None:
    if step.fd is not None:
        close(step.fd)
        step.fd = None


def _above(fd: int | None, expected: _Step) -> int | None:
    """The folder above an open one, if it is the one that we came from."""
    return None if fd is None else _same_folder(fd, b"..", expected.folder)


def _same_folder(fd: int, name: bytes, expected: tuple[int, int]) -> int | None:
    try:
        opened, st = open_folder(fd, name)
    except Unreadable:
        return None
    if (st.st_dev, st.st_ino) == expected:
        return opened
    close(opened)
    return None
