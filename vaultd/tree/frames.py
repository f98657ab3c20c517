"""The folders that a scan is inside of, the root first, and what the last snapshot has of them."""

from collections.abc import Callable

from vaultd.format.entry import Entry
from vaultd.store.contract import Blobs
from vaultd.tree.earlier import Failed
from vaultd.tree.frame import Frame


class Frames:
    """A stack. `path` is the path of the last folder from the source's root, kept as one buffer: the paths
    of 10,000 folders inside one another would be 500 MB.

    The last snapshot is looked at only when it is asked for, and then from the nearest folder above that is
    known. `failed` takes the path of a folder whose pages there cannot be read.
    """

    def __init__(self, blobs: Blobs, failed: Callable[[bytes], Failed]) -> None:
        self._blobs = blobs
        self._failed = failed
        self._frames: list[Frame] = []
        self.path = bytearray()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def root(self) -> Frame:
        return self._frames[0]

    @property
    def top(self) -> Frame:
        return self._frames[-1]

    def path_of(self, name: bytes) -> bytes:
        """The path of a name in the last folder."""
        return bytes(self.path) + b"/" + name if self.path else name

    def push(self, frame: Frame) -> None:
        """Go down into a folder of the last one; the root first of all."""
        if self.path:
            self.path += b"/"
        self.path += frame.name
        self._frames.append(frame)

    def pop(self) -> Frame:
        """Go back up; the folder that was left."""
        left = self._frames.pop()
        del self.path[max(len(self.path) - len(left.name) - 1, 0) :]
        return left

    def before(self, name: bytes) -> Entry | None:
        """The entry of a subfolder of the last folder, in the last snapshot. Names must be asked for in
        their order.
        """
        self.top_before()
        return self.top.earlier(self._blobs, self._failed(bytes(self.path)), name)

    def top_before(self) -> Entry | None:
        """The entry of the last folder itself, in the last snapshot."""
        known = len(self._frames) - 1
        while not self._frames[known].known:
            known -= 1
        for above, below in zip(self._frames[known:-1], self._frames[known + 1 :], strict=True):
            below.before = above.earlier(self._blobs, self._failed(bytes(self.path)), below.name)
            below.known = True
        return self.top.before
