"""What its owner names goes out of the attic, and nothing beside it."""

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import Tree, build
from vaultd.tree.attic import update_attic
from vaultd.tree.attic_removal import without
from vaultd.tree.view import Broken, View

if TYPE_CHECKING:
    from vaultd.format.entry import Entry

GONE: Tree = {
    b"a": b"1",
    b"mum": {b"chat": b"2", b"photos": {b"1": b"x", b"2": b"y"}},
    b"work": {b"old": b"3"},
}


class Line:
    """Snapshots one after the other, each a root and an attic."""

    def __init__(self) -> None:
        self.sink = FakeSink()
        self.root: Entry | None = None
        self.attic: bytes | None = None
        self.clock = 0

    def save(self, tree: Tree) -> None:
        self.clock += 1
        root = build(self.sink, tree)
        parents = [(self.root, self.attic)] if self.root else []
        self.attic = update_attic(self.sink, KEYS, parents, root, self.clock)
        self.root = root

    def deleted(self, attic: bytes | None) -> dict[bytes, bytes]:
        assert self.root is not None
        view = View(self.sink, self.root, attic)
        found = {}
        for item in view.deleted():
            assert not isinstance(item, Broken)
            if item.entry.content is not None and not isinstance(item.entry.content, bytes):
                found[item.path] = b"".join(data for _, data in view.chunks(item.entry))
        return found


def gone(tree: Tree = GONE) -> Line:
    line = Line()
    line.save(tree)
    line.save({})
    return line


ALL = {b"a": b"1", b"mum/chat": b"2", b"mum/photos/1": b"x", b"mum/photos/2": b"y", b"work/old": b"3"}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (b"a", ALL.keys() - {b"a"}),
        (b"mum", {b"a", b"work/old"}),
        (b"mum/photos", {b"a", b"mum/chat", b"work/old"}),
        (b"mum/photos/2", ALL.keys() - {b"mum/photos/2"}),
        (b"", set()),
        (b"nowhere", ALL.keys()),
        (b"a/below", ALL.keys()),
        (b"mum/nowhere/1", ALL.keys()),
    ],
)
def test_what_is_at_and_below_a_path_goes(path: bytes, left: set[bytes]) -> None:
    line = gone()
    assert line.attic is not None
    after = without(line.sink, KEYS, line.attic, line.attic, [path])
    assert line.deleted(after).keys() == left
    assert (after == line.attic) == (left == ALL.keys())
    assert line.deleted(line.attic) == ALL


def test_what_was_missed_one_by_one_goes_too() -> None:
    line = Line()
    line.save(GONE)
    line.save({b"mum": {b"chat": b"2", b"photos": {b"1": b"x"}}, b"work": {}})
    assert line.attic is not None
    after = without(line.sink, KEYS, line.attic, line.attic, [b"mum/photos", b"work/old"])
    assert line.deleted(after) == {b"a": b"1"}


def test_what_came_and_went_again_later_stays() -> None:
    line = gone({b"a": b"1", b"f": {b"x": b"1"}})
    base = line.attic
    line.save({b"a": b"another", b"f": {b"x": b"new"}})
    line.save({})
    assert base is not None
    assert line.attic is not None
    after = without(line.sink, KEYS, line.attic, base, [b"a", b"f"])
    assert line.deleted(after) == {b"a": b"another", b"f/x": b"new"}


names = st.sampled_from([b"a", b"b", b"c"])
trees: st.SearchStrategy[Any] = st.recursive(
    st.binary(min_size=1, max_size=3), lambda below: st.dictionaries(names, below, max_size=3), max_leaves=8
)
paths = st.lists(names, max_size=3).map(b"/".join)


@given(st.dictionaries(names, trees, max_size=3), st.dictionaries(names, trees, max_size=3), paths)
def test_nothing_beside_it_goes(first: Tree, second: Tree, path: bytes) -> None:
    line = Line()
    for tree in (first, second, {}):
        line.save(tree)
    if line.attic is None:
        return
    before = line.deleted(line.attic)
    after = line.deleted(without(line.sink, KEYS, line.attic, line.attic, [path]))
    at = path + b"/" if path else b""
    beside = {each for each in before if path and each != path and not each.startswith(at)}
    assert after == {each: before[each] for each in beside}
