"""Watching one source: a thread that follows its folders, and begins again whenever it lost the thread."""

import contextlib
import errno
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from vaultd.capture.unreadable import Unreadable
from vaultd.copies.identity import MOUNTS, is_remote
from vaultd.daemon.changes import (
    UNMOUNTED,
    Beginning,
    Broken,
    Change,
    Gone,
    Lost,
    Network,
    Scanning,
    State,
    TooMany,
    TooManyWatchers,
    Turned,
    Watching,
    Why,
)
from vaultd.daemon.following import Following, Overflowed, RootLeft
from vaultd.daemon.inotify import limit
from vaultd.daemon.scope import Inode, NotThere, Scope, Standing, inode_of, standing, was_unmounted
from vaultd.daemon.survey import ON_ITS_WAY_S, NoMoreWatches

# A folder above the root that is renamed makes no event, nor does a root that comes back.
LOOK_S = 5.0
# What could not be watched is tried again: a limit may have been raised, a permission given.
RETRY_S = 60.0
MOST_PARTS = 100
MOMENT_S = 1.0
_log = logging.getLogger(__name__)


class _Again(Exception):
    """Begin again, for this reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Watch:
    """One source that is watched from `start` to `close`.

    `tell` is called from the thread of the watch, one call at a time, also before `start` has returned. It
    must not wait: what happens meanwhile is kept by the system, but not without limit. It must not call
    `close`. `state` may be read, and `close` called, from any thread. Nothing is held open in the source,
    which may be unmounted at any time.
    """

    def __init__(
        self,
        scope: Scope,
        tell: Callable[[Change], None],
        *,
        look_s: float = LOOK_S,
        mounts: Path = MOUNTS,
    ) -> None:
        self._scope, self._tell, self._look_s, self._list = scope, tell, look_s, mounts
        self._state: State = Scanning(Beginning())
        self._why = Why.STARTED
        self._before: Standing | None = None
        self._watched: set[Inode] = set()
        self._looked = 0.0
        self._closing = False
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._mounts = _opened(mounts)
        self._thread = threading.Thread(target=self._live, name="vaultd-watch", daemon=True)

    @property
    def state(self) -> State:
        """How well it is watched now."""
        return self._state

    def start(self) -> None:
        """Begin to watch. `Lost` is told as soon as every folder is."""
        self._thread.start()

    def close(self, timeout: float = 10.0) -> bool:
        """Watch no more; nothing is told after this has returned True. False where the thread did not end in
        time, since the file system does not answer. Closing twice is not an error.
        """
        self._closing = True
        with contextlib.suppress(OSError):
            os.write(self._waker, b"\0")
        if self._thread.ident is not None:
            self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        for fd in (self._wake, self._waker, self._mounts):
            if fd is not None:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._wake = self._waker = -1
        self._mounts = None
        return True

    # The thread.

    def _live(self) -> None:
        pause = 0.0
        while not self._closing:
            began = time.monotonic()
            try:
                self._watch_once()
            except _Again as again:
                self._why = again.why
            except Exception as error:  # noqa: BLE001 - silence is what a watch must never fall into
                _log.error("watching %r failed", self._scope.root, exc_info=error)
                self._why = Why.FAILED
                self._turn(Scanning(Broken(type(error).__name__)))
            pause = self._pause(pause, time.monotonic() - began)

    def _pause(self, last: float, lasted: float) -> float:
        """Wait before beginning again, the longer the more often it lasted for a moment only."""
        if lasted > MOMENT_S or self._closing:
            return 0.0
        pause = min(max(0.1, last * 2), self._look_s)
        self._wait(pause)
        return pause

    def _watch_once(self) -> None:
        """Watch for as long as that goes well, or wait for as long as it cannot be."""
        stands = standing(self._scope.root, self._list)
        if isinstance(stands, NotThere):
            self._gone(stands.code)
        unmounted = self._before is not None and was_unmounted(self._before, stands)
        if unmounted and stands.inode not in self._watched:
            self._gone(UNMOUNTED)
        self._before = stands
        self._watched.add(stands.inode)
        if stands.mount is not None and is_remote(stands.mount):
            self._scan_until_changed(stands, Network(stands.mount.type))
        try:
            self._follow(stands)
        except NoMoreWatches as none:
            most = limit("max_user_watches")
            self._scan_until_changed(stands, TooMany(most, none.held), most)
        except Unreadable as trouble:
            self._gone(trouble.code)
        except OSError as error:
            if error.errno == errno.EMFILE:
                self._scan_until_changed(stands, TooManyWatchers(limit("max_user_instances")))
            self._scan_until_changed(stands, Broken(errno.errorcode.get(error.errno or 0, "EIO")))

    def _follow(self, stands: Standing) -> None:
        with _following(self._scope, stands) as following:
            self._turn(Scanning(Beginning()))
            following.begin()
            while following.busy and not self._closing:
                following.step()
                following.told()  # all of them are: `Lost` says it shorter
            if self._closing:
                return
            self._up(following)
            self._tell(Lost(self._why))
            tried = self._looked = time.monotonic()
            while not self._closing:
                self._step(following, stands)
                if time.monotonic() - tried > RETRY_S:
                    tried = time.monotonic()
                    following.try_again()

    def _step(self, following: Following, stands: Standing) -> None:
        wait = 0.0 if following.busy else ON_ITS_WAY_S if following.waiting else self._look_s
        readable = self._wait(wait, following.fd)
        try:
            following.step()
            self._up(following)
        finally:
            for dirty in following.told():
                self._tell(dirty)
        mounts = self._mounts in readable
        if mounts or time.monotonic() - self._looked >= self._look_s:
            self._look(stands, mounts=mounts)

    def _look(self, stands: Standing, *, mounts: bool) -> None:
        """Is it still the folder that we watch? The list of mounts is read only where it has changed."""
        self._looked = time.monotonic()
        if mounts:
            now = standing(self._scope.root, self._list)
            if now != stands:
                inside = isinstance(now, Standing) and now.inode == stands.inode and now.mount == stands.mount
                raise _Again(Why.MOUNTS if inside else Why.RETURNED)
        elif inode_of(self._scope.root) != stands.inode:
            raise _Again(Why.RETURNED)

    def _scan_until_changed(
        self, stands: Standing, reason: Network | TooMany | TooManyWatchers | Broken, most: int = 0
    ) -> NoReturn:
        """Say that only scans help, and wait until it is worth trying again."""
        self._turn(Scanning(reason))
        ends = time.monotonic() + RETRY_S
        while not self._closing:
            readable = self._wait(self._look_s)
            raised = most and limit("max_user_watches") > most
            ended = time.monotonic() > ends and not isinstance(reason, Network)
            if raised or ended:
                raise _Again(Why.UNWATCHED)
            self._look(stands, mounts=self._mounts in readable)
        raise _Again(Why.UNWATCHED)

    def _gone(self, code: str) -> NoReturn:
        self._turn(Gone(code))
        self._wait(self._look_s)
        raise _Again(Why.RETURNED)

    def _up(self, following: Following) -> None:
        parts = tuple(following.parts(MOST_PARTS))
        self._turn(Watching(following.count, parts, following.part_count, following.busy))

    def _turn(self, state: State) -> None:
        before, self._state = self._state, state
        if isinstance(before, Watching) and isinstance(state, Watching):
            before = replace(before, folders=state.folders, busy=state.busy)
        if before != state:
            self._tell(Turned(state))

    def _wait(self, seconds: float, *others: int) -> list[int]:
        """Until something is readable, or mounts have changed, or we are woken; what it was."""
        poller = select.poll()
        for fd in (self._wake, *others):
            poller.register(fd, select.POLLIN)
        if self._mounts is not None:
            poller.register(self._mounts, select.POLLPRI)
        return [fd for fd, _ in poller.poll(seconds * 1000)]


@contextlib.contextmanager
def _following(scope: Scope, stands: Standing) -> Iterator[Following]:
    following = Following(scope, stands)
    try:
        yield following
    except Overflowed:
        raise _Again(Why.OVERFLOW) from None
    except RootLeft:
        raise _Again(Why.RETURNED) from None
    finally:
        following.close()


def _opened(mounts: Path) -> int | None:
    """The list of mounts, which tells when it changes; None where the system has none."""
    try:
        return os.open(mounts, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
