"""Chunks that were read, decrypted and checked, shared by all who read: each is opened once, however many
wait for it, and the last ones are kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from vaultd.store.contract import Blobs
from vaultd.tree.content import read_chunk

# What is kept: some seconds of a video for each of ten who watch one, beside 60 MB that Python and the
# vault take.
MOST_BYTES = 96 << 20
# Two cores are busy with as many; one more helps where a copy is far away.
_THREADS = 3

Known = tuple[bytes, int]
"""A chunk: its id and its length."""


class Chunks:
    """Safe to use from several threads. `close` ends its own."""

    def __init__(self, blobs: Blobs, most_bytes: int = MOST_BYTES) -> None:
        self._blobs, self._most = blobs, most_bytes
        self._kept: OrderedDict[bytes, Future[bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, "ahead")

    def get(self, chunk: Known) -> bytes:
        """Raises Missing, Damaged, Unreachable; then nothing is kept, and the next one asks anew."""
        made, is_mine = self._future(chunk)
        if is_mine:
            self._open(chunk, made)
        return made.result()

    def begin(self, chunks: Sequence[Known]) -> None:
        """These are likely to be read soon; what goes wrong is told to who reads them."""
        for chunk in chunks:
            made, is_mine = self._future(chunk)
            if is_mine:
                try:
                    self._threads.submit(self._open, chunk, made)
                except RuntimeError:  # closed meanwhile, and somebody may wait for it already
                    self._open(chunk, made)

    def close(self) -> None:
        self._threads.shutdown()  # what was begun is ended: somebody may wait for it

    def _future(self, chunk: Known) -> tuple[Future[bytes], bool]:
        """What there is or will be of the chunk, and whether the caller is the one to open it."""
        with self._lock:
            if (made := self._kept.get(chunk[0])) is not None:
                self._kept.move_to_end(chunk[0])
                return made, False
            made = self._kept[chunk[0]] = Future()
            self._bytes += chunk[1]
            self._drop_oldest()
            return made, True

    def _drop_oldest(self) -> None:
        """Those that nobody waits for, until what is kept is little enough; never the last one."""
        for blob_id, made in list(self._kept.items())[:-1]:
            if self._bytes <= self._most:
                return
            if made.done():
                del self._kept[blob_id]
                self._bytes -= len(made.result())  # one that failed is not kept

    def _open(self, chunk: Known, made: Future[bytes]) -> None:
        try:
            made.set_result(read_chunk(self._blobs, *chunk))
            with self._lock:
                self._drop_oldest()
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, and nobody else
            with self._lock:
                if self._kept.get(chunk[0]) is made:
                    del self._kept[chunk[0]]
                    self._bytes -= chunk[1]
            made.set_exception(error)
