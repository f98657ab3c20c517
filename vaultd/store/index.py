"""Where every blob lies: what the copy's packs say, remembered in local state.

The copy's listing is the truth about which packs are there. A pack that state does not know is read from
an index file or from its own trailer; a pack that is known and gone is forgotten, with all that was
trusted because of it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing, Refused, VaultdError
from vaultd.format.box import BoxHead, Row, open_box, trailer_length
from vaultd.format.index import PackTable, decode_index
from vaultd.format.keys import Keys
from vaultd.format.limits import HEAD, KIND_INDEX, MIN_BOX, PACK_KINDS
from vaultd.format.table import decode_table
from vaultd.store.indexing import write_indexes
from vaultd.store.newer import newer_box
from vaultd.store.state import Place, State, StateLost
from vaultd.store.tables import PackRows, together

Answer = TypeVar("Answer")

# Guessed size of a trailer: one read finds most (42 bytes for each of 1,500 blobs).
_TAIL_GUESS = 64 * 1024
# Opened heads that are kept: a cipher each, about 1 KB.
_HEADS_KEPT = 4096


class BlobIndex:
    """Find blobs on one copy. `troubles` are packs and index files that the last sync could not read.

    `away`: the copy cannot be asked now. What state says is all there is, and stays; what this computer never
    read back is not relied on.
    """

    def __init__(self, copy: Copy, keys: Keys, state: State, *, away: bool = False) -> None:
        self._copy = copy
        self._keys = keys
        self._state = state
        self._heads: dict[bytes, BoxHead] = {}
        self._away = self._rebuilt = away
        self._proving = threading.Lock()
        # While state is filled it knows too little: whoever finds nothing there waits, and asks again.
        self._filling = threading.RLock()
        self.fills = self._version = 0
        self._condemned: frozenset[bytes] = frozenset()
        self.troubles: list[VaultdError] = []
        self.unknown: list[str] = []

    def condemn(self, digests: Iterable[bytes]) -> None:
        """From now on nothing new relies on these packs, however often state is lost."""
        self._condemned |= frozenset(digests)
        with contextlib.suppress(StateLost):
            self._state.condemn(self._condemned)

    def sync(self) -> None:
        """Make state say what the copy holds now. Raises Unreachable when the copy cannot be listed."""
        with self._filling:
            try:
                self._sync()
            except StateLost:
                self._sync()
            self.fills += 1

    def _sync(self) -> None:
        self._version = self._state.version()
        self._state.condemn(self._condemned)
        # In this order: a pack that another process adds meanwhile must not look as if it had gone.
        known = self._state.packs()
        listed = {bytes.fromhex(stored.name[-64:]): stored.size for stored in self._copy.list("packs/")}
        gone = [digest for digest, size in known.items() if listed.get(digest) != size]
        if gone:
            self._state.drop_packs(gone)
        new = {digest: size for digest, size in listed.items() if known.get(digest) != size}
        self.troubles, self.unknown = [], []
        if new:
            self._learn(new, len(known) - len(gone))
        self._state.end_many()

    def rebuild(self) -> None:
        """Forget all that state says of blobs, and read it from the packs, whatever an index says."""
        with self._filling:
            self._rebuilt = True
            with contextlib.suppress(StateLost):
                self._state.drop_all_packs()
            self._heads.clear()
            self.sync()

    def _learn(self, new: dict[bytes, int], known: int) -> None:
        """Know the tables of new packs, beside so many that are known."""
        if len(new) > known:
            self._state.begin_many()
        for packs in together(self._tables(new)):
            self._add(packs)

    def _tables(self, new: dict[bytes, int]) -> Iterator[PackRows]:
        """The tables of packs, out of index files where they are listed, else out of the packs."""
        if len(new) > 1 and not self._rebuilt:
            yield from self._listed_tables(new)
        for digest, size in new.items():
            try:
                yield PackRows(digest, size, self.read_table(digest, size))
            except Missing as error:
                self.troubles.append(error)
            except Refused as error:
                self._tell_refused(ids.pack_name(digest), error)

    def _tell_refused(self, name: str, error: Refused) -> None:
        if word := newer_box(self._copy, name):
            self.unknown.append(word)
        else:
            self.troubles.append(Damaged(name, self._copy.label, error.reason))

    def learn(self, digest: bytes, size: int, rows: Sequence[Row]) -> None:
        """Know a pack's table, as its trailer says."""
        self._add([PackRows(digest, size, rows)])

    def _add(self, packs: list[PackRows]) -> None:
        try:
            self._state.add_packs(packs)
        except StateLost:
            self.sync()

    def _listed_tables(self, new: dict[bytes, int]) -> Iterator[PackRows]:
        """Those that stand in index files; they are taken out of `new`."""
        for stored in list(self._copy.list("index/")):
            if not new:
                return
            try:
                for _, plain in open_box(self._copy.fetch(stored.name), self._keys, KIND_INDEX):
                    yield from self._wanted(decode_index(plain).packs, new)
            except (Damaged, Missing) as error:
                self.troubles.append(error)
            except Refused as error:
                self._tell_refused(stored.name, error)

    def _wanted(self, packs: Iterable[PackTable], new: dict[bytes, int]) -> Iterator[PackRows]:
        for pack in packs:
            if new.get(pack.digest) == pack.file_len:
                # The table is as good as the index's seal; of the pack's kind only its own head tells.
                kind = BoxHead.parse(pack.head, self._keys, PACK_KINDS).kind
                rows = decode_table(pack.table, kind)
                del new[pack.digest]
                yield PackRows(pack.digest, pack.file_len, rows, indexed=True)

    def read_table(self, digest: bytes, size: int) -> list[Row]:
        """A pack's own table, from its trailer. Raises Refused, Missing, Unreachable."""
        name = ids.pack_name(digest)
        if size < MIN_BOX:
            raise Refused("truncated", name)
        self._heads.pop(digest, None)
        head = self.head(digest)
        tail = self._copy.get(name, max(0, size - _TAIL_GUESS))
        sealed = trailer_length(tail[-8:])
        if sealed + 8 > size - HEAD:
            raise Refused("length", name)
        if sealed + 8 > len(tail):
            tail = self._copy.get(name, size - sealed - 8)
        return head.trailer(tail[-sealed - 8 :], size)

    def head(self, digest: bytes) -> BoxHead:
        """The opened head of a pack, kept: it costs one derived key. Raises Refused, Missing, Unreachable."""
        head = self._heads.get(digest)
        if head is None:
            data = self._copy.get(ids.pack_name(digest), 0, HEAD)
            head = BoxHead.parse(data, self._keys, PACK_KINDS)
            if len(self._heads) >= _HEADS_KEPT:
                self._heads.clear()
            self._heads[digest] = head
        return head

    def is_empty(self) -> bool:
        """Whether no pack is known."""
        return not self._asking(self._state.packs)

    def places(self, blob_id: bytes) -> list[Place]:
        return self._asking(lambda: self._state.places(blob_id))

    def places_of(self, blob_ids: Sequence[bytes]) -> dict[bytes, Place]:
        return self._asking(lambda: self._state.places_of(blob_ids))

    def holds(self, blob_id: bytes) -> bool:
        """Whether the blob lies in a pack that is there, and was not found damaged."""
        return self._holder(blob_id) is not None

    def vouches(self, blob_id: bytes) -> bool:
        """Whether a snapshot may rely on the blob: the same, and this computer wrote the pack or has read it
        back whole. One that it has not is read back now, and where that fails stands among the `troubles`.
        Raises Unreachable.
        """
        holder = self._holder(blob_id)
        if holder is None or holder[1]:
            return holder is not None
        if self._away:
            return False
        with self._proving:
            return self._prove(blob_id)

    def vouched_of(self, blob_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the blobs that it `vouches` for."""
        found = self._asking(lambda: self._state.held_of(blob_ids))
        return {blob_id for blob_id, proven in found.items() if proven or self.vouches(blob_id)}

    def lengths_of(self, blob_ids: Sequence[bytes]) -> dict[bytes, int]:
        """The plain length of each of the blobs that it `holds`; one about which rows differ is left out."""
        return self._asking(lambda: self._state.lengths_of(blob_ids))

    def _prove(self, blob_id: bytes) -> bool:
        asked: set[bytes] = set()
        while (holder := self._holder(blob_id)) is not None:
            digest, proven = holder
            if proven or digest in asked:  # asked in vain: the state was lost meanwhile
                return proven
            asked.add(digest)
            try:
                self._copy.read_back(ids.pack_name(digest))
            except (Missing, Damaged) as error:
                self.troubles.append(error)
                self.suspect([error.name], ())
            else:
                self._state.prove(digest)
        return False

    def wrote(self, digest: bytes) -> None:
        """This computer has put this pack there: it need not read it before it relies on it."""
        self._state.prove(digest)

    def packs(self) -> dict[bytes, int]:
        """Hash and size of the packs whose tables are known."""
        return self._asking(self._state.packs)

    def _holder(self, blob_id: bytes) -> tuple[bytes, bool] | None:
        return self._asking(lambda: self._state.holder(blob_id))

    def _asking(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except StateLost:
            self.sync()
            return ask()

    def suspect(self, damaged: Iterable[str], whole: Iterable[str]) -> None:
        """Remember which packs were found damaged, and which whole, among files of these names."""
        packs = (
            [bytes.fromhex(each[-64:]) for each in names if each.startswith("packs/")]
            for names in (damaged, whole)
        )
        with contextlib.suppress(StateLost):
            self._state.suspect(*packs)

    def doubt(self, fills: int) -> bool:
        """State, asked when it had been filled `fills` times, contradicted the copy or knew too little:
        rebuild it, once per run. True where it was filled since then, by whichever thread: ask again.
        """
        with self._filling:
            if self.fills != fills:
                return True
            if self._asking(self._state.version) != self._version:
                self.sync()  # another process may be rebuilding it
            elif not self._rebuilt:
                self.rebuild()
            return self.fills != fills

    def write_indexes(self) -> int:
        """Write an index file when enough packs stand in none; return how many packs it lists. Never
        needed.
        """
        return write_indexes(self._copy, self._keys, self._state, self.read_table)
