"""Take what its owner named out of an attic.

What goes is exactly what the attic of one snapshot had at and below the paths: what was missed there later is
something else, and stays. Folders are compared by what is in them and never by a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import msgspec

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FOLDER, Entry, encode_entry
from vaultd.format.keys import Keys
from vaultd.format.limits import LIST, PAGE
from vaultd.format.lists import write_folder
from vaultd.store.contract import Sink
from vaultd.tree.folder import entries_of
from vaultd.tree.view import folder_id, split


def without(sink: Sink, keys: Keys, attic: bytes, base: bytes, paths: Iterable[bytes]) -> bytes | None:
    """The content id of this attic without what the attic `base` has at and below these paths; the same id
    where there is nothing to take out, None where nothing is left.

    Raises Missing, Damaged for what has to be read and cannot be, and what `sink` raises.
    """
    found: bytes | None = attic
    for path in paths:
        if found is None:
            break
        found = _Removal(sink, keys).of_attic(found, base, split(path))
    return found


@dataclass(frozen=True, slots=True)
class _Removal:
    """Names lead down to what goes; none are left where all of a folder goes."""

    sink: Sink
    keys: Keys

    def of_attic(self, content: bytes, base: bytes, names: Sequence[bytes]) -> bytes | None:
        had = list(self._entries(base, attic=True))
        gone = {encode_entry(each) for each in had if "missed" in each.extra}
        leads = {each.name: folder_id(each) for each in had if "missed" not in each.extra}
        changes: dict[bytes, Entry | None] = {}
        for each in self._entries(content, attic=True):
            if names and each.name != names[0]:
                continue
            after = self._after(each, gone, leads, names[1:])
            if after is not each:
                changes[encode_entry(each)] = after
        return self._rewritten(content, changes, attic=True) if changes else content

    def _after(
        self, entry: Entry, gone: set[bytes], leads: dict[bytes, bytes], below: Sequence[bytes]
    ) -> Entry | None:
        """What becomes of one entry of an attic, of which what is `below` it goes, or all."""
        if "missed" not in entry.extra:
            if entry.name not in leads:
                return entry
            left = self.of_attic(folder_id(entry), leads[entry.name], below)
            return _holding(entry, left)
        if encode_entry(entry) not in gone:
            return entry
        if not below:
            return None
        return self._inside(entry, below) if entry.kind == FOLDER else entry

    def _inside(self, entry: Entry, names: Sequence[bytes]) -> Entry:
        """A whole folder without what stands at a path in it; it stays, empty perhaps."""
        content = folder_id(entry)
        for each in self._entries(content):
            if each.name == names[0]:
                after = None if not names[1:] else each
                if after is not None and each.kind == FOLDER:
                    after = self._inside(each, names[1:])
                if after is not each:
                    left = self._rewritten(content, {encode_entry(each): after})
                    return msgspec.structs.replace(entry, content=left)
        return entry

    def _entries(self, content: bytes, *, attic: bool = False) -> Iterator[Entry]:
        for item in entries_of(self.sink, content, attic=attic):
            if isinstance(item, Missing | Damaged):
                raise item
            yield item

    def _rewritten(
        self, content: bytes, changes: dict[bytes, Entry | None], *, attic: bool = False
    ) -> bytes | None:
        """The folder with these of its entries changed, or gone where they are None."""
        left = (changes.get(encode_entry(each), each) for each in self._entries(content, attic=attic))
        entries = (each for each in left if each is not None)
        first = next(entries, None) if attic else None
        if attic and first is None:
            return None
        return write_folder(
            entries if first is None else chain([first], entries),
            self.keys,
            lambda page: self.sink.write(PAGE, page),
            lambda node: self.sink.write(LIST, node),
            attic=attic,
        )


def _holding(entry: Entry, content: bytes | None) -> Entry | None:
    if content == entry.content:
        return entry
    return None if content is None else msgspec.structs.replace(entry, content=content)
