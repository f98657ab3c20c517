"""One folder that is being listed, part by part, as the kernel has room for it."""

import errno
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, count

from vaultd.browse.node import Node
from vaultd.errors import VaultdError

log = logging.getLogger("vaultd.mount")
Row = tuple[bytes, Node, int]


class Listing:
    """Not more than what was handed out last is kept, so that a folder of a million names costs nothing. For
    one caller at a time.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._failure: VaultdError | None = None
        self._rows = self._begun()
        # Handed out, and perhaps not taken.
        self._out: deque[Row] = deque()
        self._taken = 0

    def after(self, offset: int) -> Iterator[Row]:
        """The rows behind the one with this offset; 0 is from the start."""
        if offset < self._taken:
            self._rows, self._taken = self._begun(), 0
            self._out.clear()
        while self._out and self._out[0][2] <= offset:
            self._taken = self._out.popleft()[2]
        return self._further(offset, tuple(self._out))

    def _further(self, offset: int, again: Iterable[Row]) -> Iterator[Row]:
        any_row = False
        for row in again:
            any_row = True
            yield row
        try:
            keep = self._out.append
            for (name, node), number in self._rows:
                row = name, node, number
                keep(row)
                if number > offset:
                    any_row = True
                    yield row
        except VaultdError as error:
            self._failure = error
        # All that can be listed was; then whoever asks for more is told that it is not all.
        if self._failure is not None and not any_row:
            log.warning("a folder: %s", self._failure)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _begun(self) -> Iterator[tuple[tuple[bytes, Node], int]]:
        self._failure = None
        return zip(self._children(), count(1), strict=False)

    def _children(self) -> Iterator[tuple[bytes, Node]]:
        return chain(((b".", self.node), (b"..", self.node)), self.node.children())
