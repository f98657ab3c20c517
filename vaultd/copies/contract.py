"""What a place that holds one copy of a vault must do, and what its callers may trust.

A copy is a flat map from names to immutable bytes. It knows no keys and no meaning: a name is a
slash-separated ASCII string as in docs/format.md, section 1 ("packs/ab/ab12…"), and for all but
`vault.id` and the two texts the last component carries the BLAKE3 of the bytes.

Every implementation answers in one of three ways, and never confuses them: `Missing` (the place
answered: not there), `Damaged` (there, and wrong), `Unreachable` (no answer, or an error: nothing
is known). A failed listing is `Unreachable`, never a short list. Methods may be called from several
threads at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

Buffer = bytes | bytearray | memoryview


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


class Copy(Protocol):
    """One place. `label` is what the owner calls it; `copy_id` is the 16 bytes in its `vault.id`."""

    @property
    def label(self) -> str: ...

    @property
    def copy_id(self) -> bytes: ...

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """The bytes of `name`, or `length` of them from `offset` (negative: from the end).

        A range that reaches past the end returns what there is. The bytes are not checked against
        the name: only a whole file can be, and that is `fetch`.
        Raises Missing, Unreachable.
        """
        ...

    def fetch(self, name: str) -> bytes:
        """All bytes of a file named by its BLAKE3, checked against that name.

        Raises Missing, Damaged, Unreachable.
        """
        ...

    def put(self, name: str, data: Buffer) -> None:
        """Store `data` under `name`, durably: on return it survives a power cut.

        Storing what is already there, with the same bytes, is not an error and writes nothing.
        A file of that name with other bytes is damaged: it is moved to quarantine first, never
        overwritten. If this raises, nothing is at `name` that was not there before.
        Raises Full, ReadOnly, WrongPlace (the place is no longer this copy), Unreachable.
        """
        ...

    def read_back(self, name: str) -> None:
        """Read `name` from the medium, past any cache that can be bypassed, and check it.

        Raises Missing, Damaged, Unreachable.
        """
        ...

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Every file whose name starts with `prefix` (a whole folder: "packs/", "log/" or ""), in any order.

        Only names of the shapes in docs/format.md, section 1, except those in quarantine/ and unfinished
        writes. A folder that is not there is an empty one; a folder that cannot be read is Unreachable.
        """
        ...

    def strangers(self) -> Iterator[str]:
        """Names of any other shape, which nothing reads, replicates or removes."""
        ...

    def remove(self, name: str) -> None:
        """Remove `name`, durably. Removing what is not there is not an error. Raises ReadOnly, Unreachable."""
        ...

    def quarantine(self, name: str) -> None:
        """Move a damaged file to quarantine/. What is not there is not an error."""
        ...

    def sweep(self, device: str) -> int:
        """Remove this device's unfinished writes; return how many. Never another device's."""
        ...

    def space(self) -> Space: ...

    def close(self) -> None:
        """Let go of the place. Closing twice is not an error."""
        ...
