"""watchdog's watching by inotify, with what it keeps to itself told: events that were lost, folders that
could not be watched.

By itself it answers an overflow by watching everything anew, which on a large tree overflows again, for ever;
and a folder that the system does not let it watch it passes over in silence.
"""

import errno
import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)
from watchdog.observers.api import BaseObserver, EventQueue, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import InotifyFD, Mask

# What it warns of is told by us.
logging.getLogger("watchdog").setLevel(logging.CRITICAL)
# A folder that moves is watched once more under the watch that it has: so the kernel wants it.
warnings.filterwarnings("ignore", "Callback with id .* already exists", RuntimeWarning)

# All but opening, reading, and what follows from the others. With those its own walk through the folders
# fills the queue, and nothing is ever told of a tree of 55,000.
EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirAttribEvent,
    DirDeletedEvent,
    DirMovedEvent,
]
# A folder that was removed before it could be watched is not missed.
_GONE = (errno.ENOENT, errno.ENOTDIR)
Refused = Callable[[bytes], None]
Overflowed = Callable[[], None]


class _Group(InotifyWatchGroup):
    """The watches of one tree. `refused` and `overflowed` are called in its threads."""

    def __init__(
        self, fd: InotifyFD, path: bytes, mask: Mask, refused: Refused, overflowed: Overflowed
    ) -> None:
        self._refused, self._overflowed = refused, overflowed
        super().__init__(fd, path, mask, is_recursive=True)

    @property
    def count(self) -> int:
        return len(self._active_callbacks_by_watch)

    def on_queue_overflow(self) -> None:
        self._overflowed()

    def _add_callback(self, path: bytes) -> None:
        try:
            wd = self._inotify_fd.add_callback(path, self.event_mask, self._callback, self._id)
        except OSError as error:
            if path == self.path:
                raise
            if error.errno not in _GONE:
                self._refused(path)
            return
        self._active_callbacks_by_path[path] = wd
        self._active_callbacks_by_watch[wd] = path


class Emitter(InotifyEmitter):
    """One tree."""

    def __init__(
        self,
        queue: EventQueue,
        watch: ObservedWatch,
        *,
        refused: Refused,
        overflowed: Overflowed,
        **more: Any,
    ) -> None:
        super().__init__(queue, watch, **more)
        self._refused, self._overflowed = refused, overflowed

    def on_thread_start(self) -> None:
        path, mask = os.fsencode(self.watch.path), self.get_event_mask_from_filter()
        self._inotify = _Group(self._inotify_fd, path, mask, self._refused, self._overflowed)

    @property
    def count(self) -> int:
        """How many folders are watched."""
        return self._inotify.count if isinstance(self._inotify, _Group) else 0


class Observer(BaseObserver):
    """Watches trees. `refused` is called with each folder that cannot be watched, `overflowed` when events
    were lost: then this observer is of no use any more. Both are called in threads of its own.
    """

    def __init__(self, refused: Refused, overflowed: Overflowed) -> None:
        self._fd = InotifyFD()
        self._fd.start()
        super().__init__(Emitter, inotify_fd=self._fd, refused=refused, overflowed=overflowed)

    def on_thread_stop(self) -> None:
        super().on_thread_stop()
        self._fd.stop()
        self._fd.join()

    @property
    def is_working(self) -> bool:
        """Whether every thread of it is still there: an event that one of them does not expect ends it."""
        return self._fd.is_alive() and all(each.is_alive() for each in (self, *self.emitters))

    @property
    def count(self) -> int:
        """How many folders are watched."""
        return sum(emitter.count for emitter in self.emitters if isinstance(emitter, Emitter))
