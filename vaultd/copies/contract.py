"""What a place that holds one copy of a vault must do, and what its callers may trust.

A copy is a flat map from names to immutable bytes. It knows no keys and no meaning: a name is a
slash-separated ASCII string as in docs/format.md, section 1 ("packs/ab/ab12…"), and for all but
`vault.id` and the two texts the last component carries the BLAKE3 of the bytes.

Every implementation answers in one of three ways, and never confuses them: `Missing` (the place answered:
not there), `Damaged` (there, and wrong), `Unreachable` (no answer, or an error: nothing is known). A
failed listing is `Unreachable`, never a short list. A place that has lost its `vault.id` has stopped
answering as this copy: what it does not hold is then `Unreachable`, not `Missing`.

Methods may be called from several threads at once. After `close` every one of them raises `Unreachable`;
what is under way at that moment is finished. A name of any other shape is a mistake of the caller, and a
ValueError before anything is touched. What a kind of place cannot keep of all this is said at the top of its
module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from vaultd.errors import Damaged, Missing

Buffer = bytes | bytearray | memoryview

# No file of a copy is longer (docs/format.md, section 3): whatever is need not be read to be refused.
FILE_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a copy: its full name and its length in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes in all and bytes still free for this user; both 0 where the place cannot tell."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a place was seen to do below this contract; None where its kind has no such thing.

    `exclusive`: to create a file that is there already is refused. `keeps`: so is a rename to a name that
    is taken. `syncs`: it says when bytes are on the medium. `past_cache`: `read_back` reads past every cache
    that is known.
    """

    exclusive: bool | None = None
    keeps: bool | None = None
    syncs: bool | None = None
    past_cache: bool | None = None


class Copy(Protocol):
    """One place. `label` is what the owner calls it; `vault_id` and `copy_id` are 16 bytes each, as its
    `vault.id` says; for the vault's the sealed files are the authority.
    """

    @property
    def label(self) -> str: ...

    @property
    def vault_id(self) -> bytes: ...

    @property
    def copy_id(self) -> bytes: ...

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes of `name`, or `length` of them from `offset` (negative: from the end).

        A range that reaches past either end returns what there is. The bytes are not checked against the
        name: only a whole file can be, and that is `fetch`. `name` may also be `vault.id`, one of the
        texts, or a name out of `quarantined`. Raises Missing, Unreachable; Damaged where no file of at
        most FILE_LIMIT bytes stands there.
        """
        ...

    def get_into(self, name: str, offset: int, out: memoryview) -> int:
        """The bytes of `name` from `offset` (never negative) into `out`, as many as fit or as there are: how
        many. Otherwise like `get`; a caller that lends the same memory again spares the system handing out
        new.
        """
        data = self.get(name, offset, len(out))
        out[: len(data)] = data
        return len(data)

    def fetch(self, name: str) -> bytes:
        """All bytes of a file named by its BLAKE3, checked against that name.

        Raises Missing, Unreachable, Damaged: its `reason` is "digest", or "limit" (longer than
        FILE_LIMIT, and not read), or "not a file".
        """
        ...

    def put(self, name: str, data: Buffer) -> None:
        """Store `data` under `name`, durably: on return it survives a power cut.

        The caller vouches that `data` has that name; only `read_back` proves it. Storing what is already
        there, with the same bytes as read back from the medium, is not an error and writes nothing. A
        file of that name with other bytes is damaged: it is moved to quarantine first, never overwritten.
        If this raises, `name` holds what it held before, nothing (what it held is in quarantine), or all
        of `data`; never a part, and nobody may count on any of it. The texts README.txt and FORMAT.md are
        not named by their bytes: for them alone `put` replaces, in one step. `vault.id` is written when
        the copy is made and never again. Raises Full, ReadOnly, WrongPlace (the place is no longer this
        copy), Unreachable.
        """
        ...

    def read_back(self, name: str) -> None:
        """Read `name` from the medium, past any cache that can be bypassed, and check it.

        Raises Missing, Damaged, Unreachable.
        """
        ...

    def drop_cached(self, name: str) -> None:  # noqa: ARG002
        """Let the next reading of `name` come from the medium, past any cache that can be bypassed: for who
        needs the bytes that `read_back` does not give. Does nothing where there is no such cache. May raise
        what `get` does: Missing, Damaged, Unreachable.
        """
        return

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Every file named by its BLAKE3 whose name starts with `prefix`, in any order.

        Not the texts, not what is in quarantine, not unfinished writes, not strangers. A folder that is
        not there is an empty one; a folder that cannot be read, or is no folder, is Unreachable, and may
        be so after some names were given: only a list that came to its end is a list.
        """
        ...

    def strangers(self) -> Iterator[str]:
        """Names of any other shape, which nothing reads, replicates or removes.

        A folder that is not ours is one name. Bytes that are not UTF-8 are surrogate escapes, as in
        `os.fsdecode`. Raises Unreachable.
        """
        ...

    def quarantined(self) -> Iterator[Stored]:
        """What `quarantine` and `put` have set aside, by names that `get` takes. Raises Unreachable."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file named by its BLAKE3, durably. Removing what is not there is not an error.

        Raises ReadOnly, WrongPlace, Unreachable.
        """
        ...

    def quarantine(self, name: str, whole: bool = False) -> None:
        """Move a damaged file to quarantine/, durably, over nothing that is there already.

        What is not there is not an error. A file whose bytes are right after all stays: somebody may have
        put it back since the caller looked. One that cannot be read is moved. With `whole` it is moved in
        any case: right bytes that nobody must come upon. Raises Full, ReadOnly, WrongPlace, Unreachable.
        """
        ...

    def sweep(self, device: str) -> int:
        """Remove unfinished writes of `device` (16 hex digits); return how many.

        Never another device's, and never those that this object has under way. The caller knows that no
        other process writes as that device. Raises ReadOnly, WrongPlace, Unreachable.
        """
        ...

    def space(self) -> Space: ...

    def abilities(self) -> Abilities:
        """Try out what the place does. What that takes is an unfinished write of this device, and gone after.

        Raises Full, ReadOnly, WrongPlace, Unreachable.
        """
        return Abilities()

    def close(self) -> None:
        """Let go of the place. Closing twice is not an error."""
        ...


def is_right(copy: Copy, name: str) -> bool:
    """Whether what stands at `name` is what the name says, as read back. Raises Unreachable."""
    try:
        copy.read_back(name)
    except (Damaged, Missing):
        return False
    return True


def put_and_read_back(copy: Copy, name: str, data: Buffer) -> None:
    """Store `data`, and prove it. Raises what `put` and `read_back` raise; what comes back wrong is set aside
    before, so that its name does not stand for it in the next listing.
    """
    copy.put(name, data)
    try:
        copy.read_back(name)
    except Damaged:
        copy.quarantine(name)
        raise
