"""Values that the tests of the format share: keys, ways to fail, and strategies for every structure."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st

from vaultd.errors import Refused
from vaultd.format import canon
from vaultd.format.box import BoxWriter
from vaultd.format.codec import encode
from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, FOLDER, LINK, SOCKET, Entry
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK, KIND_DATA

T = TypeVar("T")
KEYS = Keys.from_master(bytes(range(32)), b"a vault's own id")
OTHER = Keys.from_master(bytes(range(1, 33)), b"a vault's own id")
ID = bytes(range(100, 132))

ids = st.binary(min_size=32, max_size=32)
times = st.integers(-(2**63), 2**63 - 1)
sizes = st.integers(0, 2**63 - 1)
names = st.binary(min_size=1, max_size=40).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
pairs = st.lists(st.tuples(ids, st.integers(1, 2**40)), max_size=5).map(tuple)


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """The block must refuse, with one of these words."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.reason in words, str(caught.value)


def taken(decode: Callable[[bytes], T], data: bytes, *words: str) -> list[T]:
    """What `decode` made of the bytes, alone in a list; an empty list where it refused with one of these
    words.
    """
    try:
        return [decode(data)]
    except Refused as refusal:
        if refusal.reason not in words:
            raise
    return []


def fill(
    plains: list[bytes], keys: Keys = KEYS, kind: int = KIND_DATA, blob_type: int = CHUNK, verify: bool = True
) -> bytes:
    """The bytes of a box with these blobs."""
    writer = BoxWriter(keys, kind, bytearray(2 * sum(map(len, plains)) + 100 * len(plains) + 4096))
    for plain in plains:
        codec, stored = encode(plain)
        writer.add(keys.blob_id(blob_type, plain), blob_type, codec, stored, len(plain))
    return bytes(writer.finish(verify=verify))


def leaves() -> st.SearchStrategy[Any]:
    return (
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.text(max_size=40)
        | st.binary(max_size=40)
    )


def structures() -> st.SearchStrategy[Any]:
    """What one structure may hold, as decoding gives it."""
    return st.recursive(
        leaves(),
        lambda inner: (
            st.lists(inner, max_size=5)
            | st.dictionaries(st.text(max_size=8), inner, max_size=5)
            | st.dictionaries(st.binary(max_size=8), inner, max_size=5)
        ),
        max_leaves=12,
    )


def _sparse(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    parts, position = [], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(1, 2**30), st.integers(1, 2**30)), max_size=4)):
        parts.append((position + gap, length))
        position += gap + length
    return tuple(parts)


@st.composite
def extras(draw: st.DrawFn) -> dict[str, Any]:
    """Extras that any entry may have."""
    common: dict[str, st.SearchStrategy[Any]] = {
        "birth": times,
        "hard": st.binary(min_size=16, max_size=16),
        "how": st.text(max_size=10),
        "missed": times,
        "owner": st.tuples(st.text(max_size=8), st.text(max_size=8)),
        "stale": st.tuples(st.text(max_size=8), times),
        "xattr": st.dictionaries(st.binary(max_size=8), st.binary(max_size=8) | pairs, max_size=3),
    }
    return draw(st.fixed_dictionaries({}, optional=common))


@st.composite
def entries(draw: st.DrawFn, name: bytes | None = None) -> Entry:
    """An entry that a writer may write."""
    kind = draw(st.sampled_from([FILE, FILE, FOLDER, LINK, FIFO, SOCKET, CHAR, BLOCK]))
    extra = draw(extras())
    content: Any = None
    size = 0
    if kind == FILE:
        content = draw(pairs)
        size = sum(length for _, length in content)
        if draw(st.booleans()):
            extra["sparse"] = _sparse(draw)
            content = ID
            size = sum(extra["sparse"][-1]) if extra["sparse"] else size
    elif kind == FOLDER:
        content = draw(ids)
    elif kind == LINK:
        extra["link"] = draw(st.binary(max_size=20) | pairs)
        target = extra["link"]
        size = len(target) if isinstance(target, bytes) else sum(length for _, length in target)
    elif kind in (CHAR, BLOCK):
        extra["rdev"] = draw(st.tuples(sizes, sizes))
    return Entry(
        draw(names) if name is None else name,
        kind,
        draw(st.integers(0, 0o7777)),
        draw(times),
        draw(times),
        draw(times),
        size,
        content,
        dict(sorted(extra.items())),
    )


folders = st.lists(entries(), max_size=12, unique_by=lambda entry: entry.name).map(
    lambda found: sorted(found, key=lambda entry: entry.name)
)


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with one byte changed, put in, or taken out, or with its end cut off."""
    place = draw(st.integers(0, len(data) - 1))
    byte = draw(st.binary(min_size=1, max_size=1))
    how = draw(st.sampled_from(["change", "insert", "remove", "cut"]))
    tail = {
        "change": byte + data[place + 1 :],
        "insert": byte + data[place:],
        "remove": data[place + 1 :],
        "cut": b"",
    }
    return data[:place] + tail[how]


def plain(name: bytes = b"a", **changes: Any) -> Entry:
    """A small file that is right but for what is changed."""
    fields = {
        "kind": FILE,
        "mode": 0o644,
        "uid": 0,
        "gid": 0,
        "mtime": 0,
        "size": 5,
        "content": ((ID, 5),),
        "extra": {},
    }
    return Entry(name, **{**fields, **changes})


def page_of(*values: Any) -> bytes:
    return canon.encode(list(values))
