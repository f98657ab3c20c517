"""What one scan shares between its folders: the sink, the counters, the troubles, and when to stop."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from vaultd.capture.unreadable import Unreadable
from vaultd.errors import Damaged
from vaultd.format.entry import FILE, FOLDER, Entry
from vaultd.format.keys import Keys
from vaultd.format.limits import LIST, PAGE
from vaultd.format.lists import write_folder
from vaultd.progress import Progress
from vaultd.store.contract import Sink
from vaultd.tree.folder import Wrong
from vaultd.tree.hardlinks import HardLinks
from vaultd.tree.making import Making
from vaultd.tree.storing import Storing
from vaultd.tree.troubles import BARE, ENTRY_TOO_LARGE, KEPT, NEVER_SAVED, OLD_UNREADABLE, Troubles


@dataclass(slots=True)
class Counts:
    """Of what is in the root: `files`, `folders` (the root not counted), `others`, `bytes` of the files. Of
    the work: files whose content `changed`, bytes `read`. What lies below a folder that was carried over
    is not counted.
    """

    files: int = 0
    folders: int = 0
    others: int = 0
    bytes: int = 0
    changed: int = 0
    read: int = 0

    def add(self, entry: Entry, times: int = 1) -> None:
        """This entry is in the root, so many times more."""
        if entry.kind == FILE:
            self.files += times
            self.bytes += times * entry.size
        elif entry.kind == FOLDER:
            self.folders += times
        else:
            self.others += times


@dataclass(slots=True)
class Run:
    """One scan. `stop` is asked before each file and each chunk; where it says yes, KeyboardInterrupt is
    raised. `linked`: a file of several names was read, so that its names elsewhere may say what is old.
    """

    sink: Sink
    keys: Keys
    progress: Progress
    started_ns: int
    stop: Callable[[], bool]
    counts: Counts = field(default_factory=Counts)
    troubles: Troubles = field(default_factory=Troubles)
    links: HardLinks = field(default_factory=HardLinks)
    linked: bool = False
    storing: Storing = field(init=False)
    making: Making = field(init=False)

    def __post_init__(self) -> None:
        self.storing = Storing(self.sink, self.keys, self.check)
        self.making = Making(self.storing)

    def close(self) -> None:
        """Let go of threads and temporary files. Closing twice is not an error."""
        self.storing.close()
        self.links.close()

    def check(self) -> None:
        """Raises KeyboardInterrupt where somebody asked to stop."""
        if self.stop():
            raise KeyboardInterrupt

    def write_folder(self, entries: Iterable[Entry]) -> bytes:
        """Store a folder; its content id."""
        write = self.sink.write
        return write_folder(entries, self.keys, lambda page: write(PAGE, page), self.write_list)

    def write_list(self, plain: bytes) -> bytes:
        """Store a list of pages; its id."""
        return self.sink.write(LIST, plain)

    def report_problems(self, path: bytes) -> None:
        """What was wrong with the entry that was made last."""
        for error, detail in self.making.problems:
            self.troubles.add(path, error, detail, "" if error == ENTRY_TOO_LARGE else BARE)

    def old_damaged(self, path: bytes) -> Callable[[Wrong], None]:
        """For the pages of this folder in the last snapshot: what cannot be had of them is a trouble of the
        folder.
        """

        def failed(wrong: Wrong) -> None:
            reason = wrong.reason if isinstance(wrong, Damaged) else "missing"
            self.troubles.add(path, OLD_UNREADABLE, f"{wrong.name} {reason}")

        return failed

    def carried(self, path: bytes, old: Entry | None, trouble: Unreadable) -> Entry | None:
        """The last good version of what cannot be read now, if there is one.

        What is not there any more (removed since its folder was listed) is nobody's trouble: the next scan
        decides.
        """
        if trouble.gone:
            return old
        self.troubles.add(path, trouble.code, trouble.doing, NEVER_SAVED if old is None else KEPT)
        if old is None:
            return None
        since = old.extra["stale"][1] if "stale" in old.extra else self.started_ns
        return msgspec.structs.replace(old, extra={**old.extra, "stale": (trouble.code, since)})
