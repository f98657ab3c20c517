"""Lists: thousands of chunks or pages under one id."""

import random
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import ID, KEYS, ids, mutated, refused, taken
from vaultd.format import canon
from vaultd.format.entry import FILE, Entry
from vaultd.format.limits import CHUNK, LIST, MAX_INLINE, MAX_LIST, PAGE
from vaultd.format.lists import ContentBuilder, ListBuilder, ListNode, decode_list, encode_list, write_folder
from vaultd.format.page import decode_page


class Store(dict[bytes, bytes]):
    """Blobs by their ids, and what was written in order."""

    def write(self, data: bytes) -> bytes:
        self[blake3(data).digest()] = data
        return blake3(data).digest()

    def leaves(self, top: bytes, level: int | None = None) -> list[tuple[bytes, Any]]:
        """All items of level 0 below a list, having checked what a reader must."""
        node = decode_list(self[top])
        assert level in (None, node.level)
        if node.level == 0:
            return list(node.items)
        found = []
        for child, what in node.items:
            below = self.leaves(child, node.level - 1)
            assert what == (below[0][1] if node.type == PAGE else sum(length for _, length in below))
            found += below
        return found


def chunks(count: int, rng: random.Random) -> list[tuple[bytes, int]]:
    return [(rng.randbytes(32), rng.randrange(1, 4 << 20)) for _ in range(count)]


def build(items: list[tuple[bytes, Any]], blob_type: int, store: Store) -> bytes:
    builder = ListBuilder(blob_type, store.write)
    for item in items:
        builder.add(*item)
    return builder.finish()


@pytest.mark.parametrize("count", [1, 65, 1000, 20_000])
def test_chunks_are_found_again(count: int, rng: random.Random) -> None:
    store, items = Store(), chunks(count, rng)
    assert store.leaves(build(items, CHUNK, store)) == items


def test_pages_are_found_again(rng: random.Random) -> None:
    store = Store()
    items = [(rng.randbytes(32), b"%08d" % i) for i in range(9000)]
    assert store.leaves(build(items, PAGE, store)) == items


def ending(number: int, cut: bool) -> bytes:
    return bytes(24) + number.to_bytes(4, "big") + (0 if cut else 1).to_bytes(4, "little")


def test_a_list_ends_at_8192_items_and_not_before() -> None:
    store = Store()
    top = build([(ending(i, cut=False), 1) for i in range(MAX_LIST)], CHUNK, store)
    assert len(decode_list(store[top]).items) == MAX_LIST
    store = Store()
    top = build([(ending(i, cut=False), 1) for i in range(MAX_LIST + 1)], CHUNK, store)
    assert [what for _, what in decode_list(store[top]).items] == [MAX_LIST, 1]


def test_a_single_list_is_the_top_also_where_its_end_was_cut() -> None:
    store = Store()
    top = build([(ending(1, cut=False), 1), (ending(2, cut=True), 1)], CHUNK, store)
    assert decode_list(store[top]).level == 0
    assert list(store) == [top]


def test_lists_end_at_ids_so_that_an_insertion_stays_local(rng: random.Random) -> None:
    store, items = Store(), chunks(20_000, rng)
    build(items, CHUNK, store)
    before = len(store)
    assert before > 8
    items.insert(10_000, (rng.randbytes(32), 7))
    build(items, CHUNK, store)
    assert len(store) - before <= 3


def test_one_id_again_and_again_still_makes_a_tree() -> None:
    """A file of zeros is one chunk all over; its id may be one that ends a list."""
    for cut in (False, True):
        store, items = Store(), [(ending(0, cut=cut), 4 << 20)] * 30_000
        assert store.leaves(build(items, CHUNK, store)) == items


def test_a_list_of_nothing_is_not_made() -> None:
    with pytest.raises(ValueError, match="items"):
        ListBuilder(CHUNK, Store().write).finish()


nodes = st.one_of(
    st.builds(
        ListNode,
        st.integers(0, 3),
        st.just(1),
        st.lists(st.tuples(ids, st.integers(1, 2**62)), min_size=1, max_size=9).map(tuple),
    ),
    st.builds(
        ListNode,
        st.integers(0, 3),
        st.just(2),
        st.lists(st.binary(max_size=9), min_size=1, max_size=9, unique=True).map(
            lambda found: tuple((ID, name) for name in sorted(found))
        ),
    ),
)


@given(nodes)
def test_a_list_survives(node: ListNode) -> None:
    assert decode_list(encode_list(node)) == node


@given(nodes, st.data())
def test_a_mutated_list_is_refused_or_another_one(node: ListNode, data: st.DataObject) -> None:
    changed = data.draw(mutated(encode_list(node)))
    for found in taken(decode_list, changed, "canonical", "shape", "order", "depth"):
        assert encode_list(found) == changed


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ([4, CHUNK, [[ID, 1]]], "shape"),
        ([-1, CHUNK, [[ID, 1]]], "shape"),
        ([0, LIST, [[ID, 1]]], "shape"),
        ([0, CHUNK, []], "shape"),
        ([0, CHUNK, [[ID, 1]] * (MAX_LIST + 1)], "shape"),
        ([0, CHUNK, [[ID, 0]]], "shape"),
        ([0, CHUNK, [[ID, b"a"]]], "shape"),
        ([0, PAGE, [[ID, 1]]], "shape"),
        ([0, CHUNK, [[ID[1:], 1]]], "shape"),
        ([0, CHUNK, [[ID, 1, 1]]], "shape"),
        ([0, CHUNK, [[ID, 1]], 1], "shape"),
        ([0, CHUNK], "shape"),
        ([0, CHUNK, [[ID, 1.0]]], "canonical"),
        ([0, PAGE, [[ID, b"b"], [ID, b"a"]]], "order"),
        ([0, PAGE, [[ID, b"a"], [ID, b"a"]]], "order"),
    ],
)
def test_a_wrong_list(value: Any, word: str) -> None:
    with refused(word):
        decode_list(canon.encode(value))


def test_first_names_repeat_in_an_attic_only() -> None:
    data = encode_list(ListNode(0, 2, ((ID, b"a"), (ID, b"a"))))
    assert decode_list(data, attic=True).items[1] == (ID, b"a")


def test_content_stands_in_the_entry_while_it_is_short(rng: random.Random) -> None:
    for count in (0, 1, MAX_INLINE, MAX_INLINE + 1, 300):
        store, items = Store(), chunks(count, rng)
        builder = ContentBuilder(store.write)
        for item in items:
            builder.add(*item)
        content = builder.finish()
        if count <= MAX_INLINE:
            assert (content, store) == (tuple(items), {})
        else:
            assert isinstance(content, bytes)
            assert store.leaves(content) == items


def folder(count: int) -> list[Entry]:
    return [Entry(b"%06d" % i, FILE, 0o644, 0, 0, 0, 0, (), {}) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 100, 3000])
def test_a_folder_has_one_id(count: int) -> None:
    pages, lists = Store(), Store()
    top = write_folder(iter(folder(count)), KEYS, pages.write, lists.write)
    if top in pages:
        assert not lists
        assert decode_page(pages[top]).entries == folder(count)
        return
    found = lists.leaves(top)
    assert [one for page, _ in found for one in decode_page(pages[page]).entries] == folder(count)
    assert all(decode_page(pages[page]).entries[0].name == first for page, first in found)
    assert count == 3000
