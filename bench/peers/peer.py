"""What a program under measurement must answer: which command does which work."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.measure import Command

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Ground:
    """The places of one peer in one round. `vault` is what it stores, `home` all else that it keeps;
    `target` is where it restores to; `one` is the path of one file in the source.
    """

    source: Path
    vault: Path
    home: Path
    target: Path
    one: str

    @property
    def name(self) -> str:
        """The last part of `one`: what is looked for."""
        return Path(self.one).name

    @property
    def passphrase(self) -> Path:
        return self.home / "passphrase"


class Peer(Protocol):
    """A backup program, or a program that copies."""

    name: str
    version: str
    # How each command opens what is stored, in words for the table.
    unlocks: str

    def command(self, operation: str, ground: Ground) -> Command | None:
        """The one command that does this work, every default left as it is; None where there is none."""
        ...

    def before(self, operation: str, ground: Ground) -> Sequence[Command]:
        """What must be done first, and is not measured."""
        ...

    def restored(self, ground: Ground) -> Path:
        """Where `restore` puts what the source's folder held."""
        ...
