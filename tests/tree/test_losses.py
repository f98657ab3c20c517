"""What is lost from one tree to another: moves are free, equal folders are not read, damage hides nothing."""

import pytest

from tests.fakes import FakeSink
from tests.tree.trees import Tree, build
from vaultd.format.limits import PAGE
from vaultd.tree import losses as module
from vaultd.tree.losses import Losses, find_losses
from vaultd.tree.view import View, folder_id


def lost(a: Tree, b: Tree, sink: FakeSink | None = None) -> Losses:
    sink = sink or FakeSink()
    return find_losses(View(sink, build(sink, a)), View(sink, build(sink, b)))


def gone(found: Losses) -> list[bytes]:
    return [each.path for each in found.gone]


ALBUM: Tree = {b"1.jpg": b"one", b"2.jpg": b"two", b"deep": {b"3.jpg": b"three"}}


def test_what_is_gone_and_what_is_rewritten() -> None:
    found = lost({b"a": ALBUM, b"x": b"old"}, {b"a": {b"1.jpg": b"one"}, b"x": b"new", b"y": b"more"})
    assert gone(found) == [b"a/2.jpg", b"a/deep/3.jpg"]
    assert (found.gone_files, found.gone_bytes) == (2, 8)
    assert [each.path for each in found.rewritten] == [b"x"]
    assert [each.path for each in found.come] == [b"y"]
    assert found.anything


@pytest.mark.parametrize(
    "after",
    [
        {b"b": ALBUM},
        {b"new": {b"deeper": {b"a": ALBUM}}},
        {b"all": {b"p": b"one", b"q": b"two", b"r": b"three"}},
        {b"one": {b"p": b"one"}, b"rest": {b"2.jpg": b"two", b"deep": {b"3.jpg": b"three"}}},
        {b"a": ALBUM | {b"1.jpg": b"three"}, b"keep": b"one"},
    ],
)
def test_what_was_moved_is_not_gone(after: Tree) -> None:
    found = lost({b"a": ALBUM}, after)
    assert gone(found) == []


def test_a_move_over_another_file_loses_only_that_one_as_a_version() -> None:
    found = lost({b"a": b"one", b"b": b"two"}, {b"b": b"one"})
    assert gone(found) == []
    assert [each.path for each in found.rewritten] == [b"b"]


def test_empty_files_and_links_and_times_are_nothing_to_lose() -> None:
    sink = FakeSink()
    a = build(sink, {b"empty": b"", b"link": "to", b"kept": b"1"}, mtime=1)
    b = build(sink, {b"kept": b"1"}, mtime=2)
    assert not find_losses(View(sink, a), View(sink, b)).anything


def test_a_file_that_became_a_folder_is_gone() -> None:
    assert gone(lost({b"a": b"one"}, {b"a": {b"b": b"two"}})) == [b"a"]


def test_what_is_passed_over_is_not_looked_into() -> None:
    sink = FakeSink()
    a, b = (View(sink, build(sink, tree)) for tree in ({b"Cache": ALBUM, b"x": b"1"}, {}))
    found = find_losses(a, b, lambda path: path.startswith(b"Cache"))
    assert gone(found) == [b"x"]


def test_it_costs_what_differs() -> None:
    sink = FakeSink()
    big: Tree = {b"%03d" % n: {b"%03d" % m: b"%d %d" % (n, m) for m in range(30)} for n in range(100)}
    a = build(sink, big)
    changed: Tree = {**big, b"050": {**big[b"050"], b"007": b"changed"}}
    b = build(sink, changed)
    sink.reads.clear()
    found = find_losses(View(sink, a), View(sink, b))
    assert [each.path for each in found.rewritten] == [b"050/007"]
    few = len(sink.reads)
    moved = build(sink, {b"everything": big})
    sink.reads.clear()
    assert gone(find_losses(View(sink, a), View(sink, moved))) == []
    # The top folder of each, and the new one above: what was moved as a whole is not looked into.
    assert max(few, len(sink.reads)) <= 12


def test_very_many_are_counted_and_some_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 10)
    found = lost({b"%d" % n: b"content %d" % n for n in range(100)}, {})
    assert (found.gone_files, len(found.gone)) == (100, 10)


def test_what_cannot_be_read_is_counted_and_hides_nothing_else() -> None:
    sink = FakeSink()
    a = build(sink, {b"hurt": {b"1": b"one"}, b"well": {b"2": b"two"}})
    b = build(sink, {})
    hurt = next(entry for entry in View(sink, a).entries(folder_id(a)) if entry.name == b"hurt")
    sink.blobs[folder_id(hurt)] = (PAGE, b"damaged")
    found = find_losses(View(sink, a), View(sink, b))
    assert (gone(found), found.unread) == ([b"well/2"], 1)
