"""What one tree has lost on the way to another: the files whose content is at no other path that is new.

Costs what differs. A folder that is equal is not looked into, and one that was moved as a whole is known by
its content id.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vaultd.format.entry import FILE, FOLDER, Entry
from vaultd.tree.compare import Change, Kind, compare
from vaultd.tree.content import identity
from vaultd.tree.view import Broken, Found, View, folder_id

# What is listed by name: some 300 bytes each. What is beyond is counted.
MOST_LISTED = 50_000

PassedOver = Callable[[bytes], bool]
"""Whether a path, and all below it, is nothing to look at."""


def nothing(_: bytes) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file whose content is another one: as it stood, and as it stands at `path`. `before` is its earlier
    path, where a new name came with the new content.
    """

    path: bytes
    a: Entry
    b: Entry
    before: bytes = b""


@dataclass(slots=True)
class Losses:
    """`gone` are files with content that stood in the first tree, at their paths there, and of which the
    second has nothing new with that content; `gone_files` and `gone_bytes` count them all. `come` are new
    files; `rewritten` those with another content at their old path. `moved` files are at another path now,
    those in folders that were moved as a whole not counted. `unread` places could not be compared.
    """

    gone: list[Found] = field(default_factory=list)
    gone_files: int = 0
    gone_bytes: int = 0
    come: list[Found] = field(default_factory=list)
    rewritten: list[Rewritten] = field(default_factory=list)
    moved: int = 0
    unread: int = 0

    @property
    def anything(self) -> bool:
        """Whether something of what was there is not there any more as it was."""
        return bool(self.gone_files or self.rewritten)


def find_losses(a: View, b: View, passed_over: PassedOver = nothing) -> Losses:
    """On the way from a to b. What cannot be read counts as `unread` and as nothing else.

    Raises Missing and Damaged only where a top folder cannot be read, and Unreachable.
    """
    return _Search(a, b, passed_over).run()


class _Search:
    def __init__(self, a: View, b: View, passed_over: PassedOver) -> None:
        self.a, self.b, self.passed_over = a, b, passed_over
        self.found = Losses()
        self.gone_tops: list[Found] = []
        self.come_tops: list[Found] = []
        # By hash alone: a million of them take 60 MB, and one that is wrong by chance hides one file.
        self.come_contents: set[int] = set()
        self.come_folders: set[bytes] = set()

    def run(self) -> Losses:
        for change in compare(self.a, self.b, enters=_in_both):
            if isinstance(change, Broken):
                self.found.unread += 1
            elif change.kind is not Kind.METADATA and not self.passed_over(change.path):
                self._sort(change)
        if self.gone_tops or self.come_tops:
            self._look_at_come()
            self._look_at_gone()
        return self.found

    def _sort(self, change: Change) -> None:
        a, b = change.a, change.b
        if a is not None and b is not None and a.kind == b.kind == FILE:
            if a.size and len(self.found.rewritten) < MOST_LISTED:
                self.found.rewritten.append(Rewritten(change.path, a, b))
            self.come_contents.add(hash(identity(b)))
            return
        if a is not None:
            self.gone_tops.append(Found(change.path, a))
        if b is not None:
            self.come_tops.append(Found(change.path, b))

    def _look_at_come(self) -> None:
        gone_folders = {folder_id(each.entry) for each in self.gone_tops if each.entry.kind == FOLDER}
        for top in self.come_tops:
            for found in self._files(self.b, top, self.come_folders, gone_folders):
                self.come_contents.add(hash(identity(found.entry)))
                if len(self.found.come) < MOST_LISTED:
                    self.found.come.append(found)

    def _look_at_gone(self) -> None:
        for top in self.gone_tops:
            for found in self._files(self.a, top, set(), self.come_folders):
                if not found.entry.size:
                    continue
                if hash(identity(found.entry)) in self.come_contents:
                    self.found.moved += 1
                    continue
                self.found.gone_files += 1
                self.found.gone_bytes += found.entry.size
                if len(self.found.gone) < MOST_LISTED:
                    self.found.gone.append(found)

    def _files(self, view: View, top: Found, met: set[bytes], leave: set[bytes]) -> Iterator[Found]:
        """The files at and below a path, but for folders whose ids are in `leave`; ids go to `met`."""
        if top.entry.kind != FOLDER:
            if top.entry.kind == FILE:
                yield top
            return

        def descend(found: Found) -> bool:
            path = top.path + b"/" + found.path if found.path else top.path
            if found.entry.kind != FOLDER or self.passed_over(path):
                return False
            content = folder_id(found.entry)
            met.add(content)
            return content not in leave

        if not descend(Found(b"", top.entry)):
            return
        for item in View(view.blobs, top.entry).walk(descend=descend):
            if isinstance(item, Broken):
                self.found.unread += 1
            elif item.entry.kind == FILE:
                path = top.path + b"/" + item.path
                if not self.passed_over(path):
                    yield Found(path, item.entry)


def _in_both(change: Change) -> bool:
    """What is below a folder that came or went is looked at later, if at all."""
    return change.a is not None and change.b is not None
