"""The tree of the past, against what the snapshots hold."""

import stat
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.browse.snapshots import line
from tests.fakes import FakeSink
from tests.tree.test_attic import tree as any_tree
from tests.tree.trees import Tree
from vaultd.browse.chunks import Chunks
from vaultd.browse.layout import layout
from vaultd.browse.names import Names
from vaultd.browse.node import Node
from vaultd.browse.pages import Pages
from vaultd.browse.saved import Shared
from vaultd.errors import Missing
from vaultd.format.entry import FOLDER
from vaultd.format.limits import PAGE
from vaultd.tree.content import identity
from vaultd.tree.history import history
from vaultd.tree.missed import Place, name_in, names_in, top_of
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.view import Found, View


def shared(sink: FakeSink) -> Shared:
    return Shared(sink, Chunks(sink), Pages(sink, 5), Names())


def top(sink: FakeSink, *snapshots: Snapshot) -> Node:
    return layout(shared(sink), snapshots)[b"photos"]


def walk(node: Node, path: bytes = b"") -> Iterator[tuple[bytes, Node]]:
    for name, child in node.children():
        assert node.child(name) is not None, path + name
        yield path + name, child
        if child.kind == stat.S_IFDIR:
            yield from walk(child, path + name + b"/")


def files(node: Node) -> dict[bytes, bytes]:
    """What is in every file, and where every link leads."""
    return {
        path: bytes(each.open().read(0, 1000)) if each.kind == stat.S_IFREG else each.link()
        for path, each in walk(node)
        if each.kind != stat.S_IFDIR
    }


def at(node: Node, *names: bytes) -> Node:
    for name in names:
        found = node.child(name)
        assert found is not None, name
        node = found
    return node


FIRST: Tree = {b"a.jpg": b"1", b"d": {b"x": b"in d", b"y": "a.jpg"}, b"f": b"a file"}
SECOND: Tree = {b"a.jpg": b"22", b"d": {b"y": "a.jpg"}, b"f": {b"now": b"a folder"}}


def test_every_way_to_look() -> None:
    sink = FakeSink()
    shown = top(sink, *line(sink, FIRST, SECOND))
    assert [name for name, _ in shown.children()] == [b"latest", b"at", b"by-id", b"versions", b"deleted"]
    assert files(at(shown, b"latest")) == {b"a.jpg": b"22", b"d/y": b"a.jpg", b"f/now": b"a folder"}
    assert [name for name, _ in at(shown, b"at").children()] == [
        b"2026-11-20T12-00-00",
        b"2026-11-20T12-01-00",
    ]
    assert files(at(shown, b"at", b"2026-11-20T12-00-00"))[b"f"] == b"a file"
    assert files(at(shown, b"deleted")) == {b"d/x": b"in d", b"f~file": b"a file"}
    assert files(at(shown, b"versions")) == {
        b"a.jpg/2026-11-20T12-00-00.jpg": b"1",
        b"a.jpg/2026-11-20T12-01-00.jpg": b"22",
        b"d/x/2026-11-20T12-00-00": b"in d",
        b"d/y/2026-11-20T12-00-00": b"a.jpg",
        b"f/now/2026-11-20T12-01-00": b"a folder",
        b"f~file/2026-11-20T12-00-00": b"a file",
    }


def test_a_version_that_is_back_is_one() -> None:
    sink = FakeSink()
    shown = top(sink, *line(sink, {b"a": b"1"}, {b"a": b"2"}, {b"a": b"1"}, {}, {b"a": b"1"}))
    assert [name for name, _ in at(shown, b"versions", b"a").children()] == [
        b"2026-11-20T12-00-00",
        b"2026-11-20T12-01-00",
    ]


def test_of_one_second_each_has_its_own_name() -> None:
    sink = FakeSink()
    shown = top(sink, *line(sink, {b"a.b.c": b"1"}, {b"a.b.c": b"2"}, {b"a.b.c": b"3"}, every=0))
    assert [name for name, _ in at(shown, b"versions", b"a.b.c").children()] == [
        b"2026-11-20T12-00-00.c",
        b"2026-11-20T12-00-00-2.c",
        b"2026-11-20T12-00-00-3.c",
    ]
    assert [name for name, _ in at(shown, b"at").children()] == [
        b"2026-11-20T12-00-00",
        b"2026-11-20T12-00-00-2",
        b"2026-11-20T12-00-00-3",
    ]


def test_a_file_that_is_called_like_a_mark() -> None:
    sink = FakeSink()
    shown = top(sink, *line(sink, {b"a": b"1", b"a~file": b"real"}, {b"a~file": b"real"}))
    assert files(at(shown, b"deleted")) == {b"a": b"1"}
    assert set(files(at(shown, b"versions"))) == {b"a/2026-11-20T12-00-00", b"a~file/2026-11-20T12-00-00"}


def test_a_mark_is_never_the_name_of_something_else() -> None:
    sink = FakeSink()
    first: Tree = {b"a": b"1", b"a~file": b"real", b"a~file~file": b"real too"}
    shown = top(sink, *line(sink, first, {b"a": {b"in": b"2"}}, {}))
    names = [name for name, _ in at(shown, b"deleted").children()]
    assert sorted(names) == [b"a", b"a~file", b"a~file~file", b"a~file~file~file"]
    assert files(at(shown, b"deleted"))[b"a~file~file~file"] == b"1"
    assert files(at(shown, b"deleted"))[b"a~file"] == b"real"


def test_two_sources_of_one_name_are_both_there() -> None:
    sink = FakeSink()
    both = [*line(sink, {b"a": b"1"}), *line(sink, {b"a": b"2"}, source=b"t" * 16, every=0)]
    shown = layout(shared(sink), both)
    assert sorted(shown) == [b"photos", b"photos~2"]


def test_numbers_tell_what_is_the_same() -> None:
    sink = FakeSink()
    snapshots = line(sink, FIRST, SECOND)
    shown = top(sink, *snapshots)
    first, second = at(shown, b"at", b"2026-11-20T12-00-00"), at(shown, b"at", b"2026-11-20T12-01-00")
    assert at(first, b"a.jpg").ino != at(second, b"a.jpg").ino
    assert at(first, b"d", b"y").ino == at(second, b"d", b"y").ino == at(shown, b"latest", b"d", b"y").ino
    assert at(first, b"d").ino != at(second, b"d").ino
    before, after = top(sink, snapshots[0]), shown
    assert at(before, b"latest", b"d").ino == at(after, b"latest", b"d").ino
    assert at(shown, b"versions", b"d", b"x").ino not in (at(first, b"d", b"x").ino, 0)
    numbers = [each.ino for _, each in walk(at(shown, b"latest"))]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.usefixtures("_small_pages")
@given(st.lists(any_tree.filter(lambda each: isinstance(each, dict)), min_size=1, max_size=5))
def test_whatever_was_saved(trees: list[Tree]) -> None:
    sink = FakeSink()
    snapshots = line(sink, *trees)
    shown, newest = top(sink, *snapshots), snapshots[-1].body
    view = View(sink, newest.root, newest.attic)
    paths = {each.path for each in view.walk() if isinstance(each, Found)}
    assert {path for path, _ in walk(at(shown, b"latest"))} == paths
    gone: dict[bytes, object] = {}
    for each in view.deleted():
        assert isinstance(each, Found)
        if each.entry.kind != FOLDER:
            gone.setdefault(each.path, identity(each.entry))
    found = {path.replace(b"~file", b"") for path in files(at(shown, b"deleted"))}
    assert found == set(gone)
    ever = {
        each.path
        for snapshot in snapshots
        for each in View(sink, snapshot.body.root).walk()
        if isinstance(each, Found) and each.entry.kind != FOLDER
    }
    versions = {path.rpartition(b"/")[0].replace(b"~file", b"") for path in files(at(shown, b"versions"))}
    assert versions == ever
    for path in ever:
        _check_history(sink, snapshots, path)
    _check_names(sink, top_of(view))


def _check_history(sink: FakeSink, snapshots: list[Snapshot], path: bytes) -> None:
    stretches = history(Pages(sink), snapshots, path, lambda *_: pytest.fail("cannot be read"))
    told = [
        stretch
        for stretch in stretches
        for each in snapshots
        if stretch.first.seq <= each.seq <= stretch.last.seq
    ]
    assert len(told) == len(snapshots)
    for stretch, snapshot in zip(told, snapshots, strict=True):
        try:
            entry = View(sink, snapshot.body.root).lookup(path)
        except Exception:  # noqa: BLE001 - not there
            entry = None
        here = None if entry is None or entry.kind == FOLDER else identity(entry)
        there = None if stretch.entry is None or stretch.entry.kind == FOLDER else identity(stretch.entry)
        assert here == there


def _check_names(sink: FakeSink, place: Place) -> None:
    """Looking for one name finds what listing all of them does."""
    for name in names_in(sink, place, lambda error: pytest.fail(str(error))):
        assert name_in(sink, place, name.name) == name
        assert name_in(sink, place, name.name + b"!") is None
        if name.below.now or name.below.anything:
            _check_names(sink, name.below)


def test_what_cannot_be_read_ends_only_the_listing_of_its_folder() -> None:
    sink = FakeSink()
    snapshots = line(sink, FIRST)
    broken = View(sink, snapshots[0].body.root).lookup(b"d").content
    assert isinstance(broken, bytes)
    assert sink.blobs.pop(broken)[0] == PAGE
    latest = at(top(sink, *snapshots), b"latest")
    assert sorted(name for name, _ in latest.children()) == [b"a.jpg", b"d", b"f"]
    with pytest.raises(Missing):
        list(at(latest, b"d").children())
    with pytest.raises(Missing):
        at(latest, b"d").child(b"x")


def test_files_of_several_names_are_counted() -> None:
    from tests.tree.trees import file

    sink = FakeSink()
    hard: dict[str, Any] = {"hard": b"h" * 16}
    tree: Tree = {
        b"a": file(sink, b"a", b"1", **hard),
        b"d": {b"b": file(sink, b"b", b"1", **hard)},
        b"c": b"1",
    }
    latest = at(top(sink, *line(sink, tree)), b"latest")
    assert at(latest, b"a").attributes().names == at(latest, b"d", b"b").attributes().names == 2
    assert at(latest, b"a").ino == at(latest, b"d", b"b").ino != at(latest, b"c").ino
    assert at(latest, b"c").attributes().names == 1
