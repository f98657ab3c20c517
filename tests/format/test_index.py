"""The index: what it repeats is what the packs say, or it is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import ID, KEYS, fill, mutated, refused, taken
from vaultd.format import canon
from vaultd.format.box import BoxHead
from vaultd.format.index import PackTable, decode_index, encode_index
from vaultd.format.limits import HEAD, KIND_DATA, MAX_BLOB, MAX_BOX, ROW
from vaultd.format.table import decode_table, encode_table


def table_of(box: bytes) -> PackTable:
    rows = BoxHead.parse(box, KEYS, KIND_DATA).trailer(box, len(box))
    return PackTable(ID, len(box), box[:HEAD], encode_table(rows))


def test_a_pack_is_found_again() -> None:
    box = fill([b"one", b"two"])
    [data] = encode_index([table_of(box)], [b"\2" * 32, b"\1" * 32])
    index = decode_index(data)
    assert index.packs == (table_of(box),)
    assert (index.supersedes, index.unknown) == ((b"\1" * 32, b"\2" * 32), [])
    assert [row.plain_len for row in decode_table(index.packs[0].table, KIND_DATA)] == [3, 3]


def made(rows: int, digest: bytes = ID) -> PackTable:
    return PackTable(digest, 2048, bytes(HEAD), bytes(ROW * rows))


@given(st.lists(st.integers(1, 200_000), max_size=12))
def test_many_packs_make_several_blobs(sizes: list[int]) -> None:
    packs = [made(rows, bytes([number]) * 32) for number, rows in enumerate(sizes)]
    blobs = list(encode_index(packs, [ID]))
    assert all(len(blob) <= MAX_BLOB for blob in blobs)
    found = [decode_index(blob) for blob in blobs]
    assert [pack for index in found for pack in index.packs] == packs
    assert [old for index in found for old in index.supersedes] == [ID]


def test_a_table_that_fits_no_blob_is_left_out() -> None:
    [data] = encode_index([made(400_000), made(1)])
    assert [len(pack.table) for pack in decode_index(data).packs] == [ROW]


def test_no_pack_is_an_index_too() -> None:
    assert [tuple(decode_index(data)) for data in encode_index([])] == [((), (), [])]


GOOD: dict[str, Any] = {"packs": [[ID, 1024, bytes(HEAD), bytes(ROW)]], "supersedes": [], "v": 1}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"packs": [[ID, 1024, bytes(HEAD), bytes(ROW + 1)]]}, "length"),
        ({"packs": [[ID, 1024, bytes(HEAD), b""]]}, "shape"),
        ({"packs": [[ID, 1024, bytes(HEAD - 1), bytes(ROW)]]}, "shape"),
        ({"packs": [[ID, 1023, bytes(HEAD), bytes(ROW)]]}, "shape"),
        ({"packs": [[ID, MAX_BOX + 1, bytes(HEAD), bytes(ROW)]]}, "shape"),
        ({"packs": [[ID, 1024, bytes(HEAD), bytes(ROW), 1]]}, "shape"),
        ({"packs": [[ID, 1024, bytes(HEAD)]]}, "shape"),
        ({"supersedes": [bytes(31)]}, "shape"),
        ({"v": 2}, "shape"),
    ],
)
def test_a_wrong_index(changes: dict[str, Any], word: str) -> None:
    with refused(word):
        decode_index(canon.encode({**GOOD, **changes}))


def test_unknown_keys_are_reported() -> None:
    assert decode_index(canon.encode({**GOOD, "later": {}})).unknown == ["index key later"]
    with refused("shape"):
        decode_index(canon.encode([]))


@given(st.data())
def test_a_mutated_index_is_refused_or_canonical(data: st.DataObject) -> None:
    changed = data.draw(mutated(canon.encode(GOOD)))
    for found in taken(decode_index, changed, "canonical", "shape", "length", "depth"):
        assert canon.encode(canon.decode(changed)) == changed
        assert decode_index(changed) == found


def test_packs_are_asked_for_only_as_blobs_take_them() -> None:
    asked: list[int] = []

    def tables() -> Iterator[PackTable]:
        for number in range(30):
            asked.append(number)
            yield made(20_000)  # 840,000 bytes each: a few fill a blob

    next(encode_index(tables()))
    assert len(asked) < 10
