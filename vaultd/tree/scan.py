"""Read a source: one walk down and up through its folders, which says what is in it now.

The walk is iterative and goes by names in order. A folder's entry is made when the walk leaves it, from
its subfolders' entries and its own names. Memory follows the folders that the walk is inside of, never
the number of files.
"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from vaultd.capture.descent import Descent
from vaultd.capture.listing import Listing, Seen, list_folder
from vaultd.capture.opening import close, open_folder, open_root
from vaultd.capture.unreadable import Unreadable
from vaultd.errors import NotAFolder, Overlap, SourceEmpty, SourceGone, SourceUnreadable
from vaultd.format.entry import Entry
from vaultd.format.keys import Keys
from vaultd.format.limits import MAX_FOLDER_DEPTH
from vaultd.progress import Progress, Silent
from vaultd.store.contract import FolderMemory, Sink
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.earlier import folder_content, is_as_seen, is_empty
from vaultd.tree.frame import Frame
from vaultd.tree.frames import Frames
from vaultd.tree.passing import passed
from vaultd.tree.patterns import Selection
from vaultd.tree.renewal import Renewal
from vaultd.tree.run import Counts, Run
from vaultd.tree.troubles import LOOP, OTHER_FILE_SYSTEM, OWN_PLACE, TOO_DEEP, Trouble

Inode = tuple[int, int]  # device and number: what a folder is, whatever it is called


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What to read: `exclude` are lines as in .gitignore; `cross` enters other file systems too."""

    name: str
    path: bytes
    exclude: tuple[str, ...] = ()
    cross: bool = False


@dataclass(frozen=True, slots=True)
class Scanned:
    """`root` is the entry with the empty name. `troubles` are the first 1,000 of `trouble_count`; one is
    enough to make the snapshot partial. `notes` say what was left out on purpose.

    What a scan of all folders would have seen, and one of dirty folders may not have: other names of files
    with several (`linked`: one was read), and what changed again after its time was told (`young`).
    """

    root: Entry
    counts: Counts
    troubles: list[Trouble] = field(default_factory=list)
    trouble_count: int = 0
    notes: list[Trouble] = field(default_factory=list)
    linked: bool = False
    young: Dirty = field(default_factory=Dirty)

    @property
    def complete(self) -> bool:
        """True where the root is what stood in the source, but for what was left out on purpose."""
        return self.trouble_count == 0


def never() -> bool:
    """Nobody asks to stop."""
    return False


def scan(
    source: SourceSpec,
    parent_root: Entry | None,
    sink: Sink,
    keys: Keys,
    memory: FolderMemory,
    *,
    started_ns: int,
    progress: Progress | None = None,
    own: Collection[Inode] = (),
    force: bool = False,
    stop: Callable[[], bool] = never,
    dirty: Dirty = EVERYTHING,
) -> Scanned:
    """Read a source and store what is new in it.

    `parent_root` is the root of the snapshot that this one goes on from: what cannot be read keeps the
    version that stands there. `own` are the folders of vaultd itself, which are left out. `force` allows
    a source that became empty. Only `dirty` folders are looked at, where what this machine remembers is what
    `parent_root` has; all others are taken over, and are not in the counts.

    Raises SourceGone, NotAFolder, SourceUnreadable, SourceEmpty, Overlap, BadPattern, KeyboardInterrupt
    (`stop` said so), and what the sink raises; Missing and Damaged only where not all is dirty. A single
    file or folder that cannot be read never raises.
    """
    run = Run(sink, keys, progress or Silent(), started_ns, stop)
    walk = _Walk(source, parent_root, run, memory, frozenset(own), dirty)
    try:
        root = walk.root(force=force)
    finally:
        walk.close()
    run.counts.read = run.storing.bytes_read
    told = run.troubles
    return Scanned(root, run.counts, told.kept, told.count, told.notes, run.linked, walk.renewal.young)


class _Walk:
    """The way through one source: the folders that it is inside of, as descriptors and as frames."""

    def __init__(
        self,
        source: SourceSpec,
        before: Entry | None,
        run: Run,
        memory: FolderMemory,
        own: frozenset[Inode],
        dirty: Dirty,
    ) -> None:
        self._source = source
        self._before_root = before
        self._run = run
        self._memory = memory
        self._own = own
        self._dirty = dirty
        self.renewal = Renewal(run, memory)
        self._selection = Selection(exclude=source.exclude)
        self._descent: Descent | None = None
        self._frames = Frames(run.sink, run.old_damaged)

    def close(self) -> None:
        if self._descent is not None:
            self._descent.close()
        self._run.close()

    def root(self, *, force: bool) -> Entry:
        """Walk through all of it; the root's entry."""
        self._open_root(force=force)
        while True:
            below = self._frames.top.next_folder()
            if below is not None:
                self._enter(below)
                continue
            entry = self._leave()
            if not self._frames:
                if entry is None:
                    raise SourceGone(self._source.name, self._source.path)
                return entry

    # Going down.

    def _open_root(self, *, force: bool) -> None:
        name, path = self._source.name, self._source.path
        before = folder_content(self._before_root)
        try:
            fd, st = open_root(path)
            self._descent = Descent(fd, st)
            if (st.st_dev, st.st_ino) in self._own:
                raise Overlap(path, path)
            # Where not all that is remembered is what the last snapshot has, nothing is taken over.
            known = self._memory.recall(b"")
            dirty = self._dirty if known is not None and known[1] == before else EVERYTHING
            frame = self._looked_at(b"", fd, st, b"", self._before_root, dirty)
        except Unreadable as trouble:
            raise _no_root(trouble, name, path) from trouble
        found = frame.passing or frame.listing.seen or frame.listing.failed
        if not (found or force or before is None or is_empty(self._run.sink, before)):
            raise SourceEmpty(name, path)
        self._frames.push(frame)

    def _looked_at(
        self, name: bytes, fd: int, st: os.stat_result, path: bytes, before: Entry | None, dirty: Dirty
    ) -> Frame:
        """A folder as it is entered: with all its names, or those that may have changed. Raises
        Unreadable.
        """
        passing = passed(self._memory, dirty, path, fd, st, folder_content(before))
        if passing is not None:
            return Frame(name, st, passing[1], before, known=True, dirty=dirty, passing=passing[0])
        listing = list_folder(fd, st.st_dev)
        self._drop_excluded(listing, path)
        return Frame(name, st, listing, before, known=not path or before is not None, dirty=dirty)

    def _enter(self, seen: Seen) -> None:
        """Go into a subfolder; or settle its entry, if it must or can not be entered."""
        self._run.check()
        if (stayed := self._stayed(seen)) is not None:
            self._settle(seen.name, stayed)
            return
        if self._is_outside(seen, (self._frames.top.device_of(seen.name), seen.ino)):
            return
        try:
            self._push(seen)
        except Unreadable as trouble:
            self._settle(
                seen.name,
                self._run.carried(self._frames.path_of(seen.name), self._frames.before(seen.name), trouble),
            )

    def _stayed(self, seen: Seen) -> Entry | None:
        """The entry in the last snapshot of a folder in which nothing changed."""
        top = self._frames.top
        if top.dirty.child(seen.name) is not None or seen.name in top.listing.devices:
            return None
        before = self._frames.before(seen.name)
        return before if before is not None and is_as_seen(before, seen) else None

    def _push(self, seen: Seen) -> None:
        descent = self._down()
        if descent.depth + 1 >= MAX_FOLDER_DEPTH:
            raise Unreadable(TOO_DEEP, "open")
        fd, st = open_folder(descent.top, seen.name)
        try:
            # Asked again: opening it may have mounted something, or the name may be another folder by now.
            if self._is_outside(seen, (st.st_dev, st.st_ino)):
                close(fd)
                return
            dirty = self._frames.top.dirty.child(seen.name) or EVERYTHING
            before = None if dirty.deep else self._frames.before(seen.name)
            frame = self._looked_at(seen.name, fd, st, self._frames.path_of(seen.name), before, dirty)
        except BaseException:
            close(fd)
            raise
        descent.push(seen.name, fd, st)
        self._frames.push(frame)

    def _is_outside(self, seen: Seen, inode: Inode) -> bool:
        """True for a folder that is not read: what belongs to vaultd itself vanishes, the rest keeps what
        it had.
        """
        why = self._why_outside(inode)
        if why is None:
            return False
        self._run.troubles.note(self._frames.path_of(seen.name), why)
        if why != OWN_PLACE:
            empty = self._run.write_folder(())
            self._settle(seen.name, self._frames.before(seen.name) or self._run.making.outside(seen, empty))
        return True

    def _why_outside(self, inode: Inode) -> str | None:
        if inode in self._own:
            return OWN_PLACE
        if inode[0] != self._frames.root.st.st_dev and not self._source.cross:
            return OTHER_FILE_SYSTEM
        return LOOP if self._down().inside(*inode) else None

    def _drop_excluded(self, listing: Listing, path: bytes) -> None:
        if self._selection.takes_all:
            return
        above, excluded = path + b"/" if path else b"", self._selection.excludes
        listing.seen = [one for one in listing.seen if not excluded(above + one.name, folder=one.is_folder)]
        listing.failed = {
            name: why for name, why in listing.failed.items() if not excluded(above + name, folder=False)
        }

    # Coming back.

    def _leave(self) -> Entry | None:
        """The entry of the folder that the walk is in, which then is the one above it."""
        frame, path = self._frames.top, bytes(self._frames.path)
        entry: Entry | None
        try:
            fd = self._down().top
            content = self.renewal.content(frame, fd, path, self._frames.top_before)
            entry = self._run.making.folder(frame.name, fd, frame.st, content)
            self._run.report_problems(path)
        except Unreadable as trouble:
            entry = self._run.carried(path, self._frames.top_before(), trouble)
        self._frames.pop()
        self._down().pop()
        if self._frames:
            self._settle(frame.name, entry)
        return entry

    def _settle(self, name: bytes, entry: Entry | None) -> None:
        if entry is not None:
            self._frames.top.folders[name] = entry

    def _down(self) -> Descent:
        assert self._descent is not None, "the root is opened first"
        return self._descent


def _no_root(trouble: Unreadable, name: str, path: bytes) -> SourceGone | NotAFolder | SourceUnreadable:
    if trouble.code == "ENOTDIR":
        return NotAFolder(path)
    if trouble.gone:
        return SourceGone(name, path)
    return SourceUnreadable(name, path, trouble.code)
