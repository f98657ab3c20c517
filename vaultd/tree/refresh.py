"""The content of one folder, made anew: what looks the same is taken over, the rest is read, and what
cannot be read keeps its last good version.
"""

from collections.abc import Callable, Iterator
from functools import partial

from msgspec.structs import replace

from vaultd.capture.listing import Seen, seen_as
from vaultd.capture.opening import close, open_file, stat_of_file
from vaultd.capture.reading import read_whole
from vaultd.capture.unreadable import Unreadable
from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, Entry, hard_link, how_read
from vaultd.format.limits import MIN_CHUNK
from vaultd.store.contract import Sink
from vaultd.tree import look
from vaultd.tree.batch import Item, Large, Small
from vaultd.tree.content import extents, identity
from vaultd.tree.earlier import Earlier, folder_content
from vaultd.tree.frame import Frame
from vaultd.tree.making import Extra, Problem, kind_of
from vaultd.tree.run import Run
from vaultd.tree.storing import Stored
from vaultd.tree.troubles import CHANGING

# So many names are looked back at together: asking the store for the chunks of each file alone took ten times
# as long as reading the few that changed.
_TOGETHER = 256


class Refresh:
    """One folder. After `entries` has ended, `rows` are the names that the next scan may rely on, and `sure`
    says whether they are all; `young` that some are left out for having changed a moment ago.

    `known` is the remembered content, and `looked` the look that goes with it; `before` gives the folder's
    entry in the last snapshot, and is called when it is needed.
    """

    def __init__(
        self,
        run: Run,
        frame: Frame,
        fd: int,
        path: bytes,
        looked: look.Look | None,
        known: bytes | None,
        before: Callable[[], Entry | None],
    ) -> None:
        self._run = run
        self._frame = frame
        self._fd = fd
        self._path = path
        self._looked = look.Remembered(looked)
        self._remembered = known if looked and looked.files else None
        self._ask_before = before
        self._mine = self._earlier(self._remembered)
        self._old: Earlier | None = None
        self._same: dict[bytes, Entry] = {}
        self.rows: list[Seen] = []
        self.sure = True
        self.young = False

    def entries(self) -> Iterator[Entry]:
        """Every entry of the folder, by name."""
        count = self._run.counts.add
        for entry in self._run.storing.in_order(self._items(), self._small_stored):
            count(entry)
            yield entry
        self.rows.sort()  # those of large files came late

    def _items(self) -> Iterator[Item]:
        names = self._frame.names()
        for begin in range(0, len(names), _TOGETHER):
            some = names[begin : begin + _TOGETHER]
            self._same = self._as_before(some)
            for seen in some:
                item = self._entry(seen)
                if item is not None:
                    yield item

    def _as_before(self, some: list[Seen]) -> dict[bytes, Entry]:
        """The entries of those that nothing says to have changed, and of which the copies hold all."""
        if self._remembered is None:
            return {}
        found = self._mine.look_ahead(seen.name for seen in some)
        kinds = {seen.name: kind_of(seen.mode) for seen in self._looked.unchanged(some)}
        return held(
            self._run.sink, {name: entry for name, entry in found.items() if entry.kind == kinds.get(name)}
        )

    def _entry(self, seen: Seen) -> Item | None:
        if seen.is_folder:
            return self._frame.folders.get(seen.name)
        self._run.check()
        if not seen.mode:
            return self._carried(seen, self._frame.listing.failed[seen.name])
        item = self._unchanged(seen) or self._read(seen)
        if item is not None:
            size = item.seen.size if isinstance(item, Small) else item.size
            self._run.progress.add(files=1, bytes=size)
        return item

    def _unchanged(self, seen: Seen) -> Entry | None:
        """The entry as it was, where nothing says that it changed and the copies hold all of it."""
        entry = self._same.get(seen.name)
        if entry is None:
            return None
        if seen.nlink > 1:
            return self._linked(seen, entry)
        self.rows.append(seen)
        return entry

    def _linked(self, seen: Seen, entry: Entry) -> Entry | None:
        """None where the file changed since its first name was met: then it is read."""
        device = self._frame.device_of(seen.name)
        met = self._run.links.find(device, seen.ino)
        if met is None:
            self.rows.append(seen)
            return self._run.links.add(device, entry, seen, hard_link(entry))
        if not _alike(seen, met[1]):
            return None
        self.rows.append(seen)
        return replace(entry, extra={**entry.extra, "hard": hard_link(met[0])})

    def _same_file(self, seen: Seen, entry: Entry, first: Seen) -> Entry:
        """Another name of a file that was read in this scan under its first name."""
        self._keep(seen, sure=_alike(seen, first) and not how_read(entry))
        return replace(entry, name=seen.name)

    def _keep(self, seen: Seen, *, sure: bool) -> None:
        if sure and look.settled(seen, self._run.started_ns):
            self.rows.append(seen)
        else:
            self.sure = False
            self.young |= sure

    def _read(self, seen: Seen) -> Item | None:
        try:
            if seen.is_file:
                return self._file(seen)
            if kind_of(seen.mode):
                return self._other(seen)
        except Unreadable as trouble:
            return self._carried(seen, trouble)
        return self._carried(seen, Unreadable("EINVAL", "stat"))

    def _other(self, seen: Seen) -> Entry:
        entry = self._run.making.other(self._fd, seen)
        self._run.report_problems(self._path_of(seen.name))
        sure = not self._run.making.problems
        if seen.nlink > 1:
            device = self._frame.device_of(seen.name)
            return self._new_link(seen, device, entry, self._before(seen.name), sure=sure)
        self._keep(seen, sure=sure)
        return entry

    def _file(self, seen: Seen) -> Item:
        if seen.nlink > 1:
            self._run.linked = True
            met = self._run.links.find(self._frame.device_of(seen.name), seen.ino)
            if met is not None and _alike(seen, met[1]):
                return self._same_file(seen, *met)
        fd = open_file(self._fd, seen.name)
        try:
            return self._small(seen, fd) or self._any_size(seen, fd)
        finally:
            close(fd)

    def _small(self, seen: Seen, fd: int) -> Small | None:
        """What most files are: one chunk, and as the listing saw them. None for any other, with nothing
        stored.
        """
        if seen.nlink > 1 or not 0 < seen.size <= MIN_CHUNK:
            return None
        making = self._run.making
        plain = read_whole(fd, seen.size)
        # The stat of the listing is the one before, this is the one after: nothing changed in between.
        extra = None if plain is None else making.around(seen, fd)
        if plain is None or extra is None:
            return None
        self._run.storing.bytes_read += seen.size
        if making.problems:
            self._run.report_problems(self._path_of(seen.name))
        self._keep(seen, sure=not making.problems)
        return Small(seen, extra, plain, self._before(seen.name))

    def _small_stored(self, small: Small, blob_id: bytes) -> Entry:
        entry = self._run.making.small(small.seen, small.extra, blob_id)
        self._run.counts.changed += small.old is None or identity(small.old) != identity(entry)
        return entry

    def _any_size(self, seen: Seen, fd: int) -> Item:
        stored = self._run.storing.file(fd, stat_of_file(fd))
        now = seen_as(seen.name, stored.st)
        made = self._run.making.of_file(now, fd, stored)
        old = self._before(seen.name)
        large = Large(stored.size, partial(self._large_stored, now, stored, old, *made))
        # Its other names are met soon, and need its entry.
        return large if now.nlink == 1 else large.finish()

    def _large_stored(
        self, seen: Seen, stored: Stored, old: Entry | None, extra: Extra, problems: list[Problem]
    ) -> Entry:
        entry = self._run.making.file(seen, stored, extra, problems)
        return self._was_read(seen, stored.st.st_dev, entry, old, still=stored.still)

    def _was_read(self, seen: Seen, device: int, entry: Entry, old: Entry | None, *, still: bool) -> Entry:
        """Everything that follows from a file having been read, apart from its entry."""
        run = self._run
        if run.making.problems:
            run.report_problems(self._path_of(seen.name))
        if not still:
            run.troubles.add(self._path_of(seen.name), CHANGING, "read")
        run.counts.changed += old is None or identity(old) != identity(entry)
        sure = still and not run.making.problems
        if seen.nlink > 1:
            return self._new_link(seen, device, entry, old, sure=sure)
        self._keep(seen, sure=sure)
        return entry

    def _new_link(self, seen: Seen, device: int, entry: Entry, old: Entry | None, *, sure: bool) -> Entry:
        # The name may have got another inode since it was listed, and that one was read already.
        met = self._run.links.find(device, seen.ino)
        if met is not None and _alike(seen, met[1]):
            return self._same_file(seen, *met)
        if met is not None:
            # Written to since, or another file by now that was given the inode: one name cannot speak for it.
            self._keep(seen, sure=False)
            return entry
        self._keep(seen, sure=sure)
        return self._run.links.add(device, entry, seen, hard_link(old) if old else None)

    def _carried(self, seen: Seen, trouble: Unreadable) -> Entry | None:
        self.sure = False
        return self._run.carried(self._path_of(seen.name), self._before(seen.name), trouble)

    def _before(self, name: bytes) -> Entry | None:
        """What the last snapshot has of this name; asked in the order of names, which is what is cheap."""
        if self._old is None:
            content = folder_content(self._ask_before())
            # Mostly the snapshot and the memory have the same: then nothing is read twice.
            self._old = self._mine if content == self._remembered else self._earlier(content)
        return self._old.get(name)

    def _earlier(self, content: bytes | None) -> Earlier:
        return Earlier(self._run.sink, content, self._run.old_damaged(self._path))

    def _path_of(self, name: bytes) -> bytes:
        return self._path + b"/" + name if self._path else name


def _alike(seen: Seen, other: Seen) -> bool:
    """True where two names of one inode were found in the same state."""
    return other._replace(name=seen.name) == seen


def held(sink: Sink, entries: dict[bytes, Entry]) -> dict[bytes, Entry]:
    """Those of the entries of which the copies hold every chunk: a file that did not change is read again if
    they lost some.
    """
    chunks = {name: {chunk for chunk, _ in _inline(entry)} for name, entry in entries.items()}
    wanted = list(set[bytes]().union(*chunks.values()))
    found = sink.held_of(wanted) if wanted else set[bytes]()
    return {
        name: entry for name, entry in entries.items() if chunks[name] <= found and _listed_held(sink, entry)
    }


def _inline(entry: Entry) -> tuple[tuple[bytes, int], ...]:
    """The chunks of a file that stand in its entry."""
    return entry.content if entry.kind == FILE and isinstance(entry.content, tuple) else ()


def _listed_held(sink: Sink, entry: Entry) -> bool:
    if entry.kind != FILE or not isinstance(entry.content, bytes):
        return True
    try:
        return all(sink.holds(blob_id) for blob_id, _, _ in extents(sink, entry.content))
    except (Missing, Damaged):
        return False
