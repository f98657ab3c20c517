"""Whether a pack may go: by its own table, and those of the packs that have what is still needed of it. What
local state says only proposes: one row of it that flipped must not remove anything.
"""

from collections import OrderedDict
from collections.abc import Container, Iterable

from vaultd.errors import Missing, NotSure, Refused
from vaultd.store.needed import Needed, Use
from vaultd.store.vault import Vault

# Tables that are kept: 50 bytes for each of 30,000 blobs at most, and mostly a hundredth of that.
_KEPT = 32


class Judging:
    """Over the packs of one copy, the one that was marked."""

    def __init__(self, vault: Vault, needed: Needed) -> None:
        self._vault = vault
        self._needed = needed
        self._tables: OrderedDict[bytes, frozenset[bytes]] = OrderedDict()
        self._packs = vault.state.numbered_packs()
        self.sizes = dict(self._packs.values())

    def unused(self) -> dict[bytes, Use]:
        """Of each pack how much is needed from it, as far as state says."""
        uses = self._needed.uses()
        return {digest: uses[number] for number, (digest, _) in self._packs.items()}

    def is_needed(
        self, pack: bytes, leaving: Container[bytes], there: Container[bytes] | None = None
    ) -> bool:
        """Whether something is needed that would be gone with this pack: it is in no other that stays, may be
        relied on, and is among `there`, where that is given. True as well where its table, or that of the
        one that should have it, cannot be read.
        """
        try:
            return bool(self.needed_of(pack, self.table(pack), leaving, there))
        except (Missing, Refused):
            return True

    def needed_of(
        self,
        pack: bytes,
        blob_ids: Iterable[bytes],
        leaving: Container[bytes],
        there: Container[bytes] | None = None,
    ) -> set[bytes]:
        """Those of the blobs of a pack that would be gone with it. Raises Missing, Refused."""
        lost = set[bytes]()
        for blob_id, holders in self._needed.keepers(list(blob_ids)).items():
            others = (
                self._packs[number][0] for number, reliable in holders if reliable and number in self._packs
            )
            stay = (each for each in others if each != pack and each not in leaving)
            if not any((there is None or each in there) and blob_id in self.table(each) for each in stay):
                lost.add(blob_id)
        return lost

    def table(self, pack: bytes) -> frozenset[bytes]:
        """Ids of all that lies in a pack, as its own trailer says. Raises Missing, Refused."""
        if pack in self._tables:
            self._tables.move_to_end(pack)
            return self._tables[pack]
        if pack not in self.sizes:
            raise Missing(pack.hex(), self._vault.copy.label)
        found = frozenset(row.id for row in self._vault.index.read_table(pack, self.sizes[pack]))
        self._tables[pack] = found
        while len(self._tables) > _KEPT:
            self._tables.popitem(last=False)
        return found

    def check(self) -> None:
        """Raises NotSure where what was marked is not what there is any more."""
        self._needed.check()
        if self._vault.index.troubles:
            raise NotSure("damage", getattr(self._vault.index.troubles[0], "name", ""))
