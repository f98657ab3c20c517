"""borg: the best that is written in Python."""

from collections.abc import Sequence
from pathlib import Path

from bench.measure import Command
from bench.peers.peer import PASSPHRASE, Ground

# The snapshot that everything is read from: the last one.
_LAST = "::edited"


class Borg:
    """Encryption `repokey`, the one that its manual begins with, and its default compression, lz4."""

    name = "borg"
    unlocks = "passphrase (PBKDF2, its default)"

    def __init__(self, program: Path, version: str) -> None:
        self._program = program
        self.version = version

    def command(self, operation: str, ground: Ground) -> Command | None:
        if operation == "learn":  # it makes its cache anew when it saves, not when it reads
            return None
        source = ground.source.relative_to("/")
        words = {
            "init": ("init", "--encryption", "repokey"),
            "open": ("list",),
            "passphrase": ("list",),
            "ls": ("list", _LAST),
            "find": ("list", _LAST, f"sh:**/{ground.name}"),
            "one": ("extract", _LAST, str(source / ground.one)),
            "restore": ("extract", _LAST),
            "check": ("check",),
            "check-data": ("check", "--verify-data"),
        }.get(operation, ("create", f"::{operation}", str(ground.source)))
        extracts = words[0] == "extract"
        return Command(
            (str(self._program), *words), _environment(ground), ground.target if extracts else None
        )

    def before(self, operation: str, ground: Ground) -> Sequence[Command]:
        # It extracts into the folder that it runs in.
        return (Command(("mkdir", str(ground.target))),) if operation in ("one", "restore") else ()

    def restored(self, ground: Ground) -> Path:
        return ground.target / ground.source.relative_to("/")


def _environment(ground: Ground) -> dict[str, str]:
    return {
        "BORG_REPO": str(ground.vault),
        "BORG_PASSPHRASE": PASSPHRASE,
        "BORG_BASE_DIR": str(ground.home),
        "HOME": str(ground.home),
        "TMPDIR": str(ground.home),
    }
