"""`cp -a`: what the machine can do. No encryption, no snapshots, and not durable when it returns."""

from collections.abc import Sequence
from pathlib import Path

from bench.measure import Command
from bench.peers.peer import Ground


class Copying:
    """A plain copy; each later one takes what is newer. It is no backup, so not everything has an answer."""

    name = "cp"
    unlocks = "nothing is locked"

    def __init__(self, version: str) -> None:
        self.version = version

    def command(self, operation: str, ground: Ground) -> Command | None:
        source, copy, target = str(ground.source), str(ground.vault), str(ground.target)
        argv = {
            "first": ("cp", "-a", source, copy),
            "unchanged": ("cp", "-au", f"{source}/.", copy),
            "change": ("cp", "-au", f"{source}/.", copy),
            "edited": ("cp", "-au", f"{source}/.", copy),
            "ls": ("find", copy),
            "find": ("find", copy, "-name", ground.name),
            "one": ("cp", "-a", f"{copy}/{ground.one}", target),
            "restore": ("cp", "-a", copy, target),
        }.get(operation)
        return Command(argv) if argv else None

    def before(self, operation: str, ground: Ground) -> Sequence[Command]:
        return ()

    def restored(self, ground: Ground) -> Path:
        return ground.target
