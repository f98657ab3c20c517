"""The one reader of a snapshot, under restore, mount, ls, cat, diff and find.

It holds no more than the page that is read in each folder on the way. Damage ends only what is damaged:
listings yield
`Broken` in its place and go on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vaultd.errors import Damaged, Missing, NoSuchPath
from vaultd.format.entry import FOLDER, LINK, Entry
from vaultd.format.limits import MAX_FOLDER_DEPTH
from vaultd.store.contract import Blobs
from vaultd.tree import content
from vaultd.tree.folder import Fresh, Wrong, damaged, entries_of, find_name, rows_of


@dataclass(frozen=True, slots=True)
class Found:
    """An entry and its path inside the source; `missed` (ns) is set where it comes from the attic."""

    path: bytes
    entry: Entry
    missed: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Entries that follow one another in one folder, none of them a folder itself; `above` is the path of
    that folder with its slash.
    """

    above: bytes
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Broken:
    """Something at or below this path cannot be read."""

    path: bytes
    error: Wrong


Descend = Callable[[Found], bool]


def _always(_: Found) -> bool:
    return True


def split(path: bytes) -> list[bytes]:
    """Names of a path inside a source; slashes at the ends or in a row do not count."""
    return [name for name in path.split(b"/") if name]


class View:
    """One snapshot: `root` is its entry with the empty name, `attic` the content id of its attic or None.

    Every method that reads raises Missing, Damaged or Unreachable, unless it says that it yields Broken.
    """

    def __init__(self, blobs: Blobs, root: Entry, attic: bytes | None = None) -> None:
        self.blobs = blobs
        self.root = root
        self.attic = attic

    def entries(self, content_id: bytes, *, attic: bool = False) -> Iterator[Entry]:
        """The entries of one folder in the order of their names. Raises at the first page that is wrong."""
        for item in entries_of(self.blobs, content_id, attic=attic):
            if isinstance(item, Missing | Damaged):
                raise item
            yield item

    def lookup(self, path: bytes) -> Entry:
        """The entry at a path; b"" is the root. Raises NoSuchPath."""
        entry = self.root
        for name in split(path):
            found = find_name(Fresh(self.blobs), folder_id(entry), name) if entry.kind == FOLDER else None
            if found is None:
                raise NoSuchPath(path)
            entry = found
        return entry

    def walk(self, path: bytes = b"", descend: Descend = _always) -> Iterator[Found | Broken]:
        """Everything below a folder, a folder before what is in it; `descend` says which folders to enter.

        `descend` is asked after the folder was yielded and dealt with. What is not a folder has nothing below
        it.
        """
        for item in self.walk_rows(path, descend):
            if isinstance(item, Row):
                for entry in item.entries:
                    yield Found(item.above + entry.name, entry)
            else:
                yield item

    def walk_rows(self, path: bytes = b"", descend: Descend = _always) -> Iterator[Found | Row | Broken]:
        """The same, with what is not a folder many at a time: for whoever has a hundred thousand files to
        look at.
        """
        top = self.lookup(path)
        if top.kind != FOLDER:
            return
        names = split(path)
        prefix = b"".join(name + b"/" for name in names)
        stack = [(rows_of(self.blobs, folder_id(top)), len(prefix))]
        while stack:
            items, length = stack[-1]
            item = next(items, None)
            if item is None:
                stack.pop()
                continue
            prefix = prefix[:length]
            if isinstance(item, Missing | Damaged):
                yield Broken(prefix[:-1], item)
                continue
            if isinstance(item, list):
                yield Row(prefix, item)
                continue
            found = Found(prefix + item.name, item)
            yield found
            if descend(found):
                if len(names) + len(stack) >= MAX_FOLDER_DEPTH:
                    yield Broken(found.path, damaged(folder_id(item), "depth"))
                    continue
                prefix = found.path + b"/"
                stack.append((rows_of(self.blobs, folder_id(item)), len(prefix)))

    def content_extents(self, entry: Entry, start: int = 0) -> Iterator[content.Extent]:
        """`(chunk id, offset in the content, length)` of a file; the content of a sparse file has no
        holes.
        """
        return content.extents(self.blobs, entry.content or (), start)

    def content_length(self, entry: Entry) -> int:
        """Bytes of a file without its holes, as its entry or its first list says."""
        return content.length_of(self.blobs, entry.content or ())

    def parts(self, entry: Entry) -> Sequence[content.Part]:
        """`(offset, length)` in the file of all that is not a hole."""
        return content.parts_of(self.blobs, entry)

    def chunks(self, entry: Entry) -> Iterator[tuple[int, bytes]]:
        """`(offset in the file, bytes)` in order; holes are skipped."""
        for piece in self.pieces(entry):
            plain = content.read_chunk(self.blobs, piece.id, piece.chunk_length)
            yield piece.at, plain[piece.start : piece.start + piece.length]

    def pieces(self, entry: Entry, offset: int = 0) -> Iterator[content.Piece]:
        """Where the bytes of a file lie, from byte `offset` of the file on; no chunk is read.

        Raises Damaged ("size") where the chunks end before the file does, or go on behind it.
        """
        return content.pieces(self.blobs, entry, offset)

    def read(self, entry: Entry, offset: int, length: int) -> bytes:
        """`length` bytes of a file from `offset`, fewer at its end; holes are zeros."""
        length = max(0, min(length, entry.size - offset))
        out = bytearray(length)
        for piece in self.pieces(entry, offset):
            at = piece.at - offset
            if at >= length:
                break
            plain = content.read_chunk(self.blobs, piece.id, piece.chunk_length)
            skip = max(0, -at)
            part = plain[piece.start + skip : piece.start + min(piece.length, length - at)]
            out[at + skip : at + skip + len(part)] = part
        return bytes(out)

    def link(self, entry: Entry) -> bytes:
        """Where a symbolic link points to."""
        if entry.kind != LINK:
            raise damaged(b"", "kind")
        return content.read_value(self.blobs, entry.extra.get("link", b""))

    def xattrs(self, entry: Entry) -> dict[bytes, bytes]:
        """Extended attributes by name."""
        return {name: self.value(value) for name, value in entry.extra.get("xattr", {}).items()}

    def value(self, value: bytes | content.Pairs) -> bytes:
        """The value of an attribute, wherever it is stored."""
        return content.read_value(self.blobs, value)

    def deleted(self, path: bytes = b"") -> Iterator[Found | Broken]:
        """What stood at or below a path in an earlier snapshot and is not there now; newest version first."""
        from vaultd.tree.missed import deleted

        return deleted(self, path)


def folder_id(entry: Entry) -> bytes:
    """The content id of a folder. Raises Damaged for an entry that has none."""
    if not isinstance(entry.content, bytes):
        raise damaged(b"", "shape")
    return entry.content
