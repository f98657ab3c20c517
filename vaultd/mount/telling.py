"""What the kernel keeps, taken back from it: what changed, and what is too much."""

import contextlib
import stat
import threading
from collections.abc import Iterator
from functools import reduce

from vaultd.browse.layout import LATEST
from vaultd.browse.past import Top
from vaultd.errors import VaultdError
from vaultd.mount import kernel
from vaultd.mount.answers import MOST, Answers
from vaultd.mount.device import Device
from vaultd.mount.places import TOP, number_of, number_of_folder

# Between two times that the kernel is asked to forget.
_PAUSE = 0.1


class Telling:
    """`changed` and `again` are for a thread that nobody who asks has to wait for: the kernel lets it wait
    for a folder that is being listed.
    """

    def __init__(self, answers: Answers, device: Device) -> None:
        self._answers, self._places, self._device = answers, answers.places, device
        self._last: Top | None = None
        self._stop = threading.Event()

    def changed(self, top: Top) -> None:
        self._places.changed()
        self._tell(top)
        self._last = top

    def again(self) -> None:
        """An answer may have been on its way when it was told of the change, and came behind it."""
        last, self._last = self._last, None
        if last is not None:
            self._tell(last)

    def _tell(self, top: Top) -> None:
        """Of "latest" alone: what is elsewhere the kernel keeps for a second."""
        for name in top.unsure:
            self._forget_name(_numbers(top, name)[0], LATEST)
        numbers: dict[bytes, int] = {}
        for path in top.fresh:
            source, _, *names = path.split(b"/")
            if not names:
                self._device.tell(kernel.IS_OTHER, kernel.OTHER.pack(_numbers(top, source)[1], 0, 0))
                continue
            folder = path.rpartition(b"/")[0]
            if folder not in numbers:
                numbers = {folder: reduce(number_of_folder, names[:-1], _numbers(top, source)[1])}
            self._tell_of(numbers[folder], names[-1])

    def _tell_of(self, above: int, name: bytes) -> None:
        """Another stands there; or in it, where it is a folder as before."""
        made = number_of_folder(above, name)
        if self._is_folder_still(made):
            self._device.tell(kernel.IS_OTHER, kernel.OTHER.pack(made, 0, 0))
        else:
            self._forget_name(above, name)

    def _is_folder_still(self, made: int) -> bool:
        if not self._places.has(made):
            return False
        try:
            return self._places.node(made).kind == stat.S_IFDIR
        except (OSError, VaultdError):
            return False

    def _forget_name(self, above: int, name: bytes) -> bool:
        return self._device.tell(kernel.IS_OTHER_NAME, kernel.OTHER_NAME.pack(above, len(name)), name, b"\0")

    @contextlib.contextmanager
    def forgetting(self) -> Iterator[None]:
        """Until the end of the `with` the kernel is asked to forget when it knows very much."""
        thread = threading.Thread(target=self._forget, name="forgetting", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._answers.full.set()

    def _forget(self) -> None:
        full = self._answers.full
        while full.wait() and not self._stop.is_set():
            for made, above, name in self._places.oldest(MOST // 4):
                if not self._forget_name(above, name):
                    # It was killed while it waited for the answer that told of it.
                    self._places.forget(made)
            full.clear()
            self._stop.wait(_PAUSE)


def _numbers(top: Top, source: bytes) -> tuple[int, int]:
    """That of a source's folder, and that of "latest" in it."""
    folder = top.sources[source]
    latest = folder.child(LATEST)
    assert latest is not None
    above = number_of(TOP, source, stat.S_IFDIR, folder.ino, is_lasting=False)
    return above, number_of(above, LATEST, stat.S_IFDIR, latest.ino, is_lasting=False)
