"""A vault, opened: keys, one copy, what this machine remembers, and the verbs of the store on top of them."""

import contextlib

from vaultd.copies.contract import Copy
from vaultd.errors import VaultdError
from vaultd.format.keeping import CondemnBody
from vaultd.format.keys import Keys
from vaultd.store.fanout import Fanout
from vaultd.store.index import BlobIndex
from vaultd.store.journal import Journal
from vaultd.store.packer import Packer
from vaultd.store.reader import Reader
from vaultd.store.state import State, StateLost


class Vault:
    """The `Blobs` of one vault, its journal, and how to write to it.

    `own` is the state that remembers this device's place in the log, where that is not the state of this
    copy; it is closed with the vault. `away`: the copy cannot be asked now (see `BlobIndex`).
    """

    def __init__(
        self, copy: Copy, keys: Keys, state: State, own: State | None = None, *, away: bool = False
    ) -> None:
        self.copy = copy
        self.keys = keys
        self.state = state
        self.index = BlobIndex(copy, keys, state, away=away)
        self._own = own or state
        self.journal = Journal(copy, keys, state, self._own)
        self._reader = Reader(copy, keys, self.index)
        self.type_of = self._reader.type_of
        self.length_of = self._reader.length_of
        self.read = self._reader.read
        self.read_into = self._reader.read_into
        self.expect = self._reader.expect
        self.prepare = self._reader.prepare

    def sync(self) -> None:
        """Learn what the copy holds now. Raises Unreachable where it cannot be listed: nothing is known
        then.
        """
        # Records first: a snapshot that is listed has all its packs on the copy already.
        self.journal.sync()
        # Before anything is looked up: what this device says next is that it knows of them.
        self.index.condemn(self.journal.derived(condemned))
        self.index.sync()

    @property
    def troubles(self) -> list[VaultdError]:
        """What could not be read, or does not fit, at the last sync."""
        return self.journal.troubles + self.index.troubles

    @property
    def unknown(self) -> list[str]:
        """Words for everything that this version does not know. While there is any, nothing may be
        deleted.
        """
        return sorted({*self.journal.unknown, *self.index.unknown})

    def sink(self, also: Fanout | None = None, *, anew: bool = False) -> Packer:
        return Packer(self.copy, self.keys, self.index, self._reader, also, anew=anew)

    def folder_memory(self, source: bytes) -> "RememberedFolders":
        return RememberedFolders(self.state, self.index, source)

    def close(self) -> None:
        self.state.close()
        self._own.close()
        self.copy.close()


def condemned(journal: Journal) -> set[bytes]:
    """Hashes of the packs that somebody has condemned."""
    return {
        pack
        for _, record in journal.of_kind(CondemnBody.WORD)
        for pack in CondemnBody.from_map(record.body).packs
    }


# So many folders are put aside in one transaction.
_STAGED_TOGETHER = 256
# As long as a path can be for a system call. A tree of ten thousand folders one inside the other has paths
# of megabytes: what lies so deep is read again each time instead of filling the state.
_LONGEST_PATH = 4096


class RememberedFolders:
    """The `FolderMemory` of one source. New rows wait on disk until the snapshot is committed."""

    def __init__(self, state: State, index: BlobIndex, source: bytes) -> None:
        self._state = state
        self._index = index
        self._source = source
        self._rows: list[tuple[bytes, bytes, bytes]] = []
        self._forget: list[bytes] = []
        self._doubts: bytes | None = None
        with contextlib.suppress(StateLost):
            state.drop_staged()
            self._doubts = state.doubts()

    def recall(self, path: bytes) -> tuple[bytes, bytes] | None:
        try:
            row = self._state.recall(self._source, path)
        except StateLost:
            return None
        # A pack that went away takes its rows with it, but a flipped row may name what never was.
        return row if row is not None and self._index.holds(row[1]) else None

    def remember(self, path: bytes, look: bytes, content: bytes) -> None:
        if len(path) > _LONGEST_PATH:
            return
        self._rows.append((path, look, content))
        if len(self._rows) >= _STAGED_TOGETHER:
            self._stage()

    def forget_below(self, path: bytes) -> None:
        self._forget.append(path)

    def commit(self) -> None:
        """Keep what was remembered: the snapshot is on the copy."""
        self._stage()
        with contextlib.suppress(StateLost):
            self._state.keep_staged(self._source, self._forget, self._doubts)

    def _stage(self) -> None:
        with contextlib.suppress(StateLost):
            self._state.stage(self._rows)
        self._rows = []
