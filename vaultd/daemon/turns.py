"""Who writes next: the daemon itself, or a command that asked for its turn.

The lock of the writer keeps two from writing at once, whatever happens here; turns make that nobody is
sent away.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vaultd.errors import Busy

# What the daemon has in hand goes on for so long after somebody asked; then it is put aside, and what it has
# stored already need not be stored again.
PATIENCE = 5.0


class Turns:
    """One at a time, in the order of asking; whoever asked goes before the daemon. For any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._asked_at: float | None = None
        self._doing = ""

    @contextmanager
    def mine(self, doing: str) -> Iterator[None]:
        """The daemon's own turn, to do what is said in one word. Raises Busy while others have asked, and
        while another thread of the daemon has it, which then is to put it aside.
        """
        with self._changed:
            if self._queue:
                self._press()
                raise Busy("")
            self._queue.append(self)
            self._doing = doing
        try:
            yield
        finally:
            with self._changed:
                self._leave(self)

    @contextmanager
    def given(self, gone: Callable[[], bool], waits: Callable[[str], None]) -> Iterator[bool]:
        """The turn of somebody who asks, to the end of the `with`. While that waits for the daemon `waits` is
        told what it does, once for each thing. False, and no turn, where he was `gone` before it came.
        """
        asking, told = object(), None
        with self._changed:
            self._queue.append(asking)
            self._press()
        try:
            while self._queue[0] is not asking:
                if told != self._doing:
                    told = self._doing
                    waits(told)
                with self._changed:
                    self._changed.wait(0.2)
                if gone():
                    yield False
                    return
            yield True
        finally:
            with self._changed:
                self._leave(asking)

    def _press(self) -> None:
        """Somebody waits; what the daemon does, if it is that, should end."""
        if self._queue[0] is self:
            self._asked_at = self._asked_at or time.monotonic()

    def _leave(self, who: object) -> None:
        self._queue.remove(who)
        if who is self:
            self._asked_at, self._doing = None, ""
        self._changed.notify_all()

    @property
    def presses(self) -> bool:
        """Whether somebody has waited for what the daemon does for longer than it may take."""
        asked = self._asked_at
        return asked is not None and time.monotonic() - asked > PATIENCE

    @property
    def is_free(self) -> bool:
        return not self._queue
