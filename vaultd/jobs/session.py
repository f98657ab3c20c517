"""An open vault, and what belongs to it on this computer."""

from dataclasses import dataclass

from vaultd.copies.spooled import Spooled
from vaultd.errors import VaultdError
from vaultd.settings import Home, Place, Settings
from vaultd.store.contract import Blobs
from vaultd.store.fanout import Fanout
from vaultd.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Lacks:
    """Records seen on other copies that the copy in use does not hold, and how many of them are snapshots."""

    records: int = 0
    snapshots: int = 0


@dataclass(slots=True)
class Session:
    """An open vault and where this computer keeps its own files.

    `devices` are the ids under which this computer wrote, the last one first; `replaced` the one that it has
    just given up. `passed_over` are copies that stand before the one in use and cannot be used now.
    `slot` is the name of the key slot that opened the vault (64 hex digits), empty for a recovery code.
    `blobs` reads from any copy, where that was set up; `also` are the copies that are written along with the
    one in use; `delivered` counts what had waited on this computer and was brought to the copy in use.
    """

    home: Home
    settings: Settings
    vault: Vault
    devices: tuple[bytes, ...] = ()
    replaced: bytes | None = None
    passed_over: tuple[tuple[Place, VaultdError], ...] = ()
    slot: str = ""
    lacks: Lacks = Lacks()
    blobs: Blobs | None = None
    also: Fanout | None = None
    delivered: int = 0

    @property
    def away(self) -> bool:
        """Whether no copy can be reached, and what is written waits on this computer."""
        return isinstance(self.vault.copy, Spooled) and self.vault.copy.there is None

    @property
    def device(self) -> bytes:
        """The id under which this computer wrote last, or writes now; b"" where it never wrote."""
        return self.devices[0] if self.devices else b""

    @property
    def place(self) -> Place:
        """The copy in use, as the settings name it."""
        return next(place for place in self.settings.copies if place.copy_id == self.vault.copy.copy_id)

    @property
    def others(self) -> tuple[Place, ...]:
        """The copies of the settings but for the one in use."""
        return tuple(place for place in self.settings.copies if place.copy_id != self.vault.copy.copy_id)
