"""One entry: what it may hold, and what is refused."""

from typing import Any

import pytest

from tests.format.values import ID, page_of, plain, refused
from vaultd.format import canon, entry, extra
from vaultd.format.entry import (
    FIFO,
    FILE,
    FOLDER,
    LINK,
    Entry,
    decode_root,
    encode_entry,
    spell_out,
)
from vaultd.format.page import decode_page, encode_page

LONG = ((ID, 1),) * 65


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"size": 6}, "size"),
        ({"content": (), "size": 5}, "size"),
        ({"content": None}, "shape"),
        ({"content": ID[:-1]}, "shape"),
        ({"content": ((ID[:-1], 5),)}, "shape"),
        ({"content": ((ID, 0), (ID, 5))}, "shape"),
        ({"content": ((ID, 5, 5),)}, "shape"),
        ({"content": LONG, "size": 65}, "shape"),
        ({"mode": 0o10000}, "shape"),
        ({"mode": -1}, "shape"),
        ({"size": -1}, "shape"),
        ({"mtime": 2**63}, "shape"),
        ({"mtime": 1.5}, "canonical"),
        ({"mtime": b"1"}, "shape"),
        ({"kind": "1"}, "shape"),
        ({"name": "a"}, "shape"),
        ({"extra": None}, "shape"),
        ({"extra": {b"birth": 1}}, "shape"),
        ({"extra": {"birth": None}}, "shape"),
        ({"extra": {"hard": bytes(15)}}, "shape"),
        ({"extra": {"how": b"changing"}}, "shape"),
        ({"extra": {"owner": ("a",)}}, "shape"),
        ({"extra": {"owner": ("a", "b", "c")}}, "shape"),
        ({"extra": {"rdev": (1, -1)}}, "shape"),
        ({"extra": {"stale": ("EIO", None)}}, "shape"),
        ({"extra": {"xattr": {"user.a": b""}}}, "shape"),
        ({"extra": {"xattr": {b"user.a": ""}}}, "shape"),
        ({"extra": {"zz": 1.5}}, "canonical"),
        ({"extra": {"sparse": ((0, 0),)}}, "shape"),
        ({"extra": {"sparse": ((0, 5), (ID, 5))}}, "shape"),
        ({"extra": {"sparse": ((0, 2), (2, 3))}}, "size"),
        ({"extra": {"sparse": ((3, 1), (0, 1))}}, "size"),
        ({"extra": {"sparse": ((1, 5),)}}, "size"),
        ({"extra": {"sparse": ((0, 4),)}}, "size"),
        ({"extra": {"sparse": ()}}, "size"),
        ({"extra": {"sparse": LONG}}, "shape"),
        ({"kind": FOLDER}, "shape"),
        ({"kind": FOLDER, "content": None, "size": 0}, "shape"),
        ({"kind": FOLDER, "content": ID}, "size"),
        ({"kind": LINK, "content": None}, "shape"),
        ({"kind": LINK, "extra": {"link": b"12345"}}, "shape"),
        ({"kind": LINK, "content": None, "extra": {"link": b"1234"}}, "size"),
        ({"kind": LINK, "content": None, "extra": {"link": ((ID, 4),)}}, "size"),
        ({"kind": FIFO}, "shape"),
        ({"kind": FIFO, "content": None}, "size"),
        ({"extra": {"xattr": {b"user.big": bytes(65_536)}}}, "shape"),
    ],
)
def test_a_wrong_entry(changes: dict[str, Any], word: str) -> None:
    wrong = plain(**changes)
    with refused(word):
        decode_page(page_of(spell_out(wrong)))


@pytest.mark.parametrize(
    "changes",
    [
        {"content": (), "size": 0},
        {"content": ID, "size": 2**62},
        {"content": LONG[:64], "size": 64},
        {"size": 2**43, "extra": {"sparse": ((0, 2), (3, 2), (2**43 - 1, 1))}},
        {"size": 9, "content": (), "extra": {"sparse": ()}},
        {"size": 9, "extra": {"sparse": ((ID, 77),)}},
        {"kind": FOLDER, "content": ID, "size": 0},
        {"kind": LINK, "content": None, "extra": {"link": b"12345"}},
        {"kind": LINK, "content": None, "size": 5000, "extra": {"link": ((ID, 5000),)}},
        {"kind": FIFO, "content": None, "size": 0},
        {"mtime": -(2**63)},
    ],
)
def test_a_right_entry(changes: dict[str, Any]) -> None:
    right = plain(**changes)
    assert decode_page(encode_page([right])).entries == [right]


def test_views() -> None:
    bare = plain()
    views = [
        entry.link_target,
        entry.sparse_map,
        entry.sparse_map_chunks,
        entry.birth,
        entry.hard_link,
        entry.missed,
        entry.stale,
        entry.device_numbers,
    ]
    assert all(view(bare) is None for view in views)
    assert (entry.xattrs(bare), entry.owner(bare), entry.how_read(bare)) == ({}, ("", ""), "")
    rich = plain(
        extra={
            "birth": 1,
            "hard": bytes(16),
            "how": "changing",
            "missed": 2,
            "owner": ("ann", "staff"),
            "rdev": (8, 1),
            "sparse": ((0, 5),),
            "stale": ("EIO", 3),
            "xattr": {b"user.a": b"1", b"user.b": ((ID, 5000),)},
        }
    )
    [found] = decode_page(encode_page([rich])).entries
    assert found == rich
    assert (entry.sparse_map(found), entry.sparse_map_chunks(found)) == (((0, 5),), None)
    assert entry.xattrs(found)[b"user.b"] == ((ID, 5000),)
    assert (entry.owner(found), entry.device_numbers(found)) == (("ann", "staff"), (8, 1))
    assert (entry.birth(found), entry.hard_link(found), entry.how_read(found)) == (1, bytes(16), "changing")
    assert (entry.missed(found), entry.stale(found)) == (2, ("EIO", 3))
    [away] = decode_page(encode_page([plain(extra={"sparse": ((ID, 9),)})])).entries
    assert (entry.sparse_map(away), entry.sparse_map_chunks(away)) == (None, ((ID, 9),))


def test_a_sparse_map_outside_its_entry() -> None:
    parts = tuple((i * 100, 50) for i in range(10_000))
    data = extra.encode_sparse(parts)
    assert extra.decode_sparse(data, 10**6) == parts
    with refused("size"):
        extra.decode_sparse(data, 10**6 - 51)
    with refused("canonical"):
        extra.decode_sparse(data[:-1], 10**6)
    with refused("shape"):
        extra.decode_sparse(canon.encode([[ID, 1]]), 10**6)


def test_the_root_of_a_snapshot() -> None:
    root = plain(b"", kind=FOLDER, content=ID, size=0, extra={"xattr": {b"user.a": b""}})
    assert decode_root(canon.decode(encode_entry(root))) == root
    for changes, word in (({"name": b"a"}, "name"), ({"kind": FILE}, "shape"), ({"size": 1}, "size")):
        fields = {**dict(zip(Entry.__struct_fields__, spell_out(root), strict=True)), **changes}
        with refused(word):
            decode_root(canon.decode(encode_entry(Entry(**fields))))
    with refused("shape"):
        decode_root(None)
