"""What a restore tells of what did not go as it should, and what ends it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from vaultd.errors import Damaged, Missing, TargetFull, TargetReadOnly, VaultdError
from vaultd.jobs.planning import UNREADABLE, error_name
from vaultd.jobs.restoration import Restored
from vaultd.progress import Progress

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Telling:
    """Keeps count in `restored`; `target` is the folder that is restored to."""

    def __init__(self, target: bytes, progress: Progress) -> None:
        self.restored = Restored()
        self.progress = progress
        self._target = target

    @contextmanager
    def of(self, path: bytes) -> Iterator[None]:
        """What fails inside is told of this path, and over. Raises TargetFull, TargetReadOnly,
        Unreachable.
        """
        try:
            yield
        except OSError as error:
            self.failed(path, error)
        except (Missing, Damaged) as error:
            self.broken(path, error)

    def broken(self, path: bytes, error: VaultdError) -> None:
        """The vault does not give this."""
        self.restored.damage = True
        self.restored.troubles.add(path, UNREADABLE, str(error))

    def given(self, path: bytes, name: bytes, given: bytes) -> None:
        """This got a name, maybe another one than its own."""
        if given != name:
            self.restored.rename(path, given)

    def failed(self, path: bytes, error: OSError) -> None:
        """The target did not take this. Raises what no other path would get over either: TargetFull,
        TargetReadOnly."""
        if fatal := self.fatal(error):
            raise fatal from error
        self.restored.troubles.add(path, error_name(error))

    def fatal(self, error: OSError) -> VaultdError | None:
        place = os.fsdecode(self._target)
        if error.errno in _NO_ROOM:
            return TargetFull(place)
        return TargetReadOnly(place) if error.errno == errno.EROFS else None
