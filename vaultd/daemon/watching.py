"""Told by the kernel in which folders of a source something happens.

What is told is a hint: that nothing was told never means for good that nothing happened. So whoever watches
also looks at everything when it begins, after a `Lost`, and now and then.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler

from vaultd.copies.identity import is_network
from vaultd.daemon.inotify import EVENTS, Observer

# fs.inotify of /proc/sys: how many folders one user may watch, all programs together.
LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")

Changed = Callable[[bytes, bool], None]
"""Called with the path of a folder in the source, and whether all below it may have changed too."""
Lost = Callable[[], None]
"""Called when what happened is not known: everything has to be looked at, and the watch made anew."""


@dataclass(frozen=True, slots=True)
class Watched:
    """How well a source is watched: so many `folders`, so many that the system `refused` to watch. `blind`:
    it stands where no events come from (a network, a FUSE file system), or there is no way to watch. What is
    not watched has to be looked at now and then.
    """

    folders: int = 0
    refused: int = 0
    blind: bool = False

    @property
    def whole(self) -> bool:
        return not (self.refused or self.blind)


class Watch(FileSystemEventHandler):
    """One source, from `start` to `stop`. `changed` and `lost` are called in threads of its own, and must be
    quick; after `stop` neither is.
    """

    def __init__(self, root: bytes, changed: Changed, lost: Lost) -> None:
        self._root = os.path.realpath(root)
        self._changed, self._lost = changed, lost
        self._observer: Observer | None = None
        self._refused = 0
        self._blind = False
        self._identity: tuple[int, int] | None = None

    def start(self) -> None:
        """Returns when every folder is watched that can be. Where the source's folder is not there it is
        blind. Whoever stopped may start again.
        """
        self._refused, self._blind = 0, is_network(Path(os.fsdecode(self._root)))
        self._identity = self._who()
        if self._blind:
            return
        observer = Observer(self._refuse, self._lose)
        try:
            observer.schedule(self, os.fsdecode(self._root), recursive=True, event_filter=EVENTS)
            observer.start()
        except OSError as error:
            observer.stop()
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOSPC, errno.EMFILE):
                raise
            self._blind = True
            return
        self._observer = observer

    def stop(self) -> None:
        """Stopping twice is not an error."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()

    @property
    def is_elsewhere(self) -> bool:
        """Whether another folder stands at the root than the one that is watched, or none, or nobody watches
        any more.
        """
        observer = self._observer
        return observer is not None and (self._who() != self._identity or not observer.is_working)

    def _who(self) -> tuple[int, int] | None:
        try:
            st = os.stat(self._root)
        except OSError:
            return None
        return st.st_dev, st.st_ino

    @property
    def watched(self) -> Watched:
        if self._observer is None:
            return Watched(blind=True)
        return Watched(self._observer.count, self._refused, self._blind)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog for each event, in a thread of the observer."""
        for path in (event.src_path, event.dest_path):
            if path:
                self._tell(os.fsencode(path), event)

    def _tell(self, path: bytes, event: FileSystemEvent) -> None:
        if path == self._root and event.event_type in ("deleted", "moved"):
            self._lose()
            return
        within = self._within(path)
        if within is None:
            return
        if event.is_directory:
            # One that is new, or has come from elsewhere, brings with it what nobody has told of.
            self._changed(within, event.event_type in ("created", "moved"))
        if within:
            self._changed(within.rpartition(b"/")[0], False)

    def _within(self, path: bytes) -> bytes | None:
        """The path in the source; None for one outside."""
        if path == self._root:
            return b""
        above = self._root + b"/"
        return path[len(above) :] if path.startswith(above) else None

    def _refuse(self, path: bytes) -> None:
        self._refused += 1
        # What it holds already is found by whoever looks at everything after the start.
        if self._observer is not None and (within := self._within(path)) is not None:
            self._changed(within, True)

    def _lose(self) -> None:
        if self._observer is not None:
            self._lost()
