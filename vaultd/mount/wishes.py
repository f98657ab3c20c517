"""Who wants attributes with the names of a folder.

The kernel asks for them with the start of every listing, and cannot know. To make them costs twice what
the names do; to be asked for them one by one ten times as much. So of a process that nothing is known of one
file is left without: who wants attributes asks for that one.
"""

import threading
from collections import OrderedDict
from enum import IntEnum

# Processes that are remembered, and how many listings are answered in full before one is left out again.
_PROCESSES, _TRUST = 1024, 8


class Wish(IntEnum):
    """`TRY`: all but the first file."""

    NAMES, TRY, ALL = range(3)


class Wishes:
    """Safe to use from several threads. Being wrong costs time and nothing else."""

    def __init__(self) -> None:
        self._trust: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, who: int) -> Wish:
        trust = self._trust.get(who)
        if trust is None or trust == 1:
            return Wish.TRY
        return Wish.ALL if trust else Wish.NAMES

    def is_wanting(self, who: int) -> bool:
        return bool(self._trust.get(who))

    def answered(self, who: int, wish: Wish) -> None:
        """A listing in which there are files."""
        if wish != Wish.NAMES:
            self._set(who, max(0, self._trust.get(who, 1) - 1))

    def looked_up(self, who: int) -> None:
        """It asked for the attributes of one file."""
        self._set(who, _TRUST)

    def _set(self, who: int, trust: int) -> None:
        with self._lock:
            self._trust[who] = trust
            self._trust.move_to_end(who)
            if len(self._trust) > _PROCESSES:
                self._trust.popitem(last=False)
