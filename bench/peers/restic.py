"""restic: what our users would take instead."""

from collections.abc import Sequence
from pathlib import Path

from bench.measure import Command
from bench.peers.peer import Ground


class Restic:
    """Version 2 of its format, automatic compression, its cache beside it: its defaults."""

    name = "restic"
    unlocks = "passphrase (scrypt, its only way)"

    def __init__(self, program: Path, version: str) -> None:
        self._program = program
        self.version = version

    def command(self, operation: str, ground: Ground) -> Command | None:
        source, target = str(ground.source), str(ground.target)
        words = {
            "init": ("init",),
            "open": ("snapshots",),
            "passphrase": ("snapshots",),
            "learn": ("snapshots",),
            "ls": ("ls", "latest"),
            "find": ("find", "--snapshot", "latest", ground.name),
            "one": ("restore", "latest", "--target", target, "--include", f"{source}/{ground.one}"),
            "restore": ("restore", "latest", "--target", target),
            "check": ("check",),
            "check-data": ("check", "--read-data"),
        }.get(operation, ("backup", source))
        environment = {
            "RESTIC_REPOSITORY": str(ground.vault),
            "RESTIC_PASSWORD_FILE": str(ground.passphrase),
            "RESTIC_CACHE_DIR": str(_cache(ground)),
            "HOME": str(ground.home),
            "TMPDIR": str(ground.home),
        }
        return Command((str(self._program), *words), environment)

    def before(self, operation: str, ground: Ground) -> Sequence[Command]:
        return (Command(("rm", "-r", str(_cache(ground)))),) if operation == "learn" else ()

    def restored(self, ground: Ground) -> Path:
        return ground.target / ground.source.relative_to("/")


def _cache(ground: Ground) -> Path:
    return ground.home / "cache"
