"""Places in memory that fail as disks, shares and stores fail, behind URLs of their own (`sim://host/label`).

A `Medium` is what files lie on; a `Slot` is where the settings expect one. What stands in the slot may be
another medium, or none.
"""

import random
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from blake3 import blake3

from vaultd.copies.contract import Buffer, Copy, Stored
from vaultd.copies.identity import VaultId
from vaultd.copies.locating import Location
from vaultd.copies.memory import MemoryCopy
from vaultd.errors import Damaged, Full, Missing, NoVault, Unreachable, VaultExists, WrongPlace

# States of a medium that a rollback can go back to.
_REMEMBERED = 24


@dataclass(eq=False)
class Medium:
    """Files by name. `past` are earlier states, oldest first."""

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    past: deque[dict[str, bytes]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def has_id(self) -> bool:
        return "vault.id" in self.files


@dataclass
class Watch:
    """What the program did in one step, by label and name: what it wrote, and what whole reads told it."""

    written: list[tuple[str, str, bytes]] = field(default_factory=list)
    good: set[tuple[str, str]] = field(default_factory=set)
    bad: set[tuple[str, str]] = field(default_factory=set)
    lost: set[tuple[str, str]] = field(default_factory=set)
    last: dict[tuple[str, str], bool] = field(default_factory=dict)

    def read(self, label: str, name: str, *, right: bool) -> None:
        (self.good if right else self.bad).add((label, name))
        self.last[label, name] = right


@dataclass
class Slot:
    """One place of the settings, and how it fails: `room` puts until it is full, `fuse` calls until it is
    unplugged, `listing` "" or "error", "short", "empty"; `flaky` and `loses` are chances.
    """

    label: str
    host: str
    medium: Medium
    inserted: Medium
    online: bool = True
    room: int | None = None
    fuse: int | None = None
    flaky: float = 0.0
    loses: float = 0.0
    listing: str = ""
    rng: random.Random = field(default_factory=random.Random)
    watch: Watch = field(default_factory=Watch)

    @property
    def url(self) -> str:
        return f"sim://{self.host}/{self.label}"

    @property
    def at_home(self) -> bool:
        """The medium that belongs here is here, says which one it is, and answers."""
        return self.online and self.inserted is self.medium and self.medium.has_id

    @property
    def steady(self) -> bool:
        """At home, and without any fault but what lies on the medium."""
        calm = self.fuse is None and self.room is None and not (self.flaky or self.loses or self.listing)
        return self.at_home and calm

    def calm(self) -> None:
        """Every fault ends; what it did to the medium stays."""
        self.online, self.room, self.fuse = True, None, None
        self.flaky = self.loses = 0.0
        self.listing = ""

    def answer(self) -> None:
        """Raises Unreachable."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.online, self.fuse = False, None
        if not self.online or self.rng.random() < self.flaky:
            raise Unreachable(self.label, "away")


class SlotCopy(MemoryCopy):
    """A copy on the medium that stood in a slot when it was opened. Its calls are watched, and fail."""

    def __init__(self, slot: Slot, identity: VaultId, label: str) -> None:
        super().__init__(identity.vault_id, identity.copy_id, label)
        self.slot, self.medium = slot, slot.inserted
        self._one = threading.Lock()
        self.files = self.medium.files

    def _answer(self) -> None:
        super()._answer()
        if self.slot.inserted is not self.medium:
            raise Unreachable(self.label, "changed")
        self.slot.answer()

    def put(self, name: str, data: Buffer) -> None:
        self._may_write()
        slot, new = self.slot, bytes(data)
        if slot.room is not None and self.files.get(name) != new:
            slot.room -= 1
            if slot.room < 0:
                raise Full(self.label)
        slot.watch.written.append((slot.label, name, new))
        if slot.rng.random() < slot.loses:
            slot.watch.lost.add((slot.label, name))
            return
        super().put(name, new)
        if slot.rng.random() < slot.flaky:
            raise Unreachable(self.label, "no answer after it was done")

    def _may_write(self) -> None:
        if self.slot.inserted is not self.medium:
            raise WrongPlace(self.label, self.copy_id.hex())
        if not self.medium.has_id:
            self._answer()
            raise WrongPlace(self.label, self.copy_id.hex())

    def remove(self, name: str) -> None:
        self._may_write()
        super().remove(name)

    def quarantine(self, name: str, whole: bool = False) -> None:
        self._may_write()
        super().quarantine(name, whole)

    def sweep(self, device: str) -> int:
        self._may_write()
        return super().sweep(device)

    def fetch(self, name: str) -> bytes:
        try:
            data = super().fetch(name)
        except (Damaged, Missing):
            self.slot.watch.read(self.slot.label, name, right=False)
            raise
        self.slot.watch.read(self.slot.label, name, right=True)
        return data

    def list(self, prefix: str = "") -> Iterator[Stored]:
        with self._one:
            found = sorted(super().list(prefix), key=lambda stored: stored.name)
        for stored in found:
            mode = self.slot.listing
            if mode == "error" and self.slot.rng.random() < 0.3:
                raise Unreachable(self.label, "listing")
            if mode == "empty" or (mode == "short" and blake3(stored.name.encode()).digest()[0] % 2):
                continue
            yield stored
        if self.slot.listing == "error":
            raise Unreachable(self.label, "listing")


class Slots:
    """The kind of place that `locating` asks for a URL of ours."""

    def __init__(self, slots: dict[str, Slot]) -> None:
        self._slots = slots

    def check_url(self, url: str) -> str:
        return url

    def open_copy(self, where: Location, expected_copy_id: bytes | None, label: str, device: str) -> Copy:
        slot = self._slots[where.url]
        slot.answer()
        if not slot.inserted.has_id:
            raise NoVault(where.url)
        identity = VaultId.decode(slot.inserted.files["vault.id"])
        if expected_copy_id not in (None, identity.copy_id):
            raise WrongPlace(where.url, (expected_copy_id or b"").hex(), identity.copy_id.hex())
        return SlotCopy(slot, identity, label or slot.label)

    def create_copy(self, where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str) -> Copy:
        slot = self._slots[where.url]
        slot.answer()
        if slot.inserted.has_id:
            raise VaultExists(where.url)
        identity = VaultId(vault_id, copy_id)
        slot.inserted.files["vault.id"] = identity.encode()
        return SlotCopy(slot, identity, label)

    def refuse_taken(self, where: Location) -> None:
        if self._slots[where.url].inserted.has_id:
            raise VaultExists(where.url)

    def is_headless(self, where: Location) -> bool:
        return not self._slots[where.url].inserted.has_id
