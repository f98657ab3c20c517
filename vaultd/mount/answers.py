"""What the kernel asks of a mounted past, answered from its nodes: each of its requests by one method."""

import errno
import logging
import os
import stat
from itertools import count
from threading import Event
from typing import TYPE_CHECKING

from vaultd.browse.file import OpenFile
from vaultd.browse.node import BLOCK, Node
from vaultd.browse.past import Past
from vaultd.errors import VaultdError
from vaultd.mount import kernel
from vaultd.mount.kernel import Op
from vaultd.mount.listing import Listing
from vaultd.mount.places import Places, number_of
from vaultd.mount.rows import Batch, names_alone
from vaultd.mount.wishes import Wish, Wishes

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("vaultd.mount")
Words = bytes | bytearray | memoryview
Parts = tuple[Words, ...]
"""What is written as one answer."""
# What never changes is kept by the kernel; what changes in "latest" is told to it. Where names come by
# themselves it asks again; and what is not there may come with the next snapshot, and nothing tells of that.
KEPT, KEPT_CHANGING, KEPT_ABSENT = 86_400, 1, 2
# Things that the kernel knows when it is asked to forget some: 250 bytes each, so 33 MB; and a quarter more.
MOST = 1 << 17


class Answers:
    """`answer` is safe to use from several threads; `full` is set where the kernel is to forget some."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self.places = Places(lambda: past.top.node)
        self.full = Event()
        self._wishes = Wishes()
        self._opened: dict[int, tuple[int, OpenFile | Listing | None]] = {}
        self._numbers = count(1)
        self._methods: dict[int, Callable[[int, memoryview, int], Parts]] = {
            Op.LOOKUP: self._lookup,
            Op.GETATTR: self._getattr,
            Op.READLINK: self._readlink,
            Op.OPEN: self._open,
            Op.READ: self._read,
            Op.LSEEK: self._lseek,
            Op.RELEASE: self._release,
            Op.OPENDIR: self._opendir,
            Op.READDIR: self._readdir,
            Op.READDIRPLUS: self._readdirplus,
            Op.RELEASEDIR: self._releasedir,
            Op.GETXATTR: self._getxattr,
            Op.LISTXATTR: self._listxattr,
            Op.STATFS: self._statfs,
        }

    def answer(self, op: int, made: int, words: memoryview, who: int) -> Parts | int | None:
        """The answer, the number of an error, or None where none is waited for. `who` is the process."""
        if op == Op.FORGET:
            self.places.forget(made, *kernel.FORGOTTEN.unpack_from(words))
            return None
        if op == Op.BATCH_FORGET:
            self._forget_many(words)
            return None
        method = self._methods.get(op)
        if method is None:
            return errno.ENOSYS
        try:
            return method(made, words, who)
        except VaultdError as error:
            self._warn(made, error)
            return errno.EIO
        except OSError as error:
            return error.errno or errno.EIO
        except Exception:
            log.exception("request %d", op)
            return errno.EIO

    def _warn(self, made: int, error: VaultdError) -> None:
        log.warning("%s: %s", self.places.path(made).decode("utf-8", "backslashreplace"), error)

    def _forget_many(self, words: memoryview) -> None:
        (many,) = kernel.MANY_FORGOTTEN.unpack_from(words)
        begin, size = kernel.MANY_FORGOTTEN.size, kernel.ONE_FORGOTTEN.size
        for made, times in kernel.ONE_FORGOTTEN.iter_unpack(words[begin : begin + many * size]):
            self.places.forget(made, times)

    def _lookup(self, made: int, words: memoryview, who: int) -> Parts:
        name, state = bytes(words[:-1]), self.places.state
        above = self.places.node(made)
        node = above.child(name)
        if node is None:
            return (kernel.ABSENT.pack(0, 0, KEPT_ABSENT, 0, 0, 0),)
        found = node.attributes()
        kept = self._kept(above, state)
        given = number_of(made, name, node.kind, found.ino, is_lasting=above.is_lasting)
        self.places.give(made, ((given, name),))
        self.places.found(given, node, state)
        if node.kind != stat.S_IFDIR:
            self._wishes.looked_up(who)
            self.places.set_bare(made, True)
        known = kept if found.names == 1 else 0
        return (kernel.ENTRY.pack(given, 0, kept, known, 0, 0, *kernel.status(found)),)

    def _kept(self, above: Node, state: int) -> int:
        """For how many seconds what was found in a folder holds."""
        if state != self.places.state:
            return 0
        return KEPT if above.is_lasting else KEPT_CHANGING

    def _getattr(self, made: int, _: memoryview, __: int) -> Parts:
        found = self.places.node(made).attributes()
        return (kernel.STATUS.pack(KEPT_CHANGING, 0, 0, *kernel.status(found)),)

    def _readlink(self, made: int, _: memoryview, __: int) -> Parts:
        return (self.places.node(made).link(),)

    def _open(self, made: int, words: memoryview, _: int) -> Parts:
        (flags,) = kernel.FLAGS.unpack_from(words)
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, "")
        node = self.places.node(made)
        file = node.open()
        self.places.open(made, node)
        # What has this number is always the same content.
        return self._keep(made, file, kernel.KEEP_CACHE | kernel.NO_FLUSH)

    def _keep(self, made: int, opened: OpenFile | Listing | None, flags: int) -> Parts:
        handle = next(self._numbers)
        self._opened[handle] = made, opened
        return (kernel.OPENED.pack(handle, flags),)

    def _read(self, _: int, words: memoryview, __: int) -> Parts:
        handle, offset, size = kernel.READ.unpack_from(words)
        return (self._file(handle).read(offset, size),)

    def _file(self, handle: int) -> OpenFile:
        file = self._opened[handle][1]
        assert isinstance(file, OpenFile)
        return file

    def _lseek(self, _: int, words: memoryview, __: int) -> Parts:
        handle, offset, whence = kernel.SEEK.unpack_from(words)
        file = self._file(handle)
        found = file.data_from(offset) if whence == os.SEEK_DATA else file.hole_from(offset)
        if found is None or offset >= file.size:
            raise OSError(errno.ENXIO, "")
        return (kernel.PLACE.pack(found),)

    def _release(self, made: int, words: memoryview, _: int) -> Parts:
        self._opened.pop(*kernel.HANDLE.unpack_from(words))
        self.places.close(made)
        return ()

    def _releasedir(self, _: int, words: memoryview, __: int) -> Parts:
        self._opened.pop(*kernel.HANDLE.unpack_from(words))
        return ()

    def _opendir(self, made: int, _: memoryview, who: int) -> Parts:
        node = self.places.node(made)
        if node.kind != stat.S_IFDIR:
            raise OSError(errno.ENOTDIR, "")
        if not node.is_lasting:
            return self._keep(made, None, 0)
        # The kernel is told when other names stand there. It asks anew for who wants more than names.
        again = self.places.is_bare(made) and self._wishes.is_wanting(who)
        return self._keep(made, None, kernel.CACHE_DIR | (0 if again else kernel.KEEP_CACHE))

    def _listing(self, handle: int, offset: int) -> Listing:
        """From the start it is what is there now, however long ago it was opened: the kernel may keep it."""
        made, listing = self._opened[handle]
        if listing is None or offset == 0:
            listing = Listing(self.places.node(made))
            self._opened[handle] = made, listing
        assert isinstance(listing, Listing)
        return listing

    def _readdir(self, _: int, words: memoryview, __: int) -> Parts:
        handle, offset, room = kernel.READ.unpack_from(words)
        return (b"".join(names_alone(self._listing(handle, offset).after(offset), room)),)

    def _readdirplus(self, made: int, words: memoryview, who: int) -> Parts:
        handle, offset, room = kernel.READ.unpack_from(words)
        state, listing = self.places.state, self._listing(handle, offset)
        batch = Batch(made, self._kept(listing.node, state), room, is_lasting=listing.node.is_lasting)
        wish = Wish.NAMES if self._is_full() else self._wishes.of(who)
        batch.fill(listing.after(offset), wish)
        if batch.has_files:
            self._wishes.answered(who, wish)
            self.places.set_bare(made, wish == Wish.NAMES)
        self.places.give(made, batch.given)
        return (b"".join(batch.out),)

    def _is_full(self) -> bool:
        """Whether nothing is told any more that was not asked for; some time before, it is made to forget."""
        known = len(self.places)
        if known >= MOST:
            self.full.set()
        return known >= MOST + MOST // 4

    def _getxattr(self, made: int, words: memoryview, _: int) -> Parts:
        name = bytes(words[kernel.XATTR.size : -1])
        found = self.places.node(made).xattrs().get(name)
        if found is None:
            raise OSError(errno.ENODATA, "")
        return _sized(found, words)

    def _listxattr(self, made: int, words: memoryview, _: int) -> Parts:
        names = self.places.node(made).xattrs()
        return _sized(b"".join(name + b"\0" for name in names), words)

    def _statfs(self, _: int, __: memoryview, ___: int) -> Parts:
        """As much as the newest states hold, and nothing free."""
        newest = [source.line.newest.body.counts for source in self._past.top.sources.values()]
        size = sum(counts.get("bytes", 0) for counts in newest)
        files = sum(counts.get("files", 0) + counts.get("folders", 0) for counts in newest)
        return (kernel.SPACE.pack(-(-size // BLOCK), 0, 0, files, 0, BLOCK, 255, BLOCK),)


def _sized(value: bytes, words: memoryview) -> Parts:
    """The value, or how long it is where just that was asked."""
    (room,) = kernel.XATTR.unpack_from(words)
    if not room:
        return (kernel.XATTR.pack(len(value)),)
    if room < len(value):
        raise OSError(errno.ERANGE, "")
    return (value,)
