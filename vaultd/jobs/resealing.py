"""Seal a tree anew, under other keys: every chunk, page and list is read from one vault and written to
another, whose ids and boxes are its own.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, FOLDER, KINDS, LINK, Entry
from vaultd.format.extra import encode_sparse
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK, LIST, MAX_INLINE_VALUE, MAX_PAGE_ENTRIES, PAGE
from vaultd.format.lists import ContentBuilder, write_folder
from vaultd.format.page import decode_page, encode_page
from vaultd.jobs.exporting import broken, count
from vaultd.jobs.planning import PARTLY, UNKNOWN_KIND
from vaultd.jobs.promised import Hasher, Promised, hasher
from vaultd.jobs.restoration import Restored
from vaultd.jobs.wanted import Folder, Item, Several
from vaultd.progress import Progress
from vaultd.store.contract import Sink
from vaultd.tree.content import read_chunk
from vaultd.tree.folder import damaged
from vaultd.tree.view import Broken, View

# A chunk of an attribute that does not fit into its entry.
_PIECE = 1 << 20
# What an entry has besides, as it is in any vault.
_AS_IT_IS = ("birth", "hard", "how", "owner", "rdev", "stale")


class Resealing:
    """A `Visitor` that writes what it is led through to `sink`. `root` is the content of the top folder, once
    that was left. `folder` is where its temporary file lies; `stop` is asked before each thing and chunk.
    """

    def __init__(
        self,
        view: View,
        sink: Sink,
        keys: Keys,
        told: Restored,
        promised: Promised,
        progress: Progress,
        stop: Callable[[], bool],
        folder: Path,
    ) -> None:
        self._view = view
        self._sink = sink
        self._keys = keys
        self._told = told
        self._promised = promised
        self._progress = progress
        self._stop = stop
        self._gathering = Gathering(folder)
        self.root = b""

    def enter(self, folder: Folder) -> bool:
        entry = folder.entry or self._on_the_way(folder)
        known = self._known(folder.path, entry)
        self._promised.add(hasher(facts(folder.place, entry, known)).digest())
        self._gathering.begin(known)
        count(self._told, entry, self._progress)
        return True

    def leave(self, folder: Folder) -> None:
        write = self._sink.write
        content = write_folder(
            self._gathering.entries(), self._keys, lambda page: write(PAGE, page), self._write_list
        )
        known = self._gathering.end()
        if known is None:
            self.root = content
            return
        entry = folder.entry or self._on_the_way(folder)
        self._gathering.add(self._sealed(entry, content, known))

    def leaf(self, item: Item) -> None:
        if self._stop():
            raise KeyboardInterrupt
        entry = item.entry
        if entry.kind not in KINDS:
            self._told.troubles.add(item.path, UNKNOWN_KIND)
            return
        try:
            known = self._known(item.path, entry)
            digest = hasher(facts(item.place, entry, known))
            content = self._content(entry, digest) if entry.kind == FILE else None
        except (Missing, Damaged) as error:
            broken(self._told, item.path, error)
            return
        self._promised.add(digest.digest())
        self._gathering.add(self._sealed(entry, content, known))
        count(self._told, entry, self._progress)

    def leaves(self, several: Several) -> None:
        for entry in several.entries:
            self.leaf(several.item(entry))

    def broken(self, item: Broken) -> None:
        broken(self._told, item.path, item.error)

    def close(self) -> None:
        """Let go of the temporary file."""
        self._gathering.close()

    def top(self, entry: Entry) -> Entry:
        """The root's entry, once `root` is there."""
        return msgspec.structs.replace(self._sealed(entry, self.root, self._known(b"", entry)), name=b"")

    def _on_the_way(self, folder: Folder) -> Entry:
        """A folder that nothing is known of but what is in it."""
        return Entry(folder.name, FOLDER, 0o700, 0, 0, 0, 0, b"", {})

    def _known(self, path: bytes, entry: Entry) -> dict[str, Any]:
        """What an entry has besides, with everything that is stored elsewhere in the vault."""
        known = {key: entry.extra[key] for key in _AS_IT_IS if key in entry.extra}
        if entry.kind == LINK:
            known["link"] = self._view.link(entry)
        if "sparse" in entry.extra:
            known["sparse"] = tuple(tuple(part) for part in self._view.parts(entry))
        xattrs = {}
        for name, value in entry.extra.get("xattr", {}).items():
            try:
                xattrs[name] = self._view.value(value)
            except (Missing, Damaged) as error:
                self._told.damage = True
                self._told.troubles.add(path, PARTLY, str(error))
        return known | ({"xattr": xattrs} if xattrs else {})

    def _sealed(self, entry: Entry, content: Any, known: dict[str, Any]) -> Entry:
        extra = dict(known)
        if "link" in known:
            extra["link"] = self._inline_or_pairs(known["link"])
        if "sparse" in known and len(encoded := encode_sparse(known["sparse"])) > MAX_INLINE_VALUE:
            extra["sparse"] = self._pairs(encoded)
        if "xattr" in known:
            xattrs = known["xattr"].items()
            extra["xattr"] = {name: self._inline_or_pairs(value) for name, value in xattrs}
        extra = {key: extra[key] for key in sorted(extra)}
        mode, uid, gid, mtime, size = entry.mode, entry.uid, entry.gid, entry.mtime, entry.size
        return Entry(entry.name, entry.kind, mode, uid, gid, mtime, size, content, extra)

    def _content(self, entry: Entry, digest: Hasher) -> Any:
        builder, total = ContentBuilder(self._write_list), 0
        for blob_id, _, length in self._view.content_extents(entry):
            if self._stop():
                raise KeyboardInterrupt
            plain = read_chunk(self._view.blobs, blob_id, length)
            digest.update(plain)
            builder.add(self._sink.write(CHUNK, plain), length)
            total += length
        if total != sum(length for _, length in self._view.parts(entry)):
            raise damaged(b"", "size")
        return builder.finish()

    def _inline_or_pairs(self, plain: bytes) -> Any:
        return plain if len(plain) <= MAX_INLINE_VALUE else self._pairs(plain)

    def _pairs(self, plain: bytes) -> Any:
        pieces = [plain[at : at + _PIECE] for at in range(0, len(plain), _PIECE)]
        return tuple((self._sink.write(CHUNK, piece), len(piece)) for piece in pieces)

    def _write_list(self, plain: bytes) -> bytes:
        return self._sink.write(LIST, plain)


def facts(place: bytes, entry: Entry, known: dict[str, Any]) -> list[object]:
    """All that is said of a thing, but for its bytes."""
    numbers = [entry.kind, entry.mode, entry.uid, entry.gid, entry.mtime, entry.size]
    return [place, numbers, {key: known[key] for key in sorted(known)}]


class Gathering:
    """The entries of the folders that are being written, one inside the other. Of each no more than a page is
    in memory; what came before stands in one temporary file, the innermost folder's at its end.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._stack: list[_Open] = [_Open(None, 0)]

    def begin(self, known: dict[str, Any]) -> None:
        """Go into a folder; `known` is given back at its end."""
        self._stack.append(_Open(known, self._file.tell()))

    def add(self, entry: Entry) -> None:
        """The next entry of the innermost folder; names ascend."""
        here = self._stack[-1]
        here.entries.append(entry)
        if len(here.entries) == MAX_PAGE_ENTRIES:
            page = encode_page(here.entries)
            self._file.write(len(page).to_bytes(8, "little") + page)
            here.entries = []

    def entries(self) -> Iterator[Entry]:
        """All of the innermost folder."""
        here = self._stack[-1]
        end = self._file.tell()
        at = here.start
        while at < end:
            self._file.seek(at)
            length = int.from_bytes(self._file.read(8), "little")
            yield from decode_page(self._file.read(length)).entries
            at += 8 + length
        yield from here.entries

    def end(self) -> dict[str, Any] | None:
        """Out of the innermost folder; None for the top."""
        here = self._stack.pop()
        self._file.seek(here.start)
        self._file.truncate()
        return here.known

    def close(self) -> None:
        self._file.close()


class _Open:
    def __init__(self, known: dict[str, Any] | None, start: int) -> None:
        self.known = known
        self.start = start
        self.entries: list[Entry] = []
