"""A copy in an object store that speaks S3.

Names carry the BLAKE3 of their bytes, so nothing here hangs on what weak stores lack: no rename, no lock,
no condition. What holds instead:

* **One PUT is one file.** A store takes it whole or not at all, and it is never sent in parts (FILE_LIMIT is
  far below what one PUT may carry), so no unfinished write is ever left; `sweep` removes those that came
  with a copied folder. After a PUT the store must show the length and the MD5 of what was sent, or the
  object is read back; `read_back` reads it in any case.
* **Over nothing that is whole.** What stands at a name is read first: the same bytes are left alone, others
  are copied to quarantine before the PUT replaces them.
* **A listing must end beyond its names.** `vault.id` sorts after everything a copy holds, so it, or a name
  further on, is met at the end of every listing that was not cut short; no other answer is a list.
* **Missing needs two answers**: the store does not know the name, and still shows this copy's `vault.id`.
  So does Damaged: a portal that answers everything with a page of its own damages nothing.

What an object store cannot do: between reading a damaged object and replacing or removing it another
*process* may have put the right one; the mark of the version is compared last, and the instant after that
stays open. What is lost then was put by somebody who reads it back, and is put again.
"""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from blake3 import blake3

from vaultd.copies.bucket import Address, Bucket, Head
from vaultd.copies.contract import FILE_LIMIT, Buffer, Copy, Space, Stored
from vaultd.copies.identity import VaultId
from vaultd.copies.listing import LAST, listed, stranger
from vaultd.copies.names import (
    QUARANTINE,
    REPLACEABLE,
    check_readable,
    digest_of,
    is_quarantined,
    parse_unfinished,
    quarantine_name,
)
from vaultd.copies.refusals import Cause, Failed
from vaultd.errors import Damaged, Full, Missing, ReadOnly, TooNew, Unreachable, WrongPlace
from vaultd.ids import parse

# Names share this many locks: threads seldom wait for one another, and no lock is ever to be tidied up.
_STRIPES = 64
# A range up to this is asked for at once; of a longer one it is first seen how much there is.
_AT_ONCE = 32 * 1024 * 1024


class ObjectCopy(Copy):
    """See `Copy`, and the module for what is different here. Made by `objectplace` only."""

    def __init__(self, bucket: Bucket, address: Address, identity: VaultId, label: str) -> None:
        self._bucket: Bucket | None = bucket
        self._address, self._identity, self._label = address, identity, label
        # To look at what stands at a name and to replace or remove it is one step for our own threads.
        self._locks = tuple(threading.Lock() for _ in range(_STRIPES))

    @property
    def label(self) -> str:
        return self._label

    @property
    def copy_id(self) -> bytes:
        return self._identity.copy_id

    @property
    def vault_id(self) -> bytes:
        """16 bytes, as `vault.id` says; the sealed files are the authority."""
        return self._identity.vault_id

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """As the contract says, but that a range of at most 32 MiB is given of a longer object too."""
        check_readable(name)
        with self._reading(name) as bucket:
            if length and offset >= 0 and length <= _AT_ONCE:
                return _range(bucket, name, offset, length)
            size = self._sized(bucket, name).size
            start = max(0, size + offset) if offset < 0 else offset
            there = max(0, size - start)
            return _range(bucket, name, start, there if length is None else min(length, there))

    def fetch(self, name: str) -> bytes:
        digest = digest_of(name)
        with self._reading(name) as bucket:
            data = self._whole(bucket, name)
            if blake3(data).digest() == digest:
                return data
            self._answer(bucket)
        raise Damaged(name, self._label, "digest")

    def read_back(self, name: str) -> None:
        self.fetch(name)

    def put(self, name: str, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        digest = blake3(view).digest() if name in REPLACEABLE else digest_of(name)
        if len(view) > FILE_LIMIT:
            raise ValueError(name)
        with self._changing(name) as bucket:
            head = None if name in REPLACEABLE else _head(bucket, name)
            if head is not None:
                if _holds(bucket, name, head, digest):
                    return
                self._set_aside(bucket, name, head)
            self._write(bucket, name, view, digest)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        for stored in self._names(prefix):
            if parse(stored.name):
                yield stored

    def strangers(self) -> Iterator[str]:
        last = ""
        for stored in self._names(""):
            name = stranger(stored.name)
            if name and name != last:
                yield name
                last = name

    def quarantined(self) -> Iterator[Stored]:
        for stored in self._names(QUARANTINE + "/"):
            if is_quarantined(stored.name):
                yield stored

    def remove(self, name: str) -> None:
        digest_of(name)
        with self._changing(name) as bucket:
            bucket.delete(name)

    def quarantine(self, name: str, whole: bool = False) -> None:
        digest = digest_of(name)
        with self._changing(name) as bucket:
            head = _head(bucket, name)
            if head is None or (not whole and _holds(bucket, name, head, digest)):
                return
            self._set_aside(bucket, name, head)
            if _head(bucket, name) == head:
                bucket.delete(name)

    def sweep(self, device: str) -> int:
        names = [stored.name for stored in self._names("")]
        mine = [name for name in names if (parse_unfinished(name) or ("",))[0] == device]
        with self._writing() as bucket:
            self._check(bucket)
            for name in mine:
                bucket.delete(name)
        return len(mine)

    def space(self) -> Space:
        """An object store does not tell."""
        self._held()
        return Space(0, 0)

    def close(self) -> None:
        self._bucket = None

    def _held(self) -> Bucket:
        bucket = self._bucket
        if bucket is None:
            raise Unreachable(self._label, "closed")
        return bucket

    @contextmanager
    def _reading(self, name: str = "") -> Iterator[Bucket]:
        """What a failure to read says of this copy, and of `name` where the store does not know it."""
        bucket = self._held()
        try:
            yield bucket
        except Failed as failed:
            if failed.cause is not Cause.MISSING or not name:
                raise Unreachable(self._label, failed.code) from None
            self._answer(bucket)
            raise Missing(name, self._label) from None

    @contextmanager
    def _writing(self) -> Iterator[Bucket]:
        """The same for writing, where the keys are known to be good: `vault.id` was read with them."""
        bucket = self._held()
        try:
            yield bucket
        except Failed as failed:
            if failed.cause is Cause.FULL:
                raise Full(self._label) from None
            if failed.cause is Cause.DENIED:
                raise ReadOnly(self._label) from None
            raise Unreachable(self._label, failed.code) from None

    @contextmanager
    def _changing(self, name: str) -> Iterator[Bucket]:
        """The place is this copy, and none of our own threads changes `name` meanwhile."""
        with self._writing() as bucket, self._locks[hash(name) % _STRIPES]:
            self._check(bucket)
            yield bucket

    def _answer(self, bucket: Bucket) -> None:
        """That the store still holds this copy. Raises Unreachable: what it lacks is then not missing."""
        try:
            found = bucket.read(LAST)
        except Failed as failed:
            gone = failed.cause is Cause.MISSING
            raise Unreachable(self._label, LAST if gone else failed.code) from None
        if found != self._identity.encode():
            raise Unreachable(self._label, LAST)

    def _check(self, bucket: Bucket) -> None:
        """The same before a write. Raises WrongPlace where the store answers and this copy is not there."""
        try:
            found = bucket.read(LAST)
        except Failed as failed:
            if failed.cause is not Cause.MISSING:
                raise Unreachable(self._label, failed.code) from None
            found = b""
        if found != self._identity.encode():
            raise WrongPlace(self._address.url, self.copy_id.hex(), who(found))

    def _names(self, prefix: str) -> Iterator[Stored]:
        """Every object whose name starts with `prefix`. Raises Unreachable where that is not certain."""
        with self._reading() as bucket:
            if prefix > LAST[:1]:  # nothing of a copy stands there
                self._answer(bucket)
            else:
                yield from listed(bucket, prefix)

    def _sized(self, bucket: Bucket, name: str) -> Head:
        head = bucket.head(name)
        if head.size > FILE_LIMIT:
            raise Damaged(name, self._label, "limit")
        return head

    def _whole(self, bucket: Bucket, name: str) -> bytes:
        return bucket.read_range(name, 0, self._sized(bucket, name).size)

    def _write(self, bucket: Bucket, name: str, data: memoryview, digest: bytes) -> None:
        """Raises Failed; then the name is not left with bytes that are not its own."""
        bucket.write(name, data)
        head = bucket.head(name)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if head.size == len(data) and head.etag == md5:
            return
        # Stores that encrypt, and some that do not, mark versions by something else than the MD5.
        if not _holds(bucket, name, head, digest):
            bucket.delete(name)
            raise Failed(Cause.OTHER, "stored other bytes")

    def _set_aside(self, bucket: Bucket, name: str, head: Head) -> None:
        """A second object with what stands at `name`, seen to be there before the first may go."""
        aside = quarantine_name(name, secrets.token_hex(8))
        bucket.copy(name, aside, head.size)
        if bucket.head(aside).size != head.size:
            raise Failed(Cause.OTHER, "copy")


def who(found: bytes) -> str:
    """The id of the copy whose `vault.id` this is, "" for none."""
    try:
        return VaultId.decode(found).copy_id.hex()
    except (Damaged, TooNew):
        return ""


def _head(bucket: Bucket, name: str) -> Head | None:
    try:
        return bucket.head(name)
    except Failed as failed:
        if failed.cause is Cause.MISSING:
            return None
        raise


def _holds(bucket: Bucket, name: str, head: Head, digest: bytes) -> bool:
    return head.size <= FILE_LIMIT and blake3(bucket.read_range(name, 0, head.size)).digest() == digest


def _range(bucket: Bucket, name: str, offset: int, length: int) -> bytes:
    """The whole and a part of it where the store gave another range than asked for, or none is left."""
    try:
        return bucket.read_range(name, offset, length)
    except Failed as failed:
        if failed.cause is not Cause.RANGE:
            raise
    size = bucket.head(name).size
    if offset >= size:
        return b""
    try:
        return bucket.read_range(name, offset, min(length, size - offset))
    except Failed as failed:
        if failed.cause is not Cause.RANGE or size > FILE_LIMIT:
            raise
    return bucket.read_range(name, 0, size)[offset : offset + length]
