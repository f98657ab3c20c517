"""Differences of two trees, and names found by patterns."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeSink
from tests.tree.trees import Tree, build, file, folder
from vaultd.errors import BadPattern, NoSuchPath
from vaultd.format.entry import FOLDER, Entry
from vaultd.tree.compare import Change, Kind, compare
from vaultd.tree.content import identity
from vaultd.tree.patterns import Selection, name_matcher
from vaultd.tree.view import Broken, Found, View

A, R, C, M = Kind.ADDED, Kind.REMOVED, Kind.CHANGED, Kind.METADATA


def changes(a: View, b: View, path: bytes = b"") -> list[tuple[bytes, Kind]]:
    found = list(compare(a, b, path))
    assert all(isinstance(change, Change) for change in found)
    return [(change.path, change.kind) for change in found if isinstance(change, Change)]


def views(a: Tree, b: Tree) -> tuple[View, View]:
    sink = FakeSink()
    return View(sink, build(sink, a)), View(sink, build(sink, b))


def test_what_is_different() -> None:
    a, b = views(
        {b"same": b"1", b"less": {b"x": b"1"}, b"text": b"old", b"kind": {b"y": b"2"}, b"link": "a"},
        {b"same": b"1", b"more": {b"z": b"1"}, b"text": b"new", b"kind": b"file", b"link": "b"},
    )
    assert changes(a, b) == [
        (b"kind", C),
        (b"kind/y", R),
        (b"less", R),
        (b"less/x", R),
        (b"link", C),
        (b"more", A),
        (b"more/z", A),
        (b"text", C),
    ]
    assert changes(a, b, b"text") == [(b"text", C)]
    assert changes(a, b, b"less") == [(b"less", R), (b"less/x", R)]
    assert changes(a, b, b"same") == []
    with pytest.raises(NoSuchPath):
        changes(a, b, b"nothing")


def test_mode_owner_and_time_are_metadata() -> None:
    sink = FakeSink()
    same = {"mode": 0o600, "mtime": 3}
    first = [file(sink, b"f", b"1", **same), file(sink, b"g", b"1")]
    second = [
        file(sink, b"f", b"1", **{**same, "mode": 0o640}),
        file(sink, b"g", b"1", xattr={b"user.a": b"1"}),
    ]
    a, b = (
        View(sink, Entry(b"", FOLDER, 0o755, 0, 0, 1, 0, folder(sink, each), {})) for each in (first, second)
    )
    assert changes(a, b) == [(b"f", M), (b"g", M)]


def test_equal_folders_and_pages_are_not_read() -> None:
    sink = FakeSink()
    tree: Tree = {b"%04d" % n: {b"x": b"%d" % n} for n in range(2000)}
    a = View(sink, build(sink, tree))
    b = View(sink, build(sink, {**tree, b"1000": {b"x": b"other"}}))
    sink.reads.clear()
    assert changes(a, b) == [(b"1000/x", C)]
    assert len(sink.reads) <= 6


def test_damage_in_one_place_hides_no_other() -> None:
    a, b = views({b"a": {b"x": b"1"}, b"b": b"1"}, {b"a": {b"x": b"2"}, b"b": b"2"})
    del a.blobs.blobs[a.lookup(b"a").content]  # type: ignore[attr-defined]
    found = list(compare(a, b))
    assert [item.path for item in found if isinstance(item, Broken)] == [b"a"]
    assert (b"b", C) in [(item.path, item.kind) for item in found if isinstance(item, Change)]


name = st.sampled_from([b"a", b"b", b"c"])
trees: Any = st.recursive(
    st.sampled_from([b"1", b"2", "l"]), lambda inner: st.dictionaries(name, inner, max_size=3), max_leaves=8
).filter(lambda tree: isinstance(tree, dict))


@given(trees, trees)
def test_a_comparison_says_what_two_listings_say(first: Tree, second: Tree) -> None:
    a, b = views(first, second)
    here, there = (
        {item.path: item.entry for item in view.walk() if isinstance(item, Found)} for view in (a, b)
    )
    expected = {(path, R) for path in here.keys() - there.keys()}
    expected |= {(path, A) for path in there.keys() - here.keys()}
    expected |= {(path, C) for path in here.keys() & there.keys() if differ(here[path], there[path])}
    found = changes(a, b)
    assert set(found) == expected
    assert len(found) == len(set(found))


def differ(a: Entry, b: Entry) -> bool:
    return a.kind != b.kind or (a.kind != FOLDER and identity(a) != identity(b))


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.jpg", b"a/b.jpg", True),
        ("*.jpg", b"a.jpg/b", False),
        ("a/*.jpg", b"a/b/c.jpg", True),
        ("b.JPG", b"b.jpg", False),
        ("[ab]?", b"x/a\xff", True),
        ("文*", "d/文件".encode(), True),
    ],
)
def test_find_by_pattern(pattern: str, path: bytes, fits: bool) -> None:
    assert name_matcher(pattern)(path) is fits


def test_case_can_be_ignored() -> None:
    assert name_matcher("b.JPG", ignore_case=True)(b"b.jpg")
    with pytest.raises(BadPattern):
        name_matcher("/")


def test_a_selection_follows_gitignore() -> None:
    selection = Selection(["/photos", "*.txt"], ["cache/"])
    assert selection.includes(b"photos", folder=True)
    assert selection.includes(b"photos/2024/a.jpg", folder=False)
    assert not selection.includes(b"other/photos/a.jpg", folder=False)
    assert selection.includes(b"other/a.txt", folder=False)
    assert selection.excludes(b"photos/cache", folder=True)
    assert not selection.excludes(b"photos/cache", folder=False)
    assert Selection().takes_all
