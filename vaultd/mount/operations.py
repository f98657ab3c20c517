"""What the kernel asks of a mounted past, answered from its nodes."""

import errno
import functools
import logging
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Protocol, TypeVar

from vaultd.browse.file import OpenFile
from vaultd.browse.layout import LATEST
from vaultd.browse.node import BLOCK, Attributes, Node
from vaultd.browse.past import Past, Top
from vaultd.errors import VaultdError
from vaultd.mount.listing import Listing

Method = TypeVar("Method", bound=Callable[..., Any])
log = logging.getLogger("vaultd.mount")
# Nodes that were found last: 1 KB each, so 16 MB.
_KEPT = 16_384
_LATEST = os.fsdecode(LATEST)


class Info(Protocol):
    """`fuse_file_info`."""

    fh: int
    flags: int
    direct_io: int


def _told(method: Method) -> Method:
    """What cannot be read from the vault is an error of this one call."""

    @functools.wraps(method)
    def telling(self: "Operations", path: str, *words: Any) -> Any:
        try:
            return method(self, path, *words)
        except VaultdError as error:
            log.warning("%s: %s", path.encode("utf-8", "backslashreplace").decode(), error)
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from error

    return telling  # type: ignore[return-value]


class Operations:
    """The methods are those of fuse_operations (libfuse), as mfusepy and fusepy call them: paths as text with
    surrogates for what is not UTF-8, OSError for failures. `began` is called once it is mounted.

    No attribute may be called like an operation: the binding would take it for one.
    """

    use_ns = True

    def __init__(self, past: Past, began: Callable[[], None]) -> None:
        self._past, self._began = past, began
        self._nodes: OrderedDict[str, Node] = OrderedDict()
        self._finding = threading.Lock()
        self._opened: dict[int, OpenFile | Listing] = {}
        self._numbers = count(1)
        self._was_begun = False

    def served(self) -> bool:
        """Whether it was mounted at all."""
        return self._was_begun

    def changed(self, _: Top) -> None:
        """Another state is the latest: what was found is looked up again."""
        with self._finding:
            self._nodes.clear()

    def init(self, _: str) -> None:
        self._was_begun = True
        self._began()

    @_told
    def getattr(self, path: str, _: Info | None = None) -> dict[str, int]:
        return _stat(self._node(path).attributes())

    @_told
    def readlink(self, path: str) -> str:
        return os.fsdecode(self._node(path).link())

    @_told
    def opendir(self, path: str) -> int:
        node = self._node(path)
        if node.kind != stat.S_IFDIR:
            raise OSError(errno.ENOTDIR, path)
        return self._keep(Listing(node))

    @_told
    def readdir_with_offset(self, _: str, offset: int, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        listing = self._opened[fh]
        assert isinstance(listing, Listing)
        return (
            (os.fsdecode(name), {"st_mode": node.kind, "st_ino": node.ino}, number)
            for name, node, number in listing.after(offset)
        )

    @_told
    def releasedir(self, _: str, fh: int) -> int:
        self._opened.pop(fh, None)
        return 0

    @_told
    def open(self, path: str, info: Info) -> int:
        if info.flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, path)
        info.fh = self._keep(self._node(path).open())
        # What the kernel keeps of a path it would give to all who have it open, whatever they opened.
        info.direct_io = int(path.split("/")[2:3] == [_LATEST])
        return 0

    @_told
    def read(self, _: str, size: int, offset: int, info: Info) -> bytes:
        file = self._opened[info.fh]
        assert isinstance(file, OpenFile)
        return bytes(file.read(offset, size))

    @_told
    def release(self, _: str, info: Info) -> int:
        self._opened.pop(info.fh, None)
        return 0

    @_told
    def listxattr(self, path: str) -> list[str]:
        return [os.fsdecode(name) for name in self._node(path).xattrs()]

    @_told
    def getxattr(self, path: str, name: str, _: int = 0) -> bytes:
        found = self._node(path).xattrs().get(os.fsencode(name))
        if found is None:
            raise OSError(errno.ENODATA, name)
        return found

    def statfs(self, _: str) -> dict[str, int]:
        """As much as the newest states hold, and nothing free."""
        newest = [source.line.newest.body.counts for source in self._past.top.sources.values()]
        size = sum(counts.get("bytes", 0) for counts in newest)
        files = sum(counts.get("files", 0) + counts.get("folders", 0) for counts in newest)
        return {
            "f_bsize": BLOCK,
            "f_frsize": BLOCK,
            "f_blocks": -(-size // BLOCK),
            "f_files": files,
            "f_namemax": 255,
            "f_flag": os.ST_RDONLY,
        }

    def _keep(self, opened: OpenFile | Listing) -> int:
        number = next(self._numbers)
        self._opened[number] = opened
        return number

    def _node(self, path: str) -> Node:
        """Raises FileNotFoundError."""
        if path == "/":
            return self._past.top.node
        with self._finding:
            node = self._nodes.get(path)
            if node is not None:
                self._nodes.move_to_end(path)
                return node
            top = self._past.top
        above, _, name = path.rpartition("/")
        found = self._node_above(above).child(os.fsencode(name))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, path)
        with self._finding:
            if top is self._past.top:
                self._nodes[path] = found
                while len(self._nodes) > _KEPT:
                    self._nodes.popitem(last=False)
        return found

    def _node_above(self, path: str) -> Node:
        """The folder at a path, found step by step from the last one that is known: a path may be ten
        thousand names long.
        """
        if not path:
            return self._past.top.node
        known, rest = path, list[str]()
        while known and known not in self._nodes:
            known, _, name = known.rpartition("/")
            rest.append(name)
        while rest:
            known = f"{known}/{rest.pop()}"
            self._node(known)
        return self._node(path)


def _stat(found: Attributes) -> dict[str, int]:
    return {
        "st_mode": found.mode,
        "st_ino": found.ino,
        "st_nlink": found.names,
        "st_uid": found.uid,
        "st_gid": found.gid,
        "st_rdev": os.makedev(*found.rdev) if found.rdev != (0, 0) else 0,
        "st_size": found.size,
        "st_blksize": BLOCK,
        "st_blocks": found.blocks,
        "st_atime": found.mtime,
        "st_mtime": found.mtime,
        "st_ctime": found.mtime,
    }
