"""Bodies of the records that say what is kept, what is let go of, and why (docs/format.md, section 9).

Each names what it is about by ids of records and hashes of files, never by a time: what follows from a set of
them does not depend on any clock, nor on the order in which they became known.
"""

from typing import Annotated

from msgspec import Meta, field

from vaultd.format.body import Body, Device, Seq
from vaultd.format.canon import Bytes16, Bytes32, Int

OWNER, GUARD, POLICY = "owner", "guard", "policy"
# Paths that show what an incident is about; the counts tell how many there are.
MAX_EXAMPLES = 100


class HoldBody(Body, frozen=True, kw_only=True):
    """A mark that exempts from every kind of deletion: `snapshots`, by the ids of their records, or every
    version of the files of `source` whose paths fit `pattern`. `by` the owner or the guard.
    """

    WORD = "hold"

    by: str
    pattern: str
    snapshots: list[Bytes32]
    source: Bytes16 | None
    why: str


class UnholdBody(Body, frozen=True, kw_only=True):
    """That holds are over; `answers` are ids of their records."""

    WORD = "unhold"

    answers: list[Bytes32]


class ForgetBody(Body, frozen=True, kw_only=True):
    """Snapshots that go to the trash. `by` the owner or the policy of their source."""

    WORD = "forget"

    by: str
    snapshots: list[Bytes32]


class RestoreFromTrashBody(Body, frozen=True, kw_only=True):
    """Snapshots, and removals from an attic, that are taken back; `answers` are ids of the records that let
    go of them, each of which counts no more for these `snapshots`, or at all where it was an attic's.
    """

    WORD = "restore-from-trash"

    answers: list[Bytes32]
    snapshots: list[Bytes32]


class AtticRemoveBody(Body, frozen=True, kw_only=True):
    """What is at and below these paths leaves the attic of a source; `snapshot` is the last that has it."""

    WORD = "attic-remove"

    paths: list[bytes]
    snapshot: Bytes32
    source: Bytes16


class CondemnBody(Body, frozen=True, kw_only=True):
    """Packs, by their hashes, that nobody needs: they can be read, and nobody relies on them any more. What
    was still needed of them was written anew into the packs of `instead`.
    """

    WORD = "condemn"

    packs: list[Bytes32]
    instead: list[Bytes32] = field(default_factory=list)


class PurgeBody(Body, frozen=True, kw_only=True):
    """Leave to remove these packs; `answers` are ids of the records that condemned them. `marked` is how far
    the log of each device was known when it was last seen that no snapshot needs them.
    """

    WORD = "purge"

    answers: list[Bytes32]
    marked: list[tuple[Device, Seq, Bytes32]]
    packs: list[Bytes32]


class IncidentBody(Body, frozen=True, kw_only=True):
    """Something that looks like a wipe: by which `rules` of the guard, what was counted, and some paths.
    `good` is the last snapshot before it, `tripped` the one that shows it, and `hold` the record that keeps
    `good`; each None where there is none.
    """

    WORD = "incident"

    examples: Annotated[list[bytes], Meta(max_length=MAX_EXAMPLES)]
    facts: dict[str, Int]
    good: Bytes32 | None
    hold: Bytes32 | None
    rules: list[str]
    source: Bytes16
    tripped: Bytes32 | None


class DeviceRetiredBody(Body, frozen=True, kw_only=True):
    """A device that will write no more, so that nobody waits for it; `last` is the last of its records that
    was known. It takes a new id if it comes back.
    """

    WORD = "device-retired"

    device: Device
    last: tuple[Seq, Bytes32] | None


BODIES: tuple[type[Body], ...] = (
    *(HoldBody, UnholdBody, ForgetBody, RestoreFromTrashBody, AtticRemoveBody),
    *(CondemnBody, PurgeBody, IncidentBody, DeviceRetiredBody),
)
