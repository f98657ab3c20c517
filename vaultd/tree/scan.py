"""Read a source: one walk down and up through its folders, which says what is in it now.

The walk is iterative and goes by names in order. A folder's entry is made when the walk leaves it, from
its subfolders' entries and its own names. Memory follows the folders that the walk is inside of, never
the number of files.
"""

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
from vaultd.tree import look
from vaultd.tree.earlier import folder_content, is_empty
from vaultd.tree.frame import Frame
from vaultd.tree.frames import Frames
from vaultd.tree.patterns import Selection
from vaultd.tree.refresh import Refresh
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
    """

    root: Entry
    counts: Counts
    troubles: list[Trouble] = field(default_factory=list)
    trouble_count: int = 0
    notes: list[Trouble] = field(default_factory=list)

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
) -> Scanned:
    """Read a source and store what is new in it.

    `parent_root` is the root of the snapshot that this one goes on from: what cannot be read keeps the
    version that stands there. `own` are the folders of vaultd itself, which are left out. `force` allows
    a source that became empty. Raises SourceGone, NotAFolder, SourceUnreadable, SourceEmpty, Overlap,
    BadPattern, KeyboardInterrupt (`stop` said so), and what the sink raises. A single file or folder that
    cannot be read never raises.
    """
    run = Run(sink, keys, progress or Silent(), started_ns, stop)
    walk = _Walk(source, parent_root, run, memory, frozenset(own))
    try:
        root = walk.root(force=force)
    finally:
        walk.close()
    run.counts.read = run.storing.bytes_read
    return Scanned(root, run.counts, run.troubles.kept, run.troubles.count, run.troubles.notes)


class _Walk:
    """The way through one source: the folders that it is inside of, as descriptors and as frames."""

    def __init__(
        self, source: SourceSpec, before: Entry | None, run: Run, memory: FolderMemory, own: frozenset[Inode]
    ) -> None:
        self._source = source
        self._before_root = before
        self._run = run
        self._memory = memory
        self._own = own
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
        try:
            fd, st = open_root(path)
            self._descent = Descent(fd, st)
            listing = list_folder(fd, st.st_dev)
        except Unreadable as trouble:
            raise _no_root(trouble, name, path) from trouble
        if (st.st_dev, st.st_ino) in self._own:
            raise Overlap(path, path)
        self._drop_excluded(listing, b"")
        before = folder_content(self._before_root)
        if not (
            listing.seen or listing.failed or force or before is None or is_empty(self._run.sink, before)
        ):
            raise SourceEmpty(name, path)
        self._frames.push(Frame(b"", st, listing, self._before_root, known=True))

    def _enter(self, seen: Seen) -> None:
        """Go into a subfolder; or settle its entry, if it must or can not be entered."""
        self._run.check()
        if self._is_outside(seen, (self._frames.top.device_of(seen.name), seen.ino)):
            return
        try:
            self._push(seen)
        except Unreadable as trouble:
            self._settle(
                seen.name,
                self._run.carried(self._frames.path_of(seen.name), self._frames.before(seen.name), trouble),
            )

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
            listing = list_folder(fd, st.st_dev)
        except BaseException:
            close(fd)
            raise
        self._drop_excluded(listing, self._frames.path_of(seen.name))
        descent.push(seen.name, fd, st)
        self._frames.push(Frame(seen.name, st, listing))

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
            content = self._content(frame, fd, path)
            entry = self._run.making.folder(frame.name, fd, frame.st, content)
            self._run.report_problems(path)
        except Unreadable as trouble:
            entry = self._run.carried(path, self._frames.top_before(), trouble)
        self._frames.pop()
        self._down().pop()
        if self._frames:
            self._settle(frame.name, entry)
        return entry

    def _content(self, frame: Frame, fd: int, path: bytes) -> bytes:
        """The folder's content: the one it had, where it looks the same, else made anew."""
        known = self._memory.recall(path)
        others = frame.others()
        if known is not None and self._looks_same(frame, others, known[0]):
            self._take_over(frame, others)
            return known[1]
        looked = look.decode(known[0]) if known else None
        last = known[1] if known else None
        refresh = Refresh(self._run, frame, fd, path, looked, last, self._frames.top_before)
        content = self._run.write_folder(refresh.entries())
        self._forget_gone(frame, path, looked)
        self._memory.remember(path, look.encode(refresh.rows, frame.done(), whole=refresh.sure), content)
        return content

    def _looks_same(self, frame: Frame, others: list[Seen], remembered: bytes) -> bool:
        # Names of one file are never taken over unseen: a new name elsewhere must find the group of the old
        # one.
        if frame.listing.failed or any(seen.nlink > 1 for seen in others):
            return False
        return look.encode(others, frame.done()) == remembered

    def _take_over(self, frame: Frame, others: list[Seen]) -> None:
        sizes = [seen.size for seen in others if seen.is_file]
        counts = self._run.counts
        counts.files += len(sizes)
        counts.bytes += sum(sizes)
        counts.others += len(others) - len(sizes)
        counts.folders += len(frame.folders)
        self._run.progress.add(files=len(others), bytes=sum(sizes))

    def _forget_gone(self, frame: Frame, path: bytes, looked: look.Look | None) -> None:
        for name, _ in looked.folders if looked else ():
            if name not in frame.folders:
                self._memory.forget_below(path + b"/" + name if path else name)

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
