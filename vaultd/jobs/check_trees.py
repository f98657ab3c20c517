"""Walk the trees of every snapshot, and say which paths cannot be had whole."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

from vaultd.errors import Damaged, Missing, VaultdError
from vaultd.format.entry import FILE, FOLDER, Entry, unknown_in
from vaultd.format.limits import CHUNK
from vaultd.jobs.felt import name_of
from vaultd.store.vault import Vault
from vaultd.tree.content import pieces
from vaultd.tree.folder import entries_of
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.view import folder_id

# Names whose chunks are looked up in one statement.
_ASKED_TOGETHER = 256
# Of one damaged blob that a thousand files share, the first few say enough.
MOST_PATHS = 1000


@dataclass(frozen=True, slots=True)
class Lost:
    """A path of a snapshot that cannot be had whole; `deleted`: of its attic."""

    snapshot: Snapshot
    path: bytes
    error: VaultdError
    deleted: bool = False


def lost_paths(
    vault: Vault, unknown: set[str], stop: Callable[[], None], snapshots: Sequence[Snapshot] | None = None
) -> Iterator[Lost]:
    """Every path of these snapshots (None: of all that are not forgotten) and their attics that lacks
    something, the newest snapshot first.

    `unknown` takes words for what this version does not know; `stop` is called often and raises to interrupt.
    """
    walk = _Walk(vault, unknown, stop)
    for snapshot in reversed(list_snapshots(vault.journal) if snapshots is None else snapshots):
        if (error := walk.wrong_with(snapshot.body.root)) is not None:
            yield Lost(snapshot, b"", error)
        trees = [(folder_id(snapshot.body.root), False), (snapshot.body.attic, True)]
        for content, attic in trees:
            if content is not None:
                for path, error in walk.lost(content, attic):
                    yield Lost(snapshot, path, error, attic)


_Item = Entry | Missing | Damaged


@dataclass(slots=True)
class _Folder:
    """A folder that is being walked; `sound` until something in or below it turns out wrong. Beside each item
    stands whether it is known already to be whole.
    """

    path: bytes
    content: bytes
    attic: bool
    items: Iterator[tuple[_Item, bool]]
    sound: bool = True


class _Walk:
    """Walks trees, and no folder twice that was found sound: the cost follows what differs between
    snapshots.
    """

    def __init__(self, vault: Vault, unknown: set[str], stop: Callable[[], None]) -> None:
        self._unknown = unknown
        self._vault = vault
        self._stop = stop
        self._sound: set[tuple[bytes, bool]] = set()

    def lost(self, content: bytes, attic: bool) -> Iterator[tuple[bytes, VaultdError]]:
        """Paths below a folder that cannot be had whole."""
        stack = [self._open(b"", content, attic)]
        while stack:
            folder = stack[-1]
            item, whole = next(folder.items, (None, False))
            self._stop()
            if item is None:
                self._close(stack)
            elif isinstance(item, Missing | Damaged):
                folder.sound = False
                yield folder.path, item
            else:
                path = folder.path + b"/" + item.name if folder.path else item.name
                self._unknown.update(unknown_in(item))
                if not whole and (error := self.wrong_with(item)) is not None:
                    folder.sound = False
                    yield path, error
                if item.kind == FOLDER and isinstance(item.content, bytes):
                    attic = folder.attic and "missed" not in item.extra
                    if (item.content, attic) not in self._sound:
                        stack.append(self._open(path, item.content, attic))

    def _open(self, path: bytes, content: bytes, attic: bool) -> _Folder:
        return _Folder(path, content, attic, self._looked_up(entries_of(self._vault, content, attic=attic)))

    def _looked_up(self, items: Iterator[_Item]) -> Iterator[tuple[_Item, bool]]:
        """The items, each with whether all of its chunks were found, many asked for at once."""
        while some := list(islice(items, _ASKED_TOGETHER)):
            wanted = [_plain_chunks(item) for item in some]
            found = self._vault.index.lengths_of([blob_id for chunks in wanted for blob_id, _ in chunks])
            for item, chunks in zip(some, wanted, strict=True):
                yield item, bool(chunks) and all(found.get(blob_id) == length for blob_id, length in chunks)

    def _close(self, stack: list[_Folder]) -> None:
        folder = stack.pop()
        if folder.sound:
            self._sound.add((folder.content, folder.attic))
        elif stack:
            stack[-1].sound = False

    def wrong_with(self, entry: Entry) -> VaultdError | None:
        fills = self._vault.index.fills
        error = self._looked_at(entry)
        if error is not None and self._vault.index.doubt(fills):
            # It may be what state says of the chunk that is wrong: the packs have been asked now.
            error = self._looked_at(entry)
        return error

    def _looked_at(self, entry: Entry) -> VaultdError | None:
        try:
            for blob_id, length in _chunks_of(self._vault, entry):
                if self._vault.length_of(blob_id) != length:
                    return Damaged(blob_id.hex(), self._vault.copy.label, "size")
                if not self._vault.index.holds(blob_id):
                    # In a damaged pack alone, and perhaps not where the damage is.
                    self._vault.read(blob_id, CHUNK)
        except (Missing, Damaged) as error:
            return error
        return None


def _plain_chunks(item: _Item) -> Sequence[tuple[bytes, int]]:
    """The chunks of a file that has no more than those that its entry names; none for anything else."""
    if not isinstance(item, Entry) or item.kind != FILE or not isinstance(item.content, tuple):
        return ()
    return () if item.extra.keys() & {"link", "sparse", "xattr"} else item.content


def _chunks_of(vault: Vault, entry: Entry) -> Iterator[tuple[bytes, int]]:
    """Id and length of every chunk that an entry needs. Raises Missing, Damaged."""
    if entry.kind == FILE:
        for piece in pieces(vault, entry):
            yield piece.id, piece.chunk_length
    values = [entry.extra.get("link"), entry.extra.get("sparse"), *(entry.extra.get("xattr") or {}).values()]
    for value in values:
        if isinstance(value, list | tuple):
            yield from ((blob_id, length) for blob_id, length in value if isinstance(blob_id, bytes))


@dataclass(slots=True)
class Trees:
    """Paths that cannot be had whole: how many, the first ones, and whether some lack what is nowhere.
    `damaged` are the packs that the walk came upon, by name.
    """

    lost: list[Lost] = field(default_factory=list)
    count: int = 0
    missed: bool = False
    damaged: dict[str, VaultdError] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, vault: Vault, stop: Callable[[], None]) -> Self:
        """Raises Unreachable."""
        trees = cls()
        for lost in lost_paths(vault, trees.unknown, stop):
            trees.count += 1
            trees.missed = trees.missed or isinstance(lost.error, Missing)
            if isinstance(lost.error, Damaged) and (name := name_of(lost.error)):
                trees.damaged.setdefault(name, lost.error)
            if trees.count <= MOST_PATHS:
                trees.lost.append(lost)
        return trees
