"""Which folders a source has, and a watch on each of them.

A name is never believed. It is opened, in a folder that was proven to be the right one, and the kernel is
asked for a watch on what was opened. It answers with the number that this folder has had all along, if it
has one, wherever it was before: so a rename needs no pairing of events, and keeps the watches of all that is
below. Whatever order events come in, each name is asked about again after the last of them.
"""

import errno
import os
import time
from collections.abc import Iterable
from itertools import islice

from vaultd.capture.opening import close, open_folder, open_root
from vaultd.capture.unreadable import Unreadable
from vaultd.copies.identity import is_remote
from vaultd.daemon.changes import NETWORK, TWICE, Part
from vaultd.daemon.folders import Folder, Folders
from vaultd.daemon.inotify import FOLDER, ROOT, Queue
from vaultd.daemon.scope import Scope, Standing

# How long a folder that was taken out may be on its way to another place in the source.
ON_ITS_WAY_S = 1.0


class NoMoreWatches(Exception):
    """The system does not let this user watch another folder; `held` are ours."""

    def __init__(self, held: int) -> None:
        super().__init__(held)
        self.held = held


class Survey:
    """Not safe to use from two threads at once. After NoMoreWatches, or another error, it is of no use.

    `dirty` are folders to be told of, with whether all below is meant: what changed between a folder's making
    and its watch is covered by saying so once it is watched.
    """

    def __init__(self, scope: Scope, standing: Standing, queue: Queue) -> None:
        self.tree = Folders()
        self.dirty: dict[bytes, bool] = {}
        self._scope, self._queue = scope, queue
        self._device = standing.inode[0]
        self._remote = {path: mount.type for path, mount in standing.inside if is_remote(mount)}
        self._due: dict[Folder, set[bytes]] = {}  # the names to be asked about, by the folder they are in
        self._stuck: dict[Folder, set[bytes]] = {}  # as `due`: that folder is not where it was
        self._parts: dict[Folder, tuple[str, str]] = {}  # code and type of those that cannot be watched
        self._out: dict[Folder, float] = {}  # taken out, and when

    @property
    def busy(self) -> bool:
        """Whether there are folders to be asked about."""
        return bool(self._due)

    @property
    def waiting(self) -> bool:
        """Whether folders are on their way, and to be let go of within a second if they do not turn up."""
        return bool(self._out)

    def begin(self) -> None:
        """Watch the root, and find its subfolders. Raises Unreadable, OSError, NoMoreWatches."""
        fd, _ = open_root(self._scope.root)
        try:
            self.tree.watched(self.tree.root, self._add(fd, ROOT))
            self._list(self.tree.root, fd)
        finally:
            close(fd)

    def go_on(self, most: int) -> None:
        """Look at some of the folders that were asked about. Raises NoMoreWatches."""
        while most > 0 and self._due:
            above, asked = self._due.popitem()
            most -= self._look_below(above, asked, most)
        if not self._due:
            self._let_go(time.monotonic() - ON_ITS_WAY_S)

    def mark(self, path: bytes, *, deep: bool = False) -> None:
        self.dirty[path] = deep or self.dirty.get(path, False)

    def ask(self, above: Folder, name: bytes) -> None:
        """Which folder has this name now? By name, since what had it may have gone elsewhere meanwhile."""
        self._due.setdefault(above, set()).add(name)

    def take_out(self, folder: Folder) -> None:
        """Out of the tree, but still watched for a while, since it may turn up elsewhere."""
        self.tree.take_out(folder)
        self._out[folder] = time.monotonic()

    @property
    def part_count(self) -> int:
        """How many folders are not watched, though they belong to the source."""
        return len(self._parts)

    def parts(self, most: int) -> list[Part]:
        """These folders; no more than `most` of them."""
        some = islice(self._parts.items(), most)
        found = ((self.tree.path(folder), *why) for folder, why in some)
        parts = (Part(path, code, kind) for path, code, kind in found if path is not None)
        return sorted(parts, key=lambda part: part.folder)

    def is_part(self, folder: Folder) -> bool:
        """Whether it could not be watched."""
        return folder in self._parts

    def try_again(self) -> None:
        """Ask about all that could not be watched."""
        for folder in self._parts:
            if folder.above is not None:
                self.ask(folder.above, folder.name)
        self._unstick()

    # Asking what stands where.

    def _look_below(self, above: Folder, asked: set[bytes], most: int) -> int:
        """Look at some subfolders of one folder; how many were looked at, and one for the folder itself."""
        path, looked = self.tree.path(above), 1
        fd = self._open_again(above, path) if path is not None else None
        if path is None or fd is None:
            if above.wd is not None:
                self._put_off(above, asked)
            return looked
        try:
            while asked and looked <= most:
                self._look_at(fd, above, path, asked.pop())
                looked += 1
        finally:
            close(fd)
        if asked:
            self._due.setdefault(above, set()).update(asked)
        return looked

    def _put_off(self, above: Folder, asked: Iterable[bytes]) -> None:
        """Until whoever is on the way has arrived."""
        self._stuck.setdefault(above, set()).update(asked)

    def _unstick(self) -> None:
        for above, asked in self._stuck.items():
            self._due.setdefault(above, set()).update(asked)
        self._stuck.clear()

    def _open_again(self, folder: Folder, path: bytes) -> int | None:
        """Open a watched folder; None where its path leads elsewhere by now, of which an event will tell."""
        try:
            fd, _ = open_root(self._scope.full(path))
        except Unreadable as trouble:
            if not trouble.gone:
                self._give_up(folder, trouble.code)
            return None
        try:
            wd = self._add(fd, FOLDER)
        except BaseException:
            close(fd)
            raise
        if wd == folder.wd:
            return fd
        if wd not in self.tree.by_wd:
            self._queue.remove(wd)
        close(fd)
        return None

    def _look_at(self, parent: int, above: Folder, path: bytes, name: bytes) -> None:
        folder, below = self.tree.place(above, name), join(path, name)
        if below in self._remote:
            self._leave_to_scans(folder, below)
            return
        try:
            fd, st = open_folder(parent, name)
        except Unreadable as trouble:
            if trouble.gone:
                self.take_out(folder)
            else:
                self._give_up(folder, trouble.code)
            return
        try:
            if self._scope.has(below, st, self._device):
                self._watch(folder, fd, st, below)
            else:
                self._drop(folder)
        finally:
            close(fd)

    def _leave_to_scans(self, folder: Folder, path: bytes) -> None:
        """Not even opened: a server that does not answer would have us wait for ever."""
        if self._scope.cross:
            self._give_up(folder, NETWORK, self._remote[path])
        else:
            self._drop(folder)

    def _watch(self, folder: Folder, fd: int, st: os.stat_result, path: bytes) -> None:
        """Have the folder that was opened stand here, whichever that is."""
        wd = self._add(fd, FOLDER)
        known = self.tree.by_wd.get(wd)
        self._parts.pop(folder, None)
        above, name = folder.above, folder.name
        assert above is not None, "only what is in the tree is asked about"
        if known is folder:
            return
        if known is not None and self._stands(known, st):
            self._give_up(folder, TWICE)
            return
        if known is not None and self.tree.is_within(above, known):
            self._put_off(above, [name])
            return
        self.mark(path, deep=True)
        self.take_out(folder)
        self._unstick()
        if known is not None and self._scope.selection.takes_all:
            self._out.pop(known, None)
            self.tree.put(known, above, name)
            return
        if known is not None:  # patterns may mean other folders at another place
            self._drop(known)
            wd = self._add(fd, FOLDER)
        fresh = self.tree.place(above, name)
        self.tree.watched(fresh, wd)
        self._list(fresh, fd)

    def _stands(self, known: Folder, st: os.stat_result) -> bool:
        """Whether a watched folder is still where it was: then it is the same folder by two paths."""
        path = self.tree.path(known)
        if path is None:
            return False
        try:
            there = os.stat(self._scope.full(path), follow_symlinks=False)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (st.st_dev, st.st_ino)

    def _list(self, folder: Folder, fd: int) -> None:
        """Ask about every subfolder of an open folder, whose watch has begun before."""
        try:
            with os.scandir(fd) as entries:
                names = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            self._give_up(folder, errno.errorcode.get(error.errno or 0, "EIO"))
            return
        for name in names:
            self.ask(folder, name)

    def _add(self, fd: int, mask: int) -> int:
        try:
            return self._queue.add(fd, mask)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise NoMoreWatches(len(self.tree.by_wd)) from error
            raise

    # Letting go.

    def _let_go(self, before: float) -> None:
        for folder in [folder for folder, since in self._out.items() if since <= before]:
            self._drop(folder)

    def _give_up(self, folder: Folder, code: str, kind: str = "") -> None:
        """Not watched, with all below; it stays in the tree as a part that is not."""
        self._unwatch_all(folder)
        folder.below = None
        self._parts[folder] = (code, kind)

    def _drop(self, folder: Folder) -> None:
        self._unwatch_all(folder)
        self.tree.take_out(folder)

    def _unwatch_all(self, folder: Folder) -> None:
        for one in self.tree.with_below(folder):
            if one.wd is not None:
                self._queue.remove(one.wd)
                self.tree.unwatched(one)
            self._parts.pop(one, None)
            self._out.pop(one, None)
            self._due.pop(one, None)
            self._stuck.pop(one, None)


def join(path: bytes, name: bytes) -> bytes:
    """The path of a name in a folder."""
    return path + b"/" + name if path else name
