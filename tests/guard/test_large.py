"""Ten thousand files: what is moved or deleted of them, at the limits of a source of that size."""

import msgspec
import pytest

from tests.browse.snapshots import line as made_by_hand
from tests.fakes import FakeSink
from tests.guard.test_family import source
from tests.tree.trees import Tree, build
from vaultd.guard.trips import HOUR
from vaultd.jobs.looking import Look
from vaultd.tree.snapshots import Snapshot

FILES = 10_000
_TEMPLATE = made_by_hand(FakeSink(), {})[0]


def many() -> Tree:
    return {b"%03d" % n: {b"%02d.jpg" % m: b"%d.%d" % (n, m) for m in range(100)} for n in range(100)}


@pytest.fixture(scope="module")
def sink() -> FakeSink:
    return FakeSink()


def rules(sink: FakeSink, after: Tree) -> list[str]:
    """What is found an hour after all of it was there."""
    line = []
    for number, tree in enumerate((many(), after)):
        root, at = build(sink, tree), number * HOUR
        counts = {"files": FILES, "bytes": FILES * 5}
        body = msgspec.structs.replace(_TEMPLATE.body, started=at, ended=at, root=root, counts=counts)
        line.append(Snapshot(bytes([number]) * 32, bytes(8), number + 1, body))
    return [trip.rule for trip in Look(sink, source("photos"), line, 0).trips(0, month=True)]


def test_all_of_it_is_renamed(sink: FakeSink) -> None:
    assert rules(sink, {b"new": {b"deeper": many()}}) == []
    flat = {n + b" " + m: content for n, album in many().items() for m, content in album.items()}
    assert rules(sink, {b"all": flat}) == []


def test_a_burst_of_three_hundred_and_of_five_hundred(sink: FakeSink) -> None:
    for count, expected in ((3, []), (5, ["deleted"])):
        tree = many()
        for album in tree.values():
            for name in sorted(album)[:count]:
                del album[name]
        assert rules(sink, tree) == expected
