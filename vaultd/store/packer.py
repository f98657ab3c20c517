"""Gather new blobs into packs: the writing half of the store.

Two boxes are open at a time, one for file content and one for pages and lists. Blobs are sealed straight
into a box's buffer; a full box is decoded and re-hashed, all of it, and goes to a thread that puts it on the
copy and makes it known to the index, while the next box is being filled. Nothing is allocated per blob; the
buffers go round. What was filled with very many blobs is opened again by a process of its own.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import blake3

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Missing
from vaultd.format.box import BoxHead, BoxWriter, verify_box
from vaultd.format.codec import encode, encode_many
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK, HEAD, KIND_DATA, KIND_TREE
from vaultd.store.buffers import Buffers
from vaultd.store.contract import Buffer, Room
from vaultd.store.fanout import WAITING, Fanout
from vaultd.store.index import BlobIndex
from vaultd.store.openbox import BUFFER_SIZE, OpenBox
from vaultd.store.reader import Reader
from vaultd.store.sieve import Sieve

if TYPE_CHECKING:
    from vaultd.store.verifier import Verifier

# One being filled for content, one for pages, and one on its way out.
_BUFFERS = 3
_CORES = os.cpu_count() or 1


def _may_all_be(_: bytes) -> bool:
    return True


def _none_is(_: bytes) -> bool:
    return False


class Packer:
    """A `Sink` over one copy, and what it writes goes to others `also`. Use it from any threads, `finish` it
    once; after a failure every call raises that failure. `anew`: whatever is given is written, though the
    copy has it: for packs in the place of others.
    """

    def __init__(
        self,
        copy: Copy,
        keys: Keys,
        index: BlobIndex,
        reader: Reader,
        also: Fanout | None = None,
        *,
        anew: bool = False,
    ) -> None:
        self._copy = copy
        self._keys = keys
        self._index = index
        self._reader = reader
        self._filling = threading.Lock()
        # Guards the passage of a blob from a buffer to the copy, so that nobody reads a buffer that was
        # handed on.
        self._handing_on = threading.Lock()
        self._open: dict[int, OpenBox] = {}
        self._fresh: dict[bytes, tuple[OpenBox, int]] = {}
        self._also = also
        waiting = WAITING * len(also.others) if also else 0
        self._buffers = Buffers(_BUFFERS + waiting, BUFFER_SIZE)
        self._full: queue.SimpleQueue[OpenBox | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._verifier: Verifier | None = None
        # Where nothing was known as this run began, only what it wrote can be. What another computer puts
        # there meanwhile is stored twice.
        self._sieve = Sieve() if index.is_empty() and not anew else None
        self._may_be_known = self._sieve.passes if self._sieve else _none_is if anew else _may_all_be
        self.packs: list[bytes] = []
        self.stored = 0

    def write_many(self, blob_type: int, plains: Sequence[Buffer]) -> list[bytes]:
        self._raise_failure()
        blob_ids = self._keys.blob_ids(blob_type, plains)
        new = dict(zip(blob_ids, plains, strict=True))
        for blob_id in self.held_of(list(new)):
            del new[blob_id]
        encoded = encode_many(list(new.values()))
        with self._filling:
            for (blob_id, plain), (codec, stored) in zip(new.items(), encoded, strict=True):
                if blob_id not in self._fresh:
                    self._add(blob_id, blob_type, codec, stored, len(plain))
        return blob_ids

    def write(self, blob_type: int, plain: Buffer) -> bytes:
        self._raise_failure()
        blob_id = self._keys.blob_id(blob_type, plain)
        if not self.holds(blob_id):
            codec, stored = encode(plain)
            with self._filling:
                if blob_id not in self._fresh:
                    self._add(blob_id, blob_type, codec, stored, len(plain))
        return blob_id

    def holds(self, blob_id: bytes) -> bool:
        return blob_id in self._fresh or (self._may_be_known(blob_id) and self._index.vouches(blob_id))

    def held_of(self, blob_ids: Sequence[bytes]) -> set[bytes]:
        fresh = {blob_id for blob_id in blob_ids if blob_id in self._fresh}
        asked = [blob_id for blob_id in blob_ids if blob_id not in fresh and self._may_be_known(blob_id)]
        return fresh | self._index.vouched_of(asked)

    def finish(self) -> None:
        """Close and deliver what is open; on return everything written is durable on the copy."""
        with self._filling:
            for kind in list(self._open):
                self._close(kind)
        self._stop()
        self._raise_failure()

    def abandon(self) -> None:
        """Let go without delivering what is open. Packs that were delivered stay, and the next run reuses
        them.
        """
        self._open.clear()
        self._stop()

    # What was written in this run can be read before it is on the copy.

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        with self._handing_on:
            self._raise_failure()
            if fresh := self._fresh.get(blob_id):
                return self._read_fresh(*fresh, blob_type)
        return self._reader.read(blob_id, blob_type)

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        if blob_id in self._fresh:
            return self.read(blob_id, blob_type)
        return self._reader.read_into(blob_id, blob_type, room)

    def _read_fresh(self, box: OpenBox, number: int, blob_type: int) -> bytes:
        row = box.writer.rows[number]
        if row.type != blob_type:
            raise Missing(row.id.hex())
        start = box.starts[number]
        head = BoxHead.parse(bytes(box.buffer[:HEAD]), self._keys, box.kind)
        return head.open(number, box.buffer[start : start + row.sealed_len], row, self._keys)

    def expect(self, blob_ids: Sequence[bytes]) -> None:
        self._reader.expect(blob_ids)

    def prepare(self) -> bool:
        return self._reader.prepare()

    def type_of(self, blob_id: bytes) -> int:
        if fresh := self._fresh.get(blob_id):
            return fresh[0].writer.rows[fresh[1]].type
        return self._reader.type_of(blob_id)

    def length_of(self, blob_id: bytes) -> int:
        if fresh := self._fresh.get(blob_id):
            return fresh[0].writer.rows[fresh[1]].plain_len
        return self._reader.length_of(blob_id)

    # Filling.

    def _add(self, blob_id: bytes, blob_type: int, codec: int, stored: Buffer, plain_len: int) -> None:
        kind = KIND_DATA if blob_type == CHUNK else KIND_TREE
        box = self._open.get(kind)
        if box is not None and not box.writer.room(len(stored)):
            self._close(kind)
            box = None
        if box is None:
            box = self._open[kind] = self._new_box(kind)
        box.writer.add(blob_id, blob_type, codec, stored, plain_len)
        box.starts.append(box.writer.end)
        self._fresh[blob_id] = (box, len(box.writer.rows) - 1)
        if self._sieve is not None:
            self._sieve.add(blob_id)
        if box.is_full:
            self._close(kind)

    def _new_box(self, kind: int) -> OpenBox:
        # Waiting here is what bounds memory: no more than _BUFFERS packs are under way.
        begin, buffer = self._buffers.take()
        try:
            self._raise_failure()
            return OpenBox(BoxWriter(self._keys, kind, buffer), buffer, begin, kind)
        except BaseException:
            # Others may be waiting for it, and for them too this is how they learn of a failure.
            self._buffers.give_back(begin)
            raise

    def _close(self, kind: int) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._deliver, name="packs", daemon=True)
            thread.start()  # kept only once it runs: a system may refuse one more
            self._thread = thread
        box = self._open.pop(kind)
        if box.of_many and not self._has_verifier(box):
            try:
                box.sealed = self._seal(box)
            except BaseException as error:
                self._failure = error
                raise
        self._full.put(box)

    def _has_verifier(self, box: OpenBox) -> bool:
        """Whether a second process will verify this box; one is started with the first full box."""
        memory = self._buffers.shared
        if self._verifier is None and memory is not None and box.is_full and _CORES > 1:
            from vaultd.store.verifier import Verifier

            with contextlib.suppress(OSError):
                self._verifier = Verifier(self._keys, memory)
        return self._verifier is not None

    def _seal(self, box: OpenBox) -> tuple[memoryview, bytes]:
        view = box.writer.finish(verify=False)
        if self._verifier is not None and box.of_many:
            digest = self._verifier.verify(box.begin, len(view), box.kind)
            if digest is not None:
                return view, digest
        # Named first and verified after: a bit that flips in between fails here, a later one does not fit
        # the name.
        digest = blake3.blake3(view).digest()
        verify_box(view, self._keys, box.kind)
        return view, digest

    def _stop(self) -> None:
        """End the thread and the process, once what they have is done. Twice is not an error."""
        if self._thread is not None:
            self._full.put(None)
            self._thread.join()
            self._thread = None
        if self._verifier is not None:
            self._verifier.close()
            self._verifier = None
        self._buffers.close()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # Delivering, in a thread of its own.

    def _deliver(self) -> None:
        while (box := self._full.get()) is not None:
            try:
                if self._failure is None:
                    self._put(box)
            except BaseException as error:  # noqa: BLE001 - raised again by whoever writes next
                self._failure = error
            finally:
                self._buffers.give_back(box.begin)

    def _put(self, box: OpenBox) -> None:
        view, digest = box.sealed or self._seal(box)
        name = ids.pack_name(digest)
        with view:
            size = len(view)
            for branch in self._also.others.values() if self._also else ():
                self._buffers.hold(box.begin)
                branch.offer(
                    name, self._buffers.view(box.begin, size), partial(self._buffers.give_back, box.begin)
                )
            self._copy.put(name, view)
        if self._also:
            self._also.first.look(name)
        self._index.wrote(digest)
        self._index.learn(digest, size, box.writer.rows)
        with self._handing_on:
            for row in box.writer.rows:
                del self._fresh[row.id]
            self.packs.append(digest)
            self.stored += size
