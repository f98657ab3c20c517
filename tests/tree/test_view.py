"""The reader of trees: what it finds, what it refuses, and how little it reads."""

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import Tree, build, file, folder
from vaultd.errors import Damaged, Missing, NoSuchPath
from vaultd.format import canon
from vaultd.format.entry import FOLDER, LINK, Entry
from vaultd.format.limits import CHUNK, LIST, MAX_FOLDER_DEPTH, PAGE
from vaultd.format.lists import ListNode, encode_list
from vaultd.format.page import encode_page
from vaultd.tree.attic import update_attic
from vaultd.tree.view import Broken, Found, View


def paths(view: View, **options: Any) -> list[bytes]:
    return [item.path for item in view.walk(**options) if isinstance(item, Found)]


def large(sink: FakeSink, count: int = 3000) -> Entry:
    return build(sink, {b"%05d" % n: b"%d" % n for n in range(count)})


def with_root(content: bytes) -> Entry:
    return Entry(b"", FOLDER, 0o755, 0, 0, 1, 0, content, {})


def test_lookup_reads_only_what_lies_on_the_way() -> None:
    sink = FakeSink()
    view = View(sink, build(sink, {b"d": {b"%05d" % n: b"%d" % n for n in range(20_000)}}))
    sink.reads.clear()
    assert view.lookup(b"d/12345").name == b"12345"
    assert len(sink.reads) <= 4
    assert view.lookup(b"/d//12345/").name == b"12345"
    assert view.lookup(b"") is view.root


@pytest.mark.parametrize("path", [b"x", b"d/x", b"d/a/x", b"a", b"zzz", b"d/0"])
def test_what_is_not_there_has_no_entry(path: bytes) -> None:
    sink = FakeSink()
    with pytest.raises(NoSuchPath):
        View(sink, build(sink, {b"d": {b"a": b"1", b"m": {}}})).lookup(path)


def test_every_name_of_a_large_folder_is_found() -> None:
    sink = FakeSink()
    view = View(sink, large(sink))
    assert paths(view) == [b"%05d" % n for n in range(3000)]
    for number in range(0, 3000, 97):
        assert view.lookup(b"%05d" % number).name == b"%05d" % number


def test_walk_enters_what_it_is_told_to() -> None:
    sink = FakeSink()
    view = View(sink, build(sink, {b"a": {b"b": {b"c": b"1"}}, b"d": {}, b"e": b"2"}))
    assert paths(view) == [b"a", b"a/b", b"a/b/c", b"d", b"e"]
    assert paths(view, path=b"a") == [b"a/b", b"a/b/c"]
    assert paths(view, descend=lambda found: found.path != b"a") == [b"a", b"d", b"e"]


def pages_of(sink: FakeSink) -> list[bytes]:
    return [blob_id for blob_id, (kind, _) in sink.blobs.items() if kind == PAGE]


def test_a_page_that_is_gone_hides_no_other() -> None:
    sink = FakeSink()
    root = large(sink)
    missing = pages_of(sink)[3]
    del sink.blobs[missing]
    items = list(View(sink, root).walk())
    broken = [item for item in items if isinstance(item, Broken)]
    assert [(item.path, type(item.error)) for item in broken] == [(b"", Missing)]
    assert len(items) > 2000
    with pytest.raises(Missing):
        list(View(sink, root).entries(root.content))  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_read_hides_no_sibling() -> None:
    sink = FakeSink()
    root = build(sink, {b"a": {b"x": b"1"}, b"b": {b"y": b"2"}})
    del sink.blobs[View(sink, root).lookup(b"a").content]  # type: ignore[arg-type]
    items = list(View(sink, root).walk())
    assert [item.path for item in items if isinstance(item, Broken)] == [b"a"]
    assert [item.path for item in items if isinstance(item, Found)] == [b"a", b"b", b"b/y"]


def page(sink: FakeSink, *names: bytes) -> bytes:
    return sink.write(PAGE, encode_page([file(sink, name, b"1") for name in names]))


def pages(sink: FakeSink, *items: tuple[bytes, bytes], level: int = 0, of: int = PAGE) -> bytes:
    return sink.write(LIST, encode_list(ListNode(level, of, items)))  # type: ignore[arg-type]


Wrong = Callable[[FakeSink], bytes]
WRONG: dict[str, tuple[str, Wrong]] = {
    "first name differs": ("order", lambda s: pages(s, (page(s, b"a"), b"a"), (page(s, b"c"), b"b"))),
    "pages overlap": ("order", lambda s: pages(s, (page(s, b"a", b"m"), b"a"), (page(s, b"b"), b"b"))),
    "an empty page": ("order", lambda s: pages(s, (page(s, b"a"), b"a"), (page(s), b"b"))),
    "list of chunks": ("shape", lambda s: pages(s, (page(s, b"a"), 1), of=CHUNK)),  # type: ignore[arg-type]
    "level skipped": ("shape", lambda s: pages(s, (pages(s, (page(s, b"a"), b"a")), b"a"), level=2)),
    "first name of a list differs": (
        "order",
        lambda s: pages(s, (pages(s, (page(s, b"b"), b"b")), b"a"), level=1),
    ),
    "page of page": ("canonical", lambda s: s.write(PAGE, b"\xff\xff")),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_folder_that_breaks_the_rules_is_damaged(case: str) -> None:
    sink = FakeSink()
    reason, make = WRONG[case]
    view = View(sink, with_root(make(sink)))
    broken = [item.error for item in view.walk() if isinstance(item, Broken)]
    assert [error.reason for error in broken if isinstance(error, Damaged)] == [reason]


@pytest.mark.parametrize("case", ["first name differs", "level skipped", "list of chunks"])
def test_lookup_refuses_it_too(case: str) -> None:
    sink = FakeSink()
    with pytest.raises(Damaged):
        View(sink, with_root(WRONG[case][1](sink))).lookup(b"c" if case == "first name differs" else b"a")


def test_a_page_below_a_list_of_a_higher_level_is_missing() -> None:
    sink = FakeSink()
    root = with_root(pages(sink, (page(sink, b"a"), b"a"), level=1))
    assert [type(item.error) for item in View(sink, root).walk() if isinstance(item, Broken)] == [Missing]


def test_too_deep_is_told_and_ended() -> None:
    sink = FakeSink()
    root = build(sink, {})
    for _ in range(MAX_FOLDER_DEPTH + 5):
        root = build(sink, {b"d": Entry(b"d", FOLDER, 0o755, 0, 0, 1, 0, root.content, {})})
    items = list(View(sink, root).walk())
    assert isinstance(items[-1], Broken)
    assert isinstance(items[-1].error, Damaged)
    assert items[-1].error.reason == "depth"
    assert len(items) == MAX_FOLDER_DEPTH + 1


CONTENT = b"".join(b"%05d" % n for n in range(300))


@given(st.integers(-1, 1600), st.integers(0, 1600), st.sampled_from([1, 7, 100, 2000]))
def test_a_file_is_read_from_anywhere(offset: int, length: int, cut: int) -> None:
    sink = FakeSink()
    offset = max(0, offset)
    entry = file(sink, b"f", CONTENT, cut=cut)
    assert View(sink, with_root(b"")).read(entry, offset, length) == CONTENT[offset : offset + length]


@st.composite
def sparse_files(draw: st.DrawFn) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    lengths = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=6))
    parts, at, plain = [], draw(st.integers(0, 3)), b""
    for length, gap in lengths:
        parts.append((at, length))
        plain = plain.ljust(at, b"\0") + bytes(range(1 + at, 1 + at + length))
        at += length + gap
    return plain.ljust(at, b"\0"), tuple(parts)


@given(sparse_files(), st.integers(1, 12), st.integers(0, 120), st.integers(0, 120), st.booleans())
def test_holes_are_zeros(
    sparse: tuple[bytes, tuple[tuple[int, int], ...]], cut: int, offset: int, length: int, far: bool
) -> None:
    sink = FakeSink()
    whole, parts = sparse
    data = b"".join(whole[at : at + size] for at, size in parts)
    spelled: Any = parts
    if far and parts:
        encoded = canon.encode(parts)
        spelled = ((sink.write(CHUNK, encoded), len(encoded)),)
    entry = file(sink, b"f", data, cut=cut, size=len(whole), sparse=spelled)
    view = View(sink, with_root(b""))
    assert view.read(entry, offset, length) == whole[offset : offset + length]
    out = bytearray(len(whole))
    for at, plain in view.chunks(entry):
        out[at : at + len(plain)] = plain
    assert bytes(out) == whole
    assert sum(size for _, _, size in view.content_extents(entry)) == view.content_length(entry) == len(data)


def test_a_part_of_a_large_file_is_read_alone() -> None:
    sink = FakeSink()
    entry = file(sink, b"f", os.urandom(40_000), cut=10)
    view = View(sink, with_root(b""))
    sink.reads.clear()
    view.read(entry, 30_005, 10)
    assert len(sink.reads) <= 2 + 4


@pytest.mark.parametrize("size", [99, 101])
def test_chunks_that_do_not_sum_up_are_damaged(size: int) -> None:
    sink = FakeSink()
    good = file(sink, b"f", bytes(100), cut=1)
    wrong = Entry(b"f", 1, 0o600, 0, 0, 1, size, good.content, {})
    with pytest.raises(Damaged, match="size"):
        list(View(sink, with_root(b"")).chunks(wrong))


def test_a_chunk_of_another_length_is_damaged() -> None:
    sink = FakeSink()
    wrong = Entry(b"f", 1, 0o600, 0, 0, 1, 5, ((sink.write(CHUNK, b"1234"), 5),), {})
    with pytest.raises(Damaged, match="size"):
        list(View(sink, with_root(b"")).chunks(wrong))


def test_values_that_stand_elsewhere() -> None:
    sink = FakeSink()
    long = b"t" * 5000
    pairs = ((sink.write(CHUNK, long[:3000]), 3000), (sink.write(CHUNK, long[3000:]), 2000))
    view = View(sink, with_root(b""))
    link = Entry(
        b"l", LINK, 0o777, 0, 0, 1, 5000, None, {"link": pairs, "xattr": {b"user.a": pairs, b"user.b": b"x"}}
    )
    assert view.link(link) == long
    assert view.xattrs(link) == {b"user.a": long, b"user.b": b"x"}


def attic_of(sink: FakeSink, *states: Tree) -> View:
    attic, roots = None, [build(sink, state) for state in states]
    for now, (before, root) in enumerate(pairwise(roots), 1):
        attic = update_attic(sink, KEYS, [(before, attic)], root, now)
    return View(sink, roots[-1], attic)


def told(view: View, path: bytes = b"") -> list[tuple[bytes, int | None]]:
    return [(item.path, item.missed) for item in view.deleted(path) if isinstance(item, Found)]


def test_deleted_tells_newest_first_and_hides_what_is_back() -> None:
    sink = FakeSink()
    states: list[Tree] = [
        {b"a": b"1", b"d": {b"x": b"1", b"y": b"2"}, b"k": b"k"},
        {b"k": b"k"},
        {b"a": b"2", b"d": {b"x": b"1"}, b"k": b"k"},
        {b"k": b"k", b"d": {b"x": b"1"}},
    ]
    view = attic_of(sink, *states)
    assert told(view) == [(b"a", 3), (b"a", 1), (b"d/y", 1)]
    assert told(view, b"d") == [(b"d/y", 1)]
    assert told(view, b"a") == [(b"a", 3), (b"a", 1)]
    assert told(view, b"k") == []
    assert told(view, b"nothing/here") == []


def test_deleted_goes_on_behind_what_is_damaged() -> None:
    sink = FakeSink()
    view = attic_of(sink, {b"a": {b"x": b"1"}, b"b": b"2"}, {})
    gone = next(iter(view.deleted()))
    assert isinstance(gone, Found)
    del sink.blobs[gone.entry.content]  # type: ignore[arg-type]
    items = list(view.deleted())
    assert [item.path for item in items if isinstance(item, Found)] == [b"a", b"b"]
    assert [item.path for item in items if isinstance(item, Broken)] == [b"a"]


def test_folder_helper_and_pages_agree() -> None:
    sink = FakeSink()
    assert paths(View(sink, with_root(folder(sink, [])))) == []


def test_a_list_that_has_not_the_length_that_is_said_of_it_is_damaged() -> None:
    sink = FakeSink()
    chunk = sink.write(CHUNK, b"1234")
    inner = pages(sink, (chunk, 4), of=CHUNK)  # type: ignore[arg-type]
    outer = pages(sink, (inner, 3), (chunk, 5), of=CHUNK, level=1)  # type: ignore[arg-type]
    wrong = Entry(b"f", 1, 0o600, 0, 0, 1, 8, outer, {})
    with pytest.raises(Damaged, match="size"):
        list(View(sink, with_root(b"")).chunks(wrong))
