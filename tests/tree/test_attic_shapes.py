"""Attics of trees that are deep, and of heads that diverged."""

from collections.abc import Iterator

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import Tree, build
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import MAX_FOLDER_DEPTH
from vaultd.tree.attic import update_attic
from vaultd.tree.view import Found, View


def test_ten_thousand_folders_deep() -> None:
    sink = FakeSink()

    def chain(innermost: Iterator[Tree]) -> Entry:
        entry = build(sink, next(innermost))
        for _ in range(10_000):
            entry = build(sink, {b"d": Entry(b"d", FOLDER, 0o755, 0, 0, 1, 0, entry.content, {})})
        return entry

    before, after = chain(iter([{b"a": b"1"}])), chain(iter([{}]))
    attic = update_attic(sink, KEYS, [(before, None)], after, 7)
    (found,) = View(sink, after, attic).deleted()
    assert isinstance(found, Found)
    assert found.path == b"d/" * 10_000 + b"a"
    assert found.path.count(b"/") < MAX_FOLDER_DEPTH


def test_two_heads_that_changed_different_names_miss_nothing() -> None:
    sink = FakeSink()
    base: Tree = {b"%03d" % n: b"x" for n in range(40)}
    heads = [base | {b"005": b"new"}, base | {b"030": b"newer"}]
    parents = [(build(sink, head), None) for head in heads]
    assert update_attic(sink, KEYS, parents, build(sink, heads[0] | heads[1] | {b"005": b"new"}), 7) is None
