"""From what the file system says to an entry: the one place where the two vocabularies meet."""

import os
import stat

from vaultd.capture.attributes import link_target, owner_names, xattrs_of_name, xattrs_of_open
from vaultd.capture.births import Births
from vaultd.capture.listing import Seen, look_at, seen_as
from vaultd.capture.unreadable import Unreadable
from vaultd.errors import Refused
from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, FOLDER, LINK, SOCKET, Entry, encode_entry
from vaultd.tree.storing import Pairs, Stored, Storing
from vaultd.tree.troubles import CHANGING, ENTRY_TOO_LARGE

_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: LINK,
    stat.S_IFIFO: FIFO,
    stat.S_IFSOCK: SOCKET,
    stat.S_IFCHR: CHAR,
    stat.S_IFBLK: BLOCK,
}
_DEVICES = (CHAR, BLOCK)

Extra = dict[str, object]
Content = Pairs | bytes | None
Problem = tuple[str, str]  # the error and the detail of a Trouble


def kind_of(mode: int) -> int:
    """The kind of entry for a mode; 0 for what nobody knows."""
    return _KINDS.get(stat.S_IFMT(mode), 0)


class Making:
    """Makes entries. `problems` gathers what was wrong with the entry made last, though it was made."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing
        self._births = Births()
        self.problems: list[Problem] = []

    def of_file(self, seen: Seen, fd: int, stored: Stored) -> tuple[Extra, list[Problem]]:
        """What `file` needs to know of a file that was just read, while it is still open; `seen` is its stat
        as it was read.
        """
        self.problems = []
        extra = self._of_open(fd, seen.uid, seen.gid)
        if stored.parts is not None:
            extra["sparse"] = self._storing.sparse_map(stored.parts)
        if not stored.still:
            extra["how"] = CHANGING
        return extra, self.problems

    def file(self, seen: Seen, stored: Stored, extra: Extra, problems: list[Problem]) -> Entry:
        """The entry of a file, once it was stored. Raises what the sink raised."""
        self.problems = problems
        return self._entry(seen, FILE, stored.size, stored.chunks.finish(), extra)

    def around(self, seen: Seen, fd: int) -> Extra | None:
        """What is known of an open file of one chunk besides its stat and its content; None where it is not
        what was `seen` any more, or has holes.
        """
        same, birth = self._births.of_unchanged(fd, seen)
        if not same:
            return None
        self.problems = []
        extra = self._extra(fd, seen.uid, seen.gid, birth)
        if "xattr" in extra:
            self.small(seen, extra, bytes(32))  # leaves them out where they are too large
        return extra

    def small(self, seen: Seen, extra: Extra, blob_id: bytes) -> Entry:
        """The entry of a file that is this one chunk."""
        return self._entry(seen, FILE, seen.size, ((blob_id, seen.size),), extra)

    def folder(self, name: bytes, fd: int, st: os.stat_result, content: bytes) -> Entry:
        """The entry of an open folder."""
        self.problems = []
        return self._entry(seen_as(name, st), FOLDER, 0, content, self._of_open(fd, st.st_uid, st.st_gid))

    def outside(self, seen: Seen, content: bytes) -> Entry:
        """The entry of a folder that must not be opened."""
        return self._entry(seen, FOLDER, 0, content, self._owner(seen.uid, seen.gid))

    def other(self, folder: int, seen: Seen) -> Entry:
        """The entry of what is neither file nor folder, in an open folder; it is never opened. Raises
        Unreadable.
        """
        self.problems = []
        kind = kind_of(seen.mode)
        extra = self._owner(seen.uid, seen.gid)
        if (birth := self._births.of_name(folder, seen.name)) is not None:
            extra["birth"] = birth
        if kind == LINK:
            target = link_target(folder, seen.name)
            extra["link"] = self._storing.inline_or_pairs(target)
            return self._entry(seen, kind, len(target), None, extra)
        if kind in _DEVICES:
            device = look_at(folder, seen.name).st_rdev
            extra["rdev"] = (os.major(device), os.minor(device))
        try:
            self._xattrs(extra, xattrs_of_name(folder, seen.name))
        except Unreadable as trouble:
            self.problems.append((trouble.code, trouble.doing))
        return self._entry(seen, kind, 0, None, extra)

    def _of_open(self, fd: int, uid: int, gid: int) -> Extra:
        return self._extra(fd, uid, gid, self._births.of_open(fd))

    def _extra(self, fd: int, uid: int, gid: int, birth: int | None) -> Extra:
        extra = self._owner(uid, gid)
        if birth is not None:
            extra["birth"] = birth
        try:
            self._xattrs(extra, xattrs_of_open(fd))
        except Unreadable as trouble:
            self.problems.append((trouble.code, trouble.doing))
        return extra

    @staticmethod
    def _owner(uid: int, gid: int) -> Extra:
        names = owner_names(uid, gid)
        return {"owner": names} if any(names) else {}

    def _xattrs(self, extra: Extra, found: dict[bytes, bytes]) -> None:
        if found:
            extra["xattr"] = {name: self._storing.inline_or_pairs(value) for name, value in found.items()}

    def _entry(self, seen: Seen, kind: int, size: int, content: Content, extra: Extra) -> Entry:
        mode = stat.S_IMODE(seen.mode)
        entry = Entry(seen.name, kind, mode, seen.uid, seen.gid, seen.mtime, size, content, extra)
        if "xattr" in extra and not _fits(entry):
            # Better the file without its attributes than no file.
            self.problems.append((ENTRY_TOO_LARGE, "xattr"))
            del extra["xattr"]
        return entry


def _fits(entry: Entry) -> bool:
    try:
        encode_entry(entry)
    except Refused:
        return False
    return True
