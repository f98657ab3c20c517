"""Do all operations of one corpus with all peers in turn, on one file system.

For each operation, each peer does it once, and then comes the next operation: whatever else the machine
does meanwhile meets all of them. Who begins changes from round to round.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench import trees
from bench.corpora.corpus import Corpus
from bench.measure import measure
from bench.operations import Operation
from bench.peers.peer import PASSPHRASE, Ground, Peer
from bench.samples import Results, Sample
from bench.sources import Sources
from bench.tasks import Task


class Wrong(Exception):
    """A peer did not restore what was saved: its figures are worth nothing."""


def play(task: Task, peers: Sequence[Peer], turn: int, sources: Sources, results: Results) -> None:
    """Add to the results one sample for each wanted operation and peer. What the peers stored is gone
    afterwards. Raises Failed, Wrong, OSError.
    """
    with sources.lend(task) as source, trees.scratch(task.place.folder) as work:
        results.corpora[task.corpus.name] = asdict(trees.shape(source))
        grounds = [(peer, _ground(work / peer.name, source, task.corpus)) for peer in peers]
        for number, operation in enumerate(task.done()):
            _make_edit(task.corpus, operation, source)
            for peer, ground in _turned(grounds, turn + number):
                if sample := _one(task, operation, peer, ground):
                    results.samples.append(sample)
                    print(f"  {operation.name:11} {peer.name:7} {sample.wall:8.2f} s", file=sys.stderr)


def _ground(folder: Path, source: Path, corpus: Corpus) -> Ground:
    ground = Ground(source, folder / "vault", folder / "home", folder / "target", corpus.one)
    ground.home.mkdir(parents=True)
    ground.passphrase.write_text(f"{PASSPHRASE}\n")
    ground.passphrase.chmod(0o600)
    return ground


def _make_edit(corpus: Corpus, operation: Operation, source: Path) -> None:
    if operation.name == "change":
        corpus.change(source)
    elif operation.name == "edited":
        corpus.edit(source)


def _turned(grounds: list[tuple[Peer, Ground]], turn: int) -> list[tuple[Peer, Ground]]:
    first = turn % len(grounds)
    return grounds[first:] + grounds[:first]


def _one(task: Task, operation: Operation, peer: Peer, ground: Ground) -> Sample | None:
    command = peer.command(operation.name, ground)
    if command is None:
        return None
    for earlier in peer.before(operation.name, ground):
        measure(earlier)
    if operation.name == "first" and task.fill and peer.name == "vaultd":
        task.fill(ground)
    if task.place.name == "disk":
        _make_even(operation, ground)
    cost = measure(command)
    if operation.name == "restore":
        _compare(peer, ground)
    trees.remove(ground.target)
    if not task.wanted(operation):
        return None
    stored = trees.shape(ground.vault).bytes if operation.saves else 0
    names = (task.place.name, task.corpus.name, operation.name, peer.name)
    return Sample(*names, **asdict(cost), stored=stored)


def _make_even(operation: Operation, ground: Ground) -> None:
    """On a disk: nobody waits for what others left to write, and nobody finds less in the page cache."""
    if operation.saves or operation.reads:
        os.sync()
    if operation.name == "first":
        trees.warm(ground.source)
    if operation.reads:
        trees.warm(ground.vault)


def _compare(peer: Peer, ground: Ground) -> None:
    """Raises Wrong. A plain copy still holds what was deleted, so it is compared with itself."""
    saved = ground.vault if peer.name == "cp" else ground.source
    before, after = trees.shape(saved), trees.shape(peer.restored(ground))
    if before != after:
        raise Wrong(f"{peer.name} restored {after} of {before}")
