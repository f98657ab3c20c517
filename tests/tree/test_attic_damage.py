"""A parent that cannot be read stops no snapshot, and what it held is not dropped: it may be healed."""

from tests.fakes import KEYS, FakeSink
from tests.tree.trees import build
from vaultd.format.entry import Entry
from vaultd.tree.attic import update_attic
from vaultd.tree.view import Broken, Found, View, folder_id


def found(sink: FakeSink, root: Entry, attic: bytes | None) -> list[tuple[bytes, bytes]]:
    view = View(sink, root, attic)
    items = [item for item in view.deleted() if isinstance(item, Found) and item.entry.kind == 1]
    return [(item.path, b"".join(data for _, data in view.chunks(item.entry))) for item in items]


def lose(sink: FakeSink, blob_id: bytes) -> bytes:
    return sink.blobs.pop(blob_id)  # type: ignore[return-value]


def test_a_folder_that_cannot_be_compared_enters_whole_and_the_rest_as_ever() -> None:
    sink = FakeSink()
    before = build(sink, {b"d": {b"a": b"1", b"b": b"2"}, b"gone": b"3"})
    after = build(sink, {b"d": {b"b": b"2", b"c": b"4"}})
    folder = folder_id(View(sink, before).lookup(b"d"))
    lost = lose(sink, folder)
    told: list[bytes] = []
    attic = update_attic(sink, KEYS, [(before, None)], after, 7, failed=told.append)
    assert told == [b"d"]
    assert found(sink, after, attic) == [(b"gone", b"3")]
    assert any(isinstance(item, Broken) for item in View(sink, after, attic).deleted())
    sink.blobs[folder] = lost  # type: ignore[assignment]
    assert found(sink, after, attic) == [(b"d/a", b"1"), (b"gone", b"3")]
    assert update_attic(sink, KEYS, [(after, attic)], after, 8) == attic


def test_an_attic_below_a_folder_that_cannot_be_read_stays_as_it_is() -> None:
    sink = FakeSink()
    first = build(sink, {b"d": {b"a": b"1", b"b": b"2", b"c": b"3"}})
    second = build(sink, {b"d": {b"b": b"2", b"c": b"3"}})
    third = build(sink, {b"d": {b"c": b"3"}})
    older = update_attic(sink, KEYS, [(first, None)], second, 1)
    assert older is not None
    folder = folder_id(next(iter(View(sink, second).entries(older, attic=True))))
    lost = lose(sink, folder)
    told: list[bytes] = []
    attic = update_attic(sink, KEYS, [(second, older)], third, 2, failed=told.append)
    assert told == [b"d"]
    assert found(sink, third, attic) == [(b"d/b", b"2")]
    sink.blobs[folder] = lost  # type: ignore[assignment]
    assert found(sink, third, attic) == [(b"d/a", b"1"), (b"d/b", b"2")]


def test_a_source_whose_own_folder_cannot_be_read_keeps_the_attic_it_had() -> None:
    sink = FakeSink()
    names = ((b"a", b"b"), (b"b",), (b"c",))
    first, second, third = (build(sink, {name: name for name in each}) for each in names)
    attic = update_attic(sink, KEYS, [(first, None)], second, 1)
    lost = lose(sink, folder_id(second))
    told: list[bytes] = []
    assert update_attic(sink, KEYS, [(second, attic)], third, 2, failed=told.append) == attic
    assert told == [b""]
    sink.blobs[folder_id(second)] = lost  # type: ignore[assignment]
    whole = update_attic(sink, KEYS, [(third, attic), (second, attic)], third, 3)
    assert found(sink, third, whole) == [(b"a", b"a"), (b"b", b"b")]


def test_an_attic_that_cannot_be_read_is_joined_again_once_it_can_be() -> None:
    """What is deleted meanwhile must not wait for that, nor be lost by it."""
    sink = FakeSink()
    first, second, third = (build(sink, {n: n for n in each}) for each in ((b"a", b"b"), (b"b",), ()))
    older = update_attic(sink, KEYS, [(first, None)], second, 1)
    assert older is not None
    lost = lose(sink, older)
    told: list[bytes] = []
    attic = update_attic(sink, KEYS, [(second, older)], third, 2, failed=told.append)
    assert told == [b""]
    assert found(sink, third, attic) == [(b"b", b"b")]
    sink.blobs[older] = lost  # type: ignore[assignment]
    joined = update_attic(sink, KEYS, [(third, attic), (second, older)], third, 3)
    assert found(sink, third, joined) == [(b"a", b"a"), (b"b", b"b")]
