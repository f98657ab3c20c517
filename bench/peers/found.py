"""Which peers can be had on this machine, and which version of each."""

import subprocess
import sys
from pathlib import Path

from bench.peers import fetched
from bench.peers.borg import Borg
from bench.peers.copying import Copying
from bench.peers.peer import Peer
from bench.peers.restic import Restic
from bench.peers.vaultd import Vaultd

NAMES = ("vaultd", "restic", "borg", "cp")


def find_peers(names: tuple[str, ...], cache: Path) -> tuple[list[Peer], list[str]]:
    """The peers of these names, and a sentence on each that cannot be had."""
    peers: list[Peer] = []
    without: list[str] = []
    for name in names:
        try:
            peers.append(_find(name, cache))
        except fetched.CannotBeHad as error:
            without.append(f"{name} cannot be had here: {error}")
    return peers, without


def _find(name: str, cache: Path) -> Peer:
    """Raises CannotBeHad."""
    if name == "restic":
        program = fetched.restic(cache)
        return Restic(program, _version(str(program), "version"))
    if name == "borg":
        program = fetched.borg(cache)
        return Borg(program, _version(str(program), "--version"))
    if name == "cp":
        return Copying(_version("cp", "--version"))
    return Vaultd(f"this tree, Python {sys.version.split()[0]}")


def _version(*command: str) -> str:
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return said.partition("\n")[0].partition(" compiled")[0]
