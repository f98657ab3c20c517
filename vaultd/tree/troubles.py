"""What went wrong with single paths while a source was read, as data for the snapshot's record and for
the screen.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

# A record keeps 1,000 errors at most (docs/format.md, section 9): a disk that fails must not fill the
# memory too.
MOST_KEPT = 1000

CHANGING = "changing"
OTHER_FILE_SYSTEM = "other-file-system"
OWN_PLACE = "own-place"
LOOP = "loop"
TOO_DEEP = "too-deep"
ENTRY_TOO_LARGE = "entry-too-large"
OLD_UNREADABLE = "old-unreadable"

# What became of it, where `error` does not say so: its last good version was carried over; it has none, and
# is not in the snapshot; it is there without its attributes.
KEPT = "kept"
NEVER_SAVED = "never-saved"
BARE = "bare"


class Trouble(NamedTuple):
    """One path, from the source's root, and what was wrong: the name of an error of the system (EACCES)
    or one of the words above; `detail` says more, for those who look closer (open, read, list ...).
    `outcome` says what became of it, and is "" where the error says so itself.
    """

    path: bytes
    error: str
    detail: str = ""
    outcome: str = ""


@dataclass(slots=True)
class Troubles:
    """Collects troubles, which make a snapshot partial, and notes, which do not. `count` counts those
    beyond the first 1,000 too.
    """

    kept: list[Trouble] = field(default_factory=list)
    notes: list[Trouble] = field(default_factory=list)
    count: int = 0

    def add(self, path: bytes, error: str, detail: str = "", outcome: str = "") -> None:
        """Something is not in the snapshot as it stood in the source."""
        self.count += 1
        if len(self.kept) < MOST_KEPT:
            self.kept.append(Trouble(path, error, detail, outcome))

    def note(self, path: bytes, error: str, detail: str = "") -> None:
        """Something was left out on purpose."""
        if len(self.notes) < MOST_KEPT:
            self.notes.append(Trouble(path, error, detail))
