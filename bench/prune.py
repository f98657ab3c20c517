"""What pruning costs, beside `restic forget --prune` of the same history: `python -m bench.prune`.

Small files, many to a folder, and so many snapshots, between which one file in a hundred is another. Then all
but every tenth snapshot is forgotten. Ours is two commands, days apart: the time in between is put into the
ledger, and nothing else is made up. Both are to leave no more than a tenth of the rest unused.
"""

import argparse
import os
import random
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.change import Restic, peer, vaultd
from vaultd.credentials import KeyFile
from vaultd.jobs.opening import open_for_writing
from vaultd.jobs.passing import read_clocks
from vaultd.settings import Home, find_home
from vaultd.store.ledger import Ledger
from vaultd.tree.snapshots import list_snapshots

_SEED = 5
_IN_A_FOLDER = 100
_ONE_IN = 100
_KEPT = 10
_DAY = 86_400 * 1_000_000_000


def make(tree: Path, files: int, rng: random.Random) -> list[Path]:
    made = []
    for number in range(files):
        path = tree / f"{number // _IN_A_FOLDER:05}" / f"{number % _IN_A_FOLDER}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(rng.randrange(500, 3000)))
        made.append(path)
    return made


def change(files: list[Path], rng: random.Random) -> None:
    for path in rng.sample(files, max(1, len(files) // _ONE_IN)):
        path.write_bytes(rng.randbytes(rng.randrange(500, 3000)))


def forget(home: Home) -> None:
    """All but every tenth and the last, long ago."""
    with open_for_writing(home, KeyFile(home.device_key_file.read_bytes())) as session:
        line = list_snapshots(session.vault.journal)
        gone = [each.id for number, each in enumerate(line[:-1]) if number % _KEPT]
        body: dict[str, object] = {"by": "owner", "snapshots": sorted(gone)}
        session.vault.journal.append("forget", body, time.time_ns() - 60 * _DAY)


def later(home: Home, days: int) -> None:
    with closing(Ledger(home.ledger_file)) as ledger:
        now, known = read_clocks(), ledger.clock()
        _, _, _, trusted, running = known or (*now, 0, 0)
        ledger.put_clock((now.boot, now.wall, now.running, trusted + days * _DAY, running + days * _DAY))


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def measure(files: int, snapshots: int, where: str, program: Path | None) -> None:
    with tempfile.TemporaryDirectory(dir=where) as folder:
        work, rng = Path(folder), random.Random(_SEED)
        (work / "passphrase").write_text("nothing that matters here")
        (work / "passphrase").chmod(0o600)
        made = make(work / "tree", files, rng)
        vaultd(work, "init", "one", "--yes")
        vaultd(work, "key", "unlock")
        vaultd(work, "source", "add", "tree")
        restic = None if program is None else Restic(work, program)
        for _ in range(snapshots):
            vaultd(work, "snapshot")
            if restic is not None:
                restic.backup()
            change(made, rng)
        home = find_home(str(work / "home"))
        print(f"{files:,} files, {snapshots} snapshots: {size(work / 'one'):.0f} MB", flush=True)
        forget(home)
        vaultd(work, "prune")  # it is seen to be forgotten
        later(home, 31)
        first = vaultd(work, "prune")
        later(home, 2)
        second = vaultd(work, "prune")
        print(f"vaultd: condemning {first}, removing {second}; {size(work / 'one'):.0f} MB left", flush=True)
        nothing = vaultd(work, "prune")
        print(f"vaultd: with nothing to do {nothing}", flush=True)
        if restic is not None:
            assert program is not None
            before = size(work / "restic")
            ids = restic.ids()
            gone = [each for number, each in enumerate(ids[:-1]) if number % _KEPT]
            cost = restic.run("forget", "--prune", "--max-unused", "10%", *gone)
            print(f"restic: {before:.0f} MB, {cost}; {size(work / 'restic'):.0f} MB left", flush=True)
            print(f"restic / vaultd: {cost.seconds / (first.seconds + second.seconds):.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--snapshots", type=int, default=500)
    parser.add_argument("--where", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    asked = parser.parse_args()
    measure(asked.files, asked.snapshots, asked.where, peer())


if __name__ == "__main__":
    main()
