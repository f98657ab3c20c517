"""The past of an open vault, to be looked at for as long as one likes: snapshots that are made meanwhile
appear by themselves.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vaultd.browse.chunks import Chunks
from vaultd.browse.layout import LATEST, SourceFolder, layout
from vaultd.browse.names import Names
from vaultd.browse.node import Table
from vaultd.browse.pages import Pages
from vaultd.browse.saved import Shared
from vaultd.errors import VaultdError
from vaultd.store.contract import Blobs
from vaultd.store.vault import Vault
from vaultd.tree.compare import Change, compare
from vaultd.tree.snapshots import list_snapshots

log = logging.getLogger("vaultd.browse")
# How soon a snapshot that was made elsewhere is seen: a listing of the log each time.
EACH = 3.0
# More that changed at once is not told one by one.
_MOST_CHANGES = 10_000


@dataclass(frozen=True, slots=True)
class Top:
    """All sources at one moment. `fresh` are paths of "latest", from the name of the source on, under which
    another thing stands than before; where that could not be said of a source, its name is in `unsure`.
    """

    sources: dict[bytes, SourceFolder]
    fresh: tuple[bytes, ...] = ()
    unsure: tuple[bytes, ...] = ()

    @property
    def node(self) -> Table:
        return Table(b"top", self.sources)


def _nothing() -> None:
    pass


class Past:
    """Reads from `blobs`; learns of new snapshots from `vault` in a thread, which calls `mend` as well."""

    def __init__(self, vault: Vault, blobs: Blobs, mend: Callable[[], None] = _nothing) -> None:
        self._vault, self._mend = vault, mend
        self.chunks = Chunks(blobs)
        self._shared = Shared(blobs, self.chunks, Pages(blobs), Names())
        self.top = Top(layout(self._shared, list_snapshots(vault.journal)))
        self._known = len(vault.journal.records)
        self._stop = threading.Event()

    @contextlib.contextmanager
    def kept_up(
        self, changed: Callable[[Top], None], each: float = EACH, again: Callable[[], None] = _nothing
    ) -> Iterator[None]:
        """Look for new snapshots until the end of the `with`; `again` is called before each look."""
        words = (changed, each, again)
        thread = threading.Thread(target=self._look, args=words, name="snapshots", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self.chunks.close()

    def _look(self, changed: Callable[[Top], None], each: float, again: Callable[[], None]) -> None:
        while not self._stop.wait(each):
            # A copy that cannot be asked now is asked again; what is known stays.
            try:
                again()
                if self._learn():
                    changed(self.top)
                self._mend()
            except (VaultdError, OSError) as error:
                log.debug("no look for snapshots: %s", error)
            except Exception:
                # Without this thread the latest would stay what it is for ever, and nobody would know.
                log.exception("looking for snapshots")

    def _learn(self) -> bool:
        journal = self._vault.journal
        journal.sync()
        if len(journal.records) == self._known:
            return False
        self._vault.sync()
        known = len(journal.records)
        before, sources = self.top.sources, layout(self._shared, list_snapshots(journal))
        unsure: list[bytes] = []
        fresh = tuple(_fresh(before, sources, unsure.append))
        self.top, self._known = Top(sources, fresh, tuple(unsure)), known
        return True


def _fresh(
    before: dict[bytes, SourceFolder], after: dict[bytes, SourceFolder], unsure: Callable[[bytes], None]
) -> Iterator[bytes]:
    for name, source in after.items():
        old = before.get(name)
        if old is None or old.line.newest.id == source.line.newest.id:
            continue
        yield name + b"/" + LATEST
        for count, path in enumerate(_changed(old, source)):
            if path is None or count >= _MOST_CHANGES:
                unsure(name)
                break
            yield b"/".join((name, LATEST, path))


def _changed(old: SourceFolder, new: SourceFolder) -> Iterator[bytes | None]:
    """None where something cannot be compared."""
    last = b""
    a, b = (each.line.view(each.line.newest) for each in (old, new))
    try:
        for change in compare(a, b):
            if not isinstance(change, Change):
                yield None
            elif change.path:
                yield change.path
                if (above := change.path.rpartition(b"/")[0]) not in (b"", last):
                    yield (last := above)
    except VaultdError:
        yield None
