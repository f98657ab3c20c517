"""The blobs of a vault from whichever of its copies has them right: the one in use is asked, and only where
it fails the next one is opened.
"""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeVar

from vaultd.errors import Damaged, Missing, Unreachable
from vaultd.store.contract import Blobs, Buffer, Room

Answer = TypeVar("Answer")
_Failure = Missing | Damaged | Unreachable


class Anywhere:
    """`Blobs`, safe to call from several threads where `first` and `others` are.

    `others` gives the vault as other copies hold it, one after the other, each opened when it is asked for
    and closed by whoever made it; one that cannot be opened it leaves out. `helped` holds what was wrong with
    the copy in use where another one answered, once for each file.
    """

    def __init__(self, first: Blobs, others: Iterator[Blobs]) -> None:
        self._first = first
        self._others = others
        self._opened: list[Blobs] = []
        self._opening = threading.Lock()
        self.helped: dict[str, _Failure] = {}
        self.expect = first.expect
        self.prepare = first.prepare

    def type_of(self, blob_id: bytes) -> int:
        return self._ask(lambda blobs: blobs.type_of(blob_id))

    def length_of(self, blob_id: bytes) -> int:
        return self._ask(lambda blobs: blobs.length_of(blob_id))

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        return self._ask(lambda blobs: blobs.read(blob_id, blob_type))

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        return self._ask(lambda blobs: blobs.read_into(blob_id, blob_type, room))

    def _ask(self, ask: Callable[[Blobs], Answer]) -> Answer:
        try:
            return ask(self._first)
        except (Missing, Damaged, Unreachable) as failure:
            return self._elsewhere(ask, failure)

    def _elsewhere(self, ask: Callable[[Blobs], Answer], failure: _Failure) -> Answer:
        """What another copy says. Raises `failure` where none of them knows better."""
        for blobs in self._each():
            try:
                answer = ask(blobs)
            except (Missing, Damaged, Unreachable):
                continue
            self.helped.setdefault(getattr(failure, "name", ""), failure)
            return answer
        raise failure

    def _each(self) -> Iterator[Blobs]:
        for number in count():
            with self._opening:
                if number == len(self._opened):
                    another = next(self._others, None)
                    if another is None:
                        return
                    self._opened.append(another)
            yield self._opened[number]
