"""Read unchanged files of a source anew and compare them with what was saved: a disk that rots changes what a
file holds, and neither its size nor its times. What was saved before stays as it is.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vaultd.capture.opening import close, open_file, open_folder, open_root, stat_of_file
from vaultd.capture.reading import stat_again, stood_still
from vaultd.capture.unreadable import Unreadable
from vaultd.errors import Damaged, Missing, SourceGone
from vaultd.format.entry import FILE, Entry, how_read
from vaultd.jobs.filling import reads_back
from vaultd.jobs.session import Session
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.sources import Source
from vaultd.tree.view import Broken, Found, View, split


@dataclass(slots=True)
class Reread:
    """What came of a piece of a source: so many `files` hold what was saved, `rotten` are the paths of those
    that do not, and `read` the bytes of both. `at` is where to go on after, None at the end; `in_time`
    is False where the time was up before the bytes.
    """

    files: int = 0
    read: int = 0
    rotten: list[bytes] = field(default_factory=list)
    at: bytes | None = None
    in_time: bool = True


def reread(
    session: Session,
    source: Source,
    snapshot: Snapshot,
    stop: Callable[[], None],
    *,
    after: bytes | None = None,
    most: int,
    seconds: float,
) -> Reread:
    """Compare a source with its newest `snapshot`, from behind the path `after` on, for `most` bytes or so
    many seconds. A file that is not as it was saved by its size and times is left to the next snapshot, and
    one that cannot be read, now or from the vault, to others. `stop` is called for each file, and raises to
    interrupt. Raises SourceGone, and Unreachable of the vault.
    """
    done, ends = Reread(), time.monotonic() + seconds
    view = View(session.blobs or session.vault, snapshot.body.root)
    here = _Here(source)
    try:
        for found in _files(view, after):
            stop()
            done.at = found.path
            compared = _compare(here, view, found, snapshot.body.started, session)
            done.files += compared is True
            done.read += found.entry.size if compared is not None else 0
            if compared is False:
                done.rotten.append(found.path)
            done.in_time = time.monotonic() < ends
            if done.read >= most or not done.in_time:
                return done
    finally:
        here.close()
    done.at = None
    return done


def _files(view: View, after: bytes | None) -> Iterator[Found]:
    """Those behind a path, in the order of the walk: a folder before what is in it."""
    last = split(after) if after is not None else []

    def descend(found: Found) -> bool:
        names = split(found.path)
        return names >= last or last[: len(names)] == names

    for item in view.walk(descend=descend):
        if isinstance(item, Broken) or item.entry.kind != FILE or how_read(item.entry):
            continue
        if after is None or split(item.path) > last:
            yield item


def _compare(here: "_Here", view: View, found: Found, saved_ns: int, session: Session) -> bool | None:
    """Whether a file holds what was saved; None where that says nothing."""
    try:
        fd = here.open(found.path)
    except Unreadable:
        return None
    try:
        before = stat_of_file(fd)
        if not _is_as_saved(before, found.entry, saved_ns):
            return None
        same = reads_back(view, found.entry, fd, session.vault.keys)
        if not same:
            # Memory may be wrong where the disk is not.
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            same = reads_back(view, found.entry, fd, session.vault.keys)
        return same if stood_still(before, stat_again(fd)) else None
    except (Unreadable, OSError, Missing, Damaged):
        return None
    finally:
        close(fd)


def _is_as_saved(st: os.stat_result, entry: Entry, saved_ns: int) -> bool:
    """By all that says so without reading. Who sets the times of a file cannot set when it was changed."""
    return (
        stat.S_ISREG(st.st_mode)
        and (st.st_size, st.st_mtime_ns) == (entry.size, entry.mtime)
        and st.st_ctime_ns < saved_ns
    )


class _Here:
    """Files of a source by their paths in it; a folder stays open for the next file. Follows no link."""

    def __init__(self, source: Source) -> None:
        try:
            self._root, _ = open_root(source.body.path)
        except Unreadable as error:
            raise SourceGone(source.body.name, source.body.path) from error
        self._folder, self._names = self._root, list[bytes]()

    def open(self, path: bytes) -> int:
        """Raises Unreadable."""
        *above, name = split(path)
        if above != self._names:
            self._leave()
            self._enter(above)
        return open_file(self._folder, name)

    def _enter(self, names: list[bytes]) -> None:
        try:
            for name in names:
                below, _ = open_folder(self._folder, name)
                self._leave()
                self._folder = below
        except Unreadable:
            self._leave()
            raise
        self._names = names

    def _leave(self) -> None:
        if self._folder != self._root:
            close(self._folder)
        self._folder, self._names = self._root, []

    def close(self) -> None:
        self._leave()
        close(self._root)
