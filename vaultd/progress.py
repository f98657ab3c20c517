"""How a job says how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Counts of one job. Methods may be called from several threads, never raise, and never wait."""

    def stage(self, name: str) -> None:
        """What is being done now: a word, such as "scan" or "read", that the listener has a sentence for."""
        ...

    def total(self, *, files: int | None = None, bytes: int | None = None) -> None:  # noqa: A002
        """How much there is in all, as far as is known; a later call replaces what an earlier one said."""
        ...

    def add(self, *, files: int = 0, bytes: int = 0, stored: int = 0) -> None:  # noqa: A002
        """So much more is done: files, bytes of their content, bytes written to the copies."""
        ...


class Silent:
    """Nobody listens."""

    def stage(self, name: str) -> None:
        pass

    def total(self, *, files: int | None = None, bytes: int | None = None) -> None:  # noqa: A002
        pass

    def add(self, *, files: int = 0, bytes: int = 0, stored: int = 0) -> None:  # noqa: A002
        pass
