"""Snapshots made by hand, with bodies as the journal would give them."""

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import Tree, build
from vaultd.format.record import SnapshotBody
from vaultd.tree.attic import update_attic
from vaultd.tree.snapshots import Snapshot

_SECOND = 1_000_000_000
# 2026-11-20 10:00:00 UTC.
_BEGIN = 1_795_168_800 * _SECOND
SOURCE = b"s" * 16


def line(
    sink: FakeSink, *trees: Tree, every: int = 60, source: bytes = SOURCE, name: str = "photos"
) -> list[Snapshot]:
    """One snapshot after the other, `every` so many seconds, by a computer two hours ahead of UTC."""
    made: list[Snapshot] = []
    for number, tree in enumerate(trees):
        before = made[-1] if made else None
        root = build(sink, tree)
        time = _BEGIN + number * every * _SECOND
        parents = [(before.body.root, before.body.attic)] if before else []
        body = SnapshotBody(
            attic=update_attic(sink, KEYS, parents, root, time),
            complete=True,
            counts={"files": 1, "bytes": 1},
            ended=time,
            errors=[],
            host="h",
            kind="photos",
            name=name,
            offset=120,
            packs=[],
            parents=[before.id] if before else [],
            path=b"/photos",
            root=root,
            source=source,
            started=time,
        )
        made.append(Snapshot(source[:1] + bytes([number]) * 31, b"d" * 8, number + 1, body))
    return made
