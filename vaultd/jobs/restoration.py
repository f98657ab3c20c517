"""What a restore is asked for, what it would do, and what it did."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vaultd.jobs.existing import Overwrite
from vaultd.tree.troubles import MOST_KEPT, Troubles
from vaultd.tree.view import View


@dataclass(frozen=True, slots=True)
class Options:
    """What to restore and how.

    `include` and `exclude` are patterns as in .gitignore, on paths in the source. `special` allows
    set-uid and set-gid bits, devices, sockets and attributes that give rights; `numeric` takes owners by
    number only. `own` are (device, inode) of folders of vaultd itself, which nothing is put into.
    `verify` reads every file back from the target. `deleted` restores the last version of what is gone
    instead of what is there.
    """

    overwrite: Overwrite = Overwrite.NEVER
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    special: bool = False
    numeric: bool = False
    verify: bool = False
    own: frozenset[tuple[int, int]] = frozenset()
    deleted: bool = False


@dataclass(slots=True)
class Tally:
    """Counts of entries; `bytes` is content without holes. `already` looked exactly like what would be
    written.
    """

    files: int = 0
    folders: int = 0
    others: int = 0
    bytes: int = 0
    already: int = 0
    left_alone: int = 0
    special: int = 0


@dataclass(slots=True)
class Plan:
    """What a restore would do now. `needed` and `free` are bytes on the target's file system."""

    view: View
    path: bytes
    target: bytes
    options: Options
    tally: Tally = field(default_factory=Tally)
    troubles: Troubles = field(default_factory=Troubles)
    needed: int = 0
    free: int = 0

    @property
    def whole(self) -> bool:
        """Whether the target itself stands for the root: the contents of the whole source go into it."""
        return not self.path.strip(b"/") and not self.options.deleted


@dataclass(slots=True)
class Renamed:
    """A path whose name was taken by another restored one, as on disks that do not tell case apart."""

    path: bytes
    name: bytes


@dataclass(slots=True)
class Restored:
    """What a restore did. Lists keep the first 1,000; `tally` and the counts of `troubles` tell the
    whole.

    `troubles` is what could not be had or written, a damaged file under another name included; its notes
    are what was left out on purpose or could not be set, once for each kind. `left_alone` is what stood
    there and differs.
    """

    tally: Tally = field(default_factory=Tally)
    troubles: Troubles = field(default_factory=Troubles)
    left_alone: list[bytes] = field(default_factory=list)
    renamed: list[Renamed] = field(default_factory=list)
    verified: int = 0
    swept: int = 0
    damage: bool = False

    @property
    def complete(self) -> bool:
        return not self.troubles.count and not self.tally.left_alone

    def leave(self, path: bytes) -> None:
        self.tally.left_alone += 1
        if len(self.left_alone) < MOST_KEPT:
            self.left_alone.append(path)

    def rename(self, path: bytes, name: bytes) -> None:
        if len(self.renamed) < MOST_KEPT:
            self.renamed.append(Renamed(path, name))

    def note(self, word: str, path: bytes) -> None:
        if all(noted.error != word for noted in self.troubles.notes):
            self.troubles.note(path, word)
