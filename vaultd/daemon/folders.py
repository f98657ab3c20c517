"""The folders that are watched, as a tree: what a number of a watch is called now.

A folder that is renamed keeps its watch, and so does all below it: one name changes, and nothing else. Knows
neither the kernel nor the disk.
"""

from collections.abc import Iterator


class Folder:
    """`wd` is the number of its watch; None where it is not watched (yet). `below` has its subfolders."""

    __slots__ = ("above", "below", "name", "wd")

    def __init__(self, name: bytes, above: "Folder | None") -> None:
        self.name = name
        self.above = above
        self.wd: int | None = None
        self.below: dict[bytes, Folder] | None = None  # most have none, and a dict takes 64 bytes

    def get(self, name: bytes) -> "Folder | None":
        """The subfolder of this name, if it is known."""
        return self.below.get(name) if self.below else None


class Folders:
    """A root, and what is below it. A folder that was taken out has no path until it is put back; its watch
    goes on meanwhile.
    """

    def __init__(self) -> None:
        self.root = Folder(b"", None)
        self.by_wd: dict[int, Folder] = {}

    def path(self, folder: Folder) -> bytes | None:
        """From the root, b"" for the root itself; None where it is out of the tree."""
        names = []
        while folder.above is not None:
            names.append(folder.name)
            folder = folder.above
        return b"/".join(reversed(names)) if folder is self.root else None

    def place(self, above: Folder, name: bytes) -> Folder:
        """The subfolder of this name; a new one where there is none."""
        return above.get(name) or self.put(Folder(name, None), above, name)

    def put(self, folder: Folder, above: Folder, name: bytes) -> Folder:
        """Have a folder stand here under this name, and nowhere else. What stood here must be out before."""
        self.take_out(folder)
        folder.above, folder.name = above, name
        if above.below is None:
            above.below = {}
        above.below[name] = folder
        return folder

    def take_out(self, folder: Folder) -> None:
        """Take it out of the tree, with all below. One that is out already is not an error."""
        above, folder.above = folder.above, None
        if above is not None and above.below is not None:
            del above.below[folder.name]
            above.below = above.below or None

    def watched(self, folder: Folder, wd: int) -> None:
        folder.wd = wd
        self.by_wd[wd] = folder

    def unwatched(self, folder: Folder) -> None:
        if folder.wd is not None:
            del self.by_wd[folder.wd]
            folder.wd = None

    def is_within(self, folder: Folder | None, other: Folder) -> bool:
        """Whether a folder is `other`, or somewhere below it."""
        while folder is not None and folder is not other:
            folder = folder.above
        return folder is other

    def with_below(self, folder: Folder) -> Iterator[Folder]:
        """The folder and all below it, which may be unwatched meanwhile but not moved."""
        stack = [folder]
        while stack:
            here = stack.pop()
            yield here
            if here.below:
                stack.extend(here.below.values())
