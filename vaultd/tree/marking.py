"""Mark all that snapshots need: every page and list is read once, and each blob that it names has a bit.

Whatever cannot be read, or is not known, ends it: what lies behind that would be taken for needed by nobody.
"""

from collections.abc import Callable, Iterable, Iterator

from vaultd.errors import Damaged, Missing, NotSure, Refused
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import CHUNK, LIST, PAGE
from vaultd.format.lists import decode_list
from vaultd.format.page import decode_page
from vaultd.store.needed import Needed
from vaultd.store.vault import Vault
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.standing import Standing

# Pages that are looked up, and told to the reader, together.
_TOGETHER = 256
# What a blob may be: a folder is one page, or a list of pages.
_FOLDER = frozenset((PAGE, LIST))
_ONLY = {each: frozenset((each,)) for each in (CHUNK, PAGE, LIST)}

# Keys of what may be stored beside the content.
_STORED = frozenset(("link", "sparse", "xattr"))

_Child = tuple[bytes, frozenset[int]]


def mark(vault: Vault, standing: Standing, stop: Callable[[], None]) -> Needed:
    """What these snapshots need. `stop` is called often and raises to interrupt. Raises NotSure,
    Unreachable.
    """
    marking = _Marking(vault, stop)
    for leniently, snapshots in ((False, standing.whole), (True, standing.partly)):
        marking.mark(_tops(snapshots), leniently=leniently)
    marking.needed.check()
    return marking.needed


def _tops(snapshots: Iterable[Snapshot]) -> Iterator[_Child]:
    for each in snapshots:
        yield from _children(each.body.root)
        if each.body.attic is not None:
            yield each.body.attic, _FOLDER


class _Marking:
    def __init__(self, vault: Vault, stop: Callable[[], None]) -> None:
        self.needed = Needed(vault.state)
        self._vault = vault
        self._stop = stop
        self._chunks: list[bytes] = []
        self._trees: list[_Child] = []

    def mark(self, tops: Iterable[_Child], *, leniently: bool) -> None:
        for top in tops:
            self._trees.append(top)
            if len(self._trees) >= _TOGETHER:
                self._go_down(leniently=leniently)
        self._go_down(leniently=leniently)
        self._meet_chunks(leniently=leniently)

    def _go_down(self, *, leniently: bool) -> None:
        # The newest first, so that what waits is no more than the folders beside those on the way down.
        while self._trees:
            self._stop()
            wanted = dict(self._trees[-_TOGETHER:])
            del self._trees[-_TOGETHER:]
            new = self._meet(list(wanted), leniently=leniently)
            self._vault.expect([blob_id for blob_id, _ in new])
            for blob_id, blob_type in new:
                if blob_type not in wanted[blob_id]:
                    raise NotSure("damage", blob_id.hex())
                self._take(self._read(blob_id, blob_type))
            if len(self._chunks) >= _TOGETHER:
                self._meet_chunks(leniently=leniently)

    def _take(self, children: Iterable[_Child]) -> None:
        for child in children:
            if child[1] is _ONLY[CHUNK]:
                self._chunks.append(child[0])
            else:
                self._trees.append(child)

    def _meet_chunks(self, *, leniently: bool) -> None:
        chunks, self._chunks = self._chunks, []
        for blob_id, blob_type in self._meet(chunks, leniently=leniently):
            if blob_type != CHUNK:
                raise NotSure("damage", blob_id.hex())

    def _meet(self, blob_ids: list[bytes], *, leniently: bool) -> list[tuple[bytes, int]]:
        try:
            return self.needed.meet(blob_ids, leniently=leniently)
        except Missing as error:
            raise NotSure("damage", error.name) from error

    def _read(self, blob_id: bytes, blob_type: int) -> Iterator[_Child]:
        try:
            plain = self._vault.read(blob_id, blob_type)
            if blob_type == PAGE:
                # As in an attic, where a name may stand several times: what is named is the same.
                page = decode_page(plain, attic=True)
                if page.unknown:
                    raise NotSure("unknown", page.unknown[0])
                for entry in page.entries:
                    # Nearly every entry: a file whose chunks stand in it, and that has nothing else stored.
                    if isinstance(entry.content, tuple) and _STORED.isdisjoint(entry.extra):
                        self._chunks += [blob_id for blob_id, _ in entry.content]
                    else:
                        yield from _children(entry)
            else:
                node = decode_list(plain, attic=True)
                below = _ONLY[node.type if node.level == 0 else LIST]
                yield from ((child, below) for child, _ in node.items)
        except (Missing, Damaged) as error:
            raise NotSure("damage", getattr(error, "name", "")) from error
        except Refused as error:
            raise NotSure("damage", blob_id.hex()) from error


def _children(entry: Entry) -> Iterator[_Child]:
    """All that an entry names, whatever its kind."""
    if isinstance(entry.content, bytes):
        yield entry.content, _FOLDER if entry.kind == FOLDER else _ONLY[LIST]
    else:
        yield from ((blob_id, _ONLY[CHUNK]) for blob_id, _ in entry.content or ())
    extra = entry.extra
    for value in (extra.get("link"), extra.get("sparse"), *(extra.get("xattr") or {}).values()):
        if isinstance(value, list | tuple):
            yield from ((each[0], _ONLY[CHUNK]) for each in value if isinstance(each[0], bytes))
