"""Look at every file of a copy: that it is there, and that it is what its name says.

Where data is read, a second process opens the packs, and whoever leads may do something else meanwhile.
It only ever says that a file is right; where it says anything else the file is looked at again here. So what
is found, and in which words, does not depend on it.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Self

from vaultd import ids
from vaultd.copies.contract import Stored
from vaultd.errors import Damaged, Missing, Refused, Unreachable, Unreadable, VaultdError
from vaultd.format.box import verify_box
from vaultd.format.limits import KIND_INDEX, KIND_LOG, PARITY_FRONT
from vaultd.format.parity import begins_well
from vaultd.format.slot import parse_slot
from vaultd.jobs.scrub import Reading
from vaultd.progress import Progress
from vaultd.store.buffers import Buffers
from vaultd.store.newer import newer_box
from vaultd.store.vault import Vault
from vaultd.store.verifier import Verifier

# A second process takes a tenth of a second to begin, as long as a pack or two take.
_MANY_BYTES = 48 << 20
# Of a longer file, which no version of this program makes, nobody sees more memory used.
_ROOM = 48 << 20


class Files:
    """The files of one check; a context manager, which ends the second process.

    What `reading` names is read to its last byte, past the page cache, until it says that it is enough; one
    file at least.

    `damage` is what was found, in the order of the files, and `unknown` words for what only newer programs
    know; `whole` are the names of what was read to its end, right or wrong, and `vanished` of what was listed
    and is not there any more. All are complete after `finish`. Where that is cut off, what is damaged is kept
    in mind: nothing new is stored by reference to it.
    """

    def __init__(self, vault: Vault, files: Sequence[Stored], progress: Progress, reading: Reading) -> None:
        self.vault = vault
        self._files = files
        self._progress = progress
        self._reading = reading
        self._wanted = deque(reading.order)
        self._others = deque(sorted({*range(len(files))} - {*reading.order}))
        self._taking = threading.Lock()
        self._begun = False
        self._found: dict[int, VaultdError] = {}
        self._second: _Second | None = None
        self.unknown: set[str] = set()
        self.whole: set[str] = set()
        self.vanished: set[str] = set()

    def __enter__(self) -> Self:
        """Begin, where there is enough for a second process."""
        much = sum(self._files[place].size for place in self._wanted) >= _MANY_BYTES
        if much and (os.cpu_count() or 1) > 1:
            self._second = _Second.begin(self)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._second is not None:
            self._second.close()
        if kind is not None:
            with contextlib.suppress(VaultdError, OSError):
                names = (getattr(error, "name", "") for error in self.damage)
                self.vault.index.suspect([name for name in names if name.startswith("packs/")], ())

    @property
    def begun(self) -> bool:
        """Whether files are being looked at already."""
        return self._second is not None

    @property
    def damage(self) -> Iterator[VaultdError]:
        return (self._found[number] for number in sorted(self._found))

    def finish(self, stop: Callable[[], None]) -> None:
        """Look at all that is left. Raises Unreachable."""
        while (taken := self.take()) is not None:
            number, whole = taken
            stop()
            self.look_at(number, whole=whole)
        if self._second is not None:
            self._second.wait(stop)

    def take(self) -> tuple[int, bool] | None:
        """The number of a file that nobody has looked at, for whoever asks, and whether to read all of it."""
        with self._taking:
            if self._wanted and not (self._begun and self._reading.over()):
                self._begun = True
                return self._wanted.popleft(), True
            rest = self._wanted or self._others
            return (rest.popleft(), False) if rest else None

    def look_at(self, number: int, *, whole: bool) -> None:
        """Look at one file, and note what is wrong with it. Raises Unreachable."""
        file = self._files[number]
        right = False
        try:
            self._check(file, whole=whole)
            right = True
        except Missing:
            # Others may remove what is not needed any more; whether this one is, the snapshots tell.
            self.vanished.add(file.name)
        except Damaged as error:
            self._found[number] = error
        except Unreachable as error:
            self._answers(error)
            self._found[number] = Unreadable(error.copy, error.reason, file.name)
            whole = False
        except Refused as error:
            if word := newer_box(self.vault.copy, file.name):
                self.unknown.add(word)
                right = True  # by its bytes
            else:
                self._found[number] = Damaged(file.name, self.vault.copy.label, error.reason)
        if isinstance(self._found.get(number), Damaged):
            self._reading.wrong(file.name)
        self.done(number, whole=whole, right=right)

    def _answers(self, error: Unreachable) -> None:
        """Raises the error again, unless the copy answers otherwise: one bad sector must not keep everything
        else from being looked at.
        """
        try:
            self.vault.copy.get("vault.id")
        except VaultdError:
            raise error from None

    def done(self, number: int, *, whole: bool, right: bool) -> None:
        """This file was looked at, and all of it was read, or not."""
        file = self._files[number]
        if whole and file.name not in self.vanished:
            self.whole.add(file.name)
            if right:
                self._reading.read(file.name)
        self._progress.add(files=1, bytes=file.size if whole else 0)

    def _check(self, file: Stored, *, whole: bool) -> None:
        vault, name = self.vault, ids.parse(file.name)
        assert name is not None  # the contract lists no other names
        if whole:
            vault.copy.drop_cached(file.name)
        if name.folder == "keys":
            parse_slot(vault.copy.fetch(file.name))
        elif name.folder == "log":
            verify_box(vault.copy.fetch(file.name), vault.keys, KIND_LOG)
        elif name.folder == "parity":
            if whole or not begins_well(vault.copy.get(file.name, 0, PARITY_FRONT), file.size):
                vault.copy.fetch(file.name)
        elif whole:
            verify_box(vault.copy.fetch(file.name), vault.keys, self.kind(name))
        elif name.folder == "packs":
            vault.index.read_table(name.digest, file.size)

    def kind(self, name: ids.FileName) -> int:
        """The kind of box that a pack or an index is. Raises Refused, Missing, Unreachable."""
        return self.vault.index.head(name.digest).kind if name.folder == "packs" else KIND_INDEX

    def boxed(self, number: int) -> tuple[Stored, ids.FileName] | None:
        """A pack or an index that fits into the memory of the second process."""
        file = self._files[number]
        name = ids.parse(file.name)
        if name is None or name.folder not in ("packs", "index") or file.size > _ROOM:
            return None
        return file, name


class _Second:
    """The thread that asks the second process about one file after another."""

    def __init__(self, files: Files, vault: Vault, buffers: Buffers, verifier: Verifier) -> None:
        self._files = files
        self._vault = vault
        self._verifier = verifier
        self._start, self._room = buffers.take()
        self._ended = threading.Event()
        self._thread = ThreadPoolExecutor(1, "check")
        self._asking = self._thread.submit(self._run)

    @classmethod
    def begin(cls, files: Files) -> Self | None:
        """None where no process can be started."""
        buffers, vault = Buffers(1, _ROOM), files.vault
        if buffers.shared is None:
            return None
        try:
            verifier = Verifier(vault.keys, buffers.shared)
        except OSError:
            return None
        finally:
            buffers.close()
        return cls(files, vault, buffers, verifier)

    def wait(self, stop: Callable[[], None]) -> None:
        """Until all that it took is done. Raises what it met: Unreachable."""
        while wait([self._asking], 0.1).not_done:
            stop()
        self._asking.result()

    def close(self) -> None:
        """On return nothing is looked at any more."""
        self._ended.set()
        self._thread.shutdown()
        self._verifier.close()

    def _run(self) -> None:
        while not self._ended.is_set() and (taken := self._files.take()) is not None:
            number, whole = taken
            if whole and self._is_right(number):
                self._files.done(number, whole=True, right=True)
            else:
                self._files.look_at(number, whole=whole)

    def _is_right(self, number: int) -> bool:
        """Whether the other process found a file whole, and by its bytes the one of this name."""
        boxed = self._files.boxed(number)
        if boxed is None:
            return False
        file, name = boxed
        try:
            room = self._room[: file.size + 1]
            self._vault.copy.drop_cached(file.name)
            if self._vault.copy.get_into(file.name, 0, room) != file.size:
                return False
            digest = self._verifier.verify(self._start, file.size, self._files.kind(name))
        except (Damaged, Missing, Refused, Unreachable):
            return False
        return bool(digest == name.digest)
