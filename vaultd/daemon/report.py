"""What the daemon tells whoever runs it."""

from typing import Protocol

from vaultd.daemon.tended import Tended
from vaultd.errors import VaultdError
from vaultd.jobs.guarding import Guarded
from vaultd.jobs.protect import Reached
from vaultd.jobs.snapshot import Taken
from vaultd.tree.sources import Source


class Report(Protocol):
    """Who is told what happens; called by the thread of the service."""

    def watching(self, tended: Tended) -> None:
        """A source is watched, or better or worse than before."""
        ...

    def gone(self, source: Source) -> None:
        """A source is not this computer's any more."""
        ...

    def read(self, source: Source, taken: Taken) -> None:
        """A source could be looked at, whether or not anything in it had changed."""
        ...

    def saved(self, taken: Taken, reached: Reached) -> None: ...

    def guarded(self, source: Source, guarded: Guarded) -> None:
        """The guard looked at what was saved, or could not."""
        ...

    def untold(self, source: Source, paths: int) -> None:
        """The daily look at everything found changes of which the system had not told."""
        ...

    def caught_up(self, reached: Reached) -> None:
        """The copies were brought up to one another without a snapshot."""
        ...

    def failed(self, error: VaultdError | OSError, source: Source | None = None) -> None:
        """A source could not be saved, or, where there is none, the vault not be opened; an OSError is of
        this computer's own disk. Told once, until it is another error.
        """
        ...

    def states(self, tended: list[Tended]) -> None:
        """Something is not as it was when this was called last."""
        ...
