"""A copy together with what waits on this computer to be brought to it; the copy may be away.

What is written while it is away goes to the spool, which is a folder laid out as a copy is, and holds nothing
else. A spool has a limit: it stands on the disk that the owner works on.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from vaultd.copies.contract import Abilities, Buffer, Copy, Space, Stored
from vaultd.errors import Full, Missing, SpoolFull, Unreachable

Answer = TypeVar("Answer")


class Spooled(Copy):
    """See `Copy`: it is the copy `there` with what `spool` holds beside it, and with it or without it has the
    copy's own id.

    Where `there` is None the copy is away. Then `known` are the files that it was last seen to hold, by name
    with their lengths; those that `kept` holds can be read, all others are Unreachable. What is written goes
    to the spool, up to `most` bytes in all, and raises SpoolFull beyond that.
    """

    def __init__(
        self,
        label: str,
        copy_id: bytes,
        spool: Copy,
        *,
        there: Copy | None = None,
        kept: Copy | None = None,
        known: Mapping[str, int] | None = None,
        most: int = 0,
    ) -> None:
        self.spool = spool
        self.there = there
        self._label = label
        self._copy_id = copy_id
        self._kept = kept
        self._most = most
        self._waiting = {file.name: file.size for file in spool.list()}
        self._used = sum(self._waiting.values())
        readable = {file.name: file.size for file in kept.list()} if kept is not None else {}
        self._readable = readable.keys()
        keys = {name: size for name, size in readable.items() if name.startswith("keys/")}
        self._known = {**(known or {}), **keys}

    @property
    def label(self) -> str:
        return self._label

    @property
    def copy_id(self) -> bytes:
        return self._copy_id

    @property
    def vault_id(self) -> bytes:
        return self.spool.vault_id

    def waiting(self) -> list[Stored]:
        """What is on this computer only."""
        return [Stored(name, size) for name, size in self._waiting.items()]

    def brought(self, name: str) -> None:
        """This file stands on the copy, and was read back from it: it need not wait any more."""
        self.spool.remove(name)
        self._used -= self._waiting.pop(name, 0)

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._ask(name, lambda copy: copy.get(name, offset, length))

    def get_into(self, name: str, offset: int, out: memoryview) -> int:
        return self._ask(name, lambda copy: copy.get_into(name, offset, out))

    def fetch(self, name: str) -> bytes:
        return self._ask(name, lambda copy: copy.fetch(name))

    def read_back(self, name: str) -> None:
        self._ask(name, lambda copy: copy.read_back(name))

    def drop_cached(self, name: str) -> None:
        self._ask(name, lambda copy: copy.drop_cached(name))

    def put(self, name: str, data: Buffer) -> None:
        if self.there is not None:
            self.there.put(name, data)
            return
        size = memoryview(data).nbytes
        if self._used + size > self._most:
            raise SpoolFull(self._label, self._most)
        try:
            self.spool.put(name, data)
        except Full as error:
            raise SpoolFull(self._label, self._most) from error
        self._waiting[name] = size
        self._used += size

    def list(self, prefix: str = "") -> Iterator[Stored]:
        listed = self.there.list(prefix) if self.there is not None else self._last_seen(prefix)
        found = {file.name: file for file in listed}
        for waiting in self.waiting():
            if waiting.name.startswith(prefix):
                found.setdefault(waiting.name, waiting)
        yield from found.values()

    def strangers(self) -> Iterator[str]:
        return self._reached().strangers()

    def quarantined(self) -> Iterator[Stored]:
        return self._reached().quarantined()

    def remove(self, name: str) -> None:
        self._reached().remove(name)

    def quarantine(self, name: str, whole: bool = False) -> None:
        self._reached().quarantine(name, whole)

    def sweep(self, device: str) -> int:
        return self.spool.sweep(device) + (self.there.sweep(device) if self.there is not None else 0)

    def space(self) -> Space:
        return self._reached().space()

    def abilities(self) -> Abilities:
        return self._reached().abilities()

    def close(self) -> None:
        for each in (self.spool, self._kept, self.there):
            if each is not None:
                each.close()

    def _reached(self) -> Copy:
        if self.there is None:
            raise Unreachable(self._label, "away")
        return self.there

    def _last_seen(self, prefix: str) -> Iterator[Stored]:
        return (Stored(name, size) for name, size in self._known.items() if name.startswith(prefix))

    def _ask(self, name: str, ask: Callable[[Copy], Answer]) -> Answer:
        if name in self._waiting:
            with contextlib.suppress(Missing):  # brought meanwhile, by another process
                return ask(self.spool)
        if self.there is None and self._kept is not None and name in self._readable:
            return ask(self._kept)
        if self.there is None and name not in self._known:
            raise Missing(name, self._label)
        return ask(self._reached())
