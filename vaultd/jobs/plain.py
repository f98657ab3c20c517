"""The straight line for what nearly every file is: new, small, with bytes, owner, mode and time, and no more.

A hundred thousand such files take as long as the steps between the system calls, so here there are few. The
calls are those that `Draft`, `fill` and `Attributes` make, in their order. Whatever is not as expected is
left to them: nothing is told here.
"""

import contextlib
import os
from collections.abc import Callable, Iterator

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, Entry
from vaultd.format.limits import CHUNK
from vaultd.jobs.attributes import SET_ID_BITS, Attributes
from vaultd.jobs.drafts import NEW_FILE, move_within, temporary_name
from vaultd.jobs.filling import write_all
from vaultd.jobs.planning import MORE
from vaultd.jobs.restoration import Plan, Tally
from vaultd.jobs.target import Level
from vaultd.jobs.wanted import LARGE, Several
from vaultd.progress import Progress


class PlainFiles:
    """Restores plain files into the folder that is open. `stop` is asked before each."""

    def __init__(
        self, plan: Plan, attributes: Attributes, tally: Tally, progress: Progress, stop: Callable[[], bool]
    ) -> None:
        self._read = plan.view.blobs.read
        self._attributes = attributes
        self._tally = tally
        self._progress = progress
        self._stop = stop
        # Files to read back are kept open; where an attribute was refused once, that is told each time.
        self._on = not plan.options.verify
        self._level: Level | None = None
        self._given = (-1, -1)  # the owner of what is made in that folder, where that is known

    def restore(self, here: Level, several: Several) -> Iterator[Entry]:
        """Restore what is plain; yield what is not, or could not be, to be restored in the ordinary way
        before this goes on. Raises KeyboardInterrupt, Unreachable.
        """
        if here is not self._level:
            self._level, self._given = here, (-1, -1)
        before = here.before
        files = written = 0
        try:
            for entry in several.entries:
                if not self._on or entry.name in before or not is_plain(entry):
                    yield entry
                    continue
                if self._stop():
                    raise KeyboardInterrupt
                if self._one(here, entry):
                    files += 1
                    written += entry.size
                else:
                    yield entry
        finally:
            self._tally.files += files
            self._tally.bytes += written
            self._progress.add(files=files, bytes=written)

    def _one(self, here: Level, entry: Entry) -> bool:
        ((chunk, length),) = entry.content  # type: ignore[misc]  # is_plain has seen to it
        try:
            plain = self._read(chunk, CHUNK)
        except (Missing, Damaged):
            return False
        if len(plain) != length:
            return False
        folder, temporary, kept = here.fd, temporary_name(), False
        try:
            fd = os.open(temporary, NEW_FILE, 0o600, dir_fd=folder)
        except OSError:
            return False
        try:
            if os.pwrite(fd, plain, 0) != length:
                write_all(fd, memoryview(plain), 0)
            self._dress(here, fd, entry)
            kept = move_within(folder, temporary, entry.name, replace=False)
        except (OSError, OverflowError):
            self._on = False
        finally:
            os.close(fd)
            if not kept:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
        return kept

    def _dress(self, here: Level, fd: int, entry: Entry) -> None:
        """Owner, mode, time, as `Attributes.apply` gives them."""
        owner = self._attributes.owner(entry)
        if owner is not None and owner != self._given:
            if here.made and self._given == (-1, -1):
                # All files of a folder of our own are made alike: what the first is, the others are.
                status = os.fstat(fd)
                self._given = status.st_uid, status.st_gid
            os.chown(fd, *owner)
        os.chmod(fd, entry.mode)
        os.utime(fd, ns=(entry.mtime, entry.mtime))


def is_plain(entry: Entry) -> bool:
    """A small file of one chunk, without holes, other names, attributes and rights."""
    content = entry.content
    return (
        entry.kind == FILE
        and entry.size < LARGE
        and isinstance(content, tuple)
        and len(content) == 1
        and not entry.mode & SET_ID_BITS
        and MORE.isdisjoint(entry.extra)
    )
