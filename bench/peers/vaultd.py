"""vaultd, of this tree."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Command
from bench.peers.peer import Ground

_PROGRAM = Path(sys.executable).with_name("vaultd")


class Vaultd:
    """One copy on the same file system, opened by key file, as a computer that backs up by itself does."""

    name = "vaultd"
    unlocks = "key file"

    def __init__(self, version: str) -> None:
        self.version = version

    def command(self, operation: str, ground: Ground) -> Command | None:
        words = self._words(operation, ground)
        if operation in ("init", "passphrase"):
            return _vaultd(ground, *words, "--passphrase-file", str(ground.passphrase))
        return _vaultd(ground, *words, "--key-file", str(_key(ground)))

    def _words(self, operation: str, ground: Ground) -> tuple[str, ...]:
        target = str(ground.target)
        return {
            "init": ("init", str(ground.vault), "--yes"),
            "open": ("snapshots",),
            "passphrase": ("snapshots",),
            "learn": ("snapshots",),
            "ls": ("ls", "--recursive", "source"),
            "find": ("find", ground.name),
            "one": ("restore", f"source:{ground.one}", "--target", target),
            "restore": ("restore", "source", "--target", target),
            "check": ("check",),
            "check-data": ("check", "--read-data"),
        }.get(operation, ("snapshot",))

    def before(self, operation: str, ground: Ground) -> Sequence[Command]:
        if operation == "learn":
            return (Command(("rm", *(str(path) for path in _state(ground)))),)
        if operation != "first":
            return ()
        passphrase = ("--passphrase-file", str(ground.passphrase))
        return (
            _vaultd(ground, "key", "add", "--file", str(_key(ground)), *passphrase),
            _vaultd(ground, "source", "add", str(ground.source), "--name", "source", *passphrase),
        )

    def restored(self, ground: Ground) -> Path:
        return ground.target


def _state(ground: Ground) -> list[Path]:
    return list((ground.home / "vaultd").glob("state.db*"))


def _key(ground: Ground) -> Path:
    return ground.home / "key"


def _vaultd(ground: Ground, *words: str) -> Command:
    environment = {"VAULTD_HOME": str(ground.home / "vaultd"), "TMPDIR": str(ground.home)}
    return Command((str(_PROGRAM), *words), environment)
