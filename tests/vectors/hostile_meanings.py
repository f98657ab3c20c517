"""Pages and lists whose seals are right, and which must be refused for what they say."""

import struct
from collections.abc import Iterator
from typing import Any

from tests.vectors.vectors import Vector
from tests.vectors.writer import FIFO, FOLDER, SOCKET, SYMLINK, entry, pack

ID, OTHER = bytes(range(32)), bytes(range(1, 33))
FILE_ENTRY = entry(b"name")
Cases = dict[str, tuple[str, str, Any]]


def vectors() -> Iterator[Vector]:
    yield from spelled("page", names() | spelling() | targets() | entries() | later())
    yield from spelled("list", lists())


def spelled(structure: str, cases: Cases) -> Iterator[Vector]:
    """The vectors of one structure; those whose name begins with `attic` are of an attic."""
    for name, (expect, comment, value) in cases.items():
        data = value if isinstance(value, bytes) else pack(value)
        more = {"attic": "yes"} if name.startswith("attic") else {}
        yield Vector(f"{structure}-{name}", structure, expect, comment, data, more)


def names() -> Cases:
    bad = {
        "empty": b"", "dot": b".", "dot-dot": b"..", "slash": b"a/b", "absolute": b"/etc/passwd",
        "up": b"../up", "nul": b"a\0b", "too-long": b"n" * 1025,
    }  # fmt: skip
    twice = [entry(b"a"), entry(b"a")]
    return {
        f"name-{key}": ("name", "a name that no entry may have", [entry(name)]) for key, name in bad.items()
    } | {
        "name-twice": ("order", "two entries of one name", twice),
        "unsorted": ("order", "names that descend", [entry(b"b"), entry(b"a")]),
        "attic-unsorted": ("order", "an attic whose names descend", [entry(b"b"), entry(b"a")]),
        "attic-same-entry-twice": ("order", "the same entry twice, in an attic", twice),
    }


def spelling() -> Cases:
    """MessagePack that is not canonical, each time somewhere that nothing else would notice."""
    good = pack([entry(b"a", extra={"zz": 7})])

    def with_value(value: bytes) -> bytes:
        assert good.count(b"zz\x07") == 1
        return good.replace(b"zz\x07", b"zz" + value)

    deep = b"\x91" * 100 + b"\xc0"
    return {
        "int-not-shortest": ("canonical", "7 in two bytes", with_value(b"\xcc\x07")),
        "int-signed": ("canonical", "7 as a signed byte", with_value(b"\xd0\x07")),
        "str-not-shortest": ("canonical", "a short string with a long length", with_value(b"\xd9\x01x")),
        "bin-not-shortest": ("canonical", "short bytes with a long length", with_value(b"\xc5\x00\x01x")),
        "array-not-shortest": ("canonical", "a short array with a long length", with_value(b"\xdc\x00\x00")),
        "map-not-shortest": ("canonical", "a short map with a long length", with_value(b"\xde\x00\x00")),
        "float": ("canonical", "a float", with_value(b"\xcb" + struct.pack(">d", 7.0))),
        "float-nan": (
            "canonical",
            "a float that is not even itself",
            with_value(b"\xcb" + b"\x7f\xf8" + bytes(6)),
        ),
        "float-32": ("canonical", "a short float", with_value(b"\xca" + struct.pack(">f", 7.0))),
        "ext": ("canonical", "an extension type", with_value(b"\xd4\x05\x00")),
        "timestamp": (
            "canonical",
            "the extension type that libraries take for a time",
            with_value(b"\xd6\xff" + bytes(4)),
        ),
        "never-used": ("canonical", "the byte that MessagePack leaves free", with_value(b"\xc1")),
        "str-not-utf8": ("canonical", "a string that is not UTF-8", with_value(b"\xa2\xc3\x28")),
        "str-surrogate": ("canonical", "a string with half a character", with_value(b"\xa3\xed\xa0\x80")),
        "map-keys-twice": ("canonical", "a key twice in a map", with_value(b"\x82\xa1a\x01\xa1a\x02")),
        "map-keys-unsorted": (
            "canonical",
            "keys of a map that descend",
            with_value(b"\x82\xa1b\x01\xa1a\x02"),
        ),
        "map-keys-by-length": (
            "canonical",
            "keys ordered by length first",
            with_value(b"\x82\xa1b\x01\xa2aa\x02"),
        ),
        "map-key-int": ("shape", "a map with a number for a key", with_value(b"\x81\x01\x02")),
        "map-key-array": ("shape", "a map with an array for a key", with_value(b"\x81\x91\x01\x02")),
        "nested-17": ("depth", "an array that stands 17 deep", with_value(b"\x91" * 13 + b"\x90")),
        "nested-100": ("depth", "arrays that stand a hundred deep", with_value(deep)),
        "nested-60000": ("depth", "arrays that no stack can hold", b"\x91" * 60_000 + b"\xc0"),
        "trailing": ("canonical", "a byte after the value", good + b"\xc0"),
        "cut": ("canonical", "a value that ends too early", good[:-1]),
        "nothing": ("canonical", "no bytes", b""),
        "array-4-billion": (
            "canonical",
            "an array of four billion entries, of which none is there",
            b"\xdd" + b"\xff" * 4,
        ),
        "not-a-page": ("shape", "a map", {"a": 1}),
        "513-entries": ("shape", "one entry too many", [entry(b"%04d" % i) for i in range(513)]),
    }


def targets() -> Cases:
    """What is for symbolic links, where there is none; and keys that are no text."""
    twice = pack([entry(b"a", extra={"zz": 7})]).replace(b"zz\x07", b"zz\x82\xa1a\x01\xc4\x01a\x02")
    return {
        "map-keys-str-and-bin": ("canonical", "text and bytes that are one key", twice),
        "entry-link-of-file": ("shape", "a file that leads somewhere", [entry(b"a", extra={"link": b""})]),
        "entry-link-of-folder": (
            "shape",
            "a folder that leads somewhere",
            [entry(b"name", FOLDER, ID, mode=0o644, extra={"link": b""})],
        ),
        "entry-link-of-fifo": (
            "shape",
            "a FIFO that leads somewhere",
            [entry(b"p", FIFO, extra={"link": b""})],
        ),
        "extra-key-bin": ("shape", "bytes for the name of something extra", [entry(b"a", extra={b"zz": 7})]),
    }


def entries() -> Cases:
    def one(**parts: Any) -> list[Any]:
        fields = ("name", "kind", "mode", "uid", "gid", "mtime", "size", "content", "extra")
        return [[parts.get(field, value) for field, value in zip(fields, FILE_ENTRY, strict=True)]]

    def sparse(parts: Any, size: int = 100, held: int = 20) -> list[Any]:
        return [entry(b"s", 1, [[ID, held]] if held else [], size, {"sparse": parts})]

    folder = entry(b"f", FOLDER, ID)
    link = entry(b"l", SYMLINK, None, 4, {"link": b"here"})
    return {
        "entry-map": ("shape", "an entry that is a map", [{"name": b"a"}]),
        "entry-short": ("shape", "eight positions", [FILE_ENTRY[:8]]),
        "entry-name-str": ("shape", "a name that is text", one(name="name")),
        "entry-kind-str": ("shape", "a kind that is text", one(kind="file")),
        "entry-mode-high": ("shape", "a mode with bits that are not permissions", one(mode=0o100644)),
        "entry-mode-negative": ("shape", "a mode below zero", one(mode=-1)),
        "entry-mode-bool": ("shape", "a mode that is true", one(mode=True)),
        "entry-mtime-str": ("shape", "a time that is text", one(mtime="now")),
        "entry-mtime-high": ("shape", "a time past 2^63", one(mtime=2**63)),
        "entry-uid-nil": ("shape", "no owner", one(uid=None)),
        "entry-size-negative": ("shape", "fewer than no bytes", one(size=-1)),
        "entry-content-nil": ("shape", "a file without content", one(content=None)),
        "entry-content-65": ("shape", "65 chunks in one entry", one(content=[[ID, 1]] * 65, size=65)),
        "entry-content-short-id": (
            "shape",
            "a chunk with an id of 31 bytes",
            one(content=[[ID[:31], 1]], size=1),
        ),
        "entry-content-triple": ("shape", "a chunk with three parts", one(content=[[ID, 1, 1]], size=1)),
        "entry-folder-inline": (
            "shape",
            "a folder with the content of a file",
            [entry(b"f", FOLDER, [[ID, 1]])],
        ),
        "entry-folder-nil": ("shape", "a folder without content", [[*folder[:7], None, {}]]),
        "entry-fifo-content": ("shape", "a FIFO with content", [[*entry(b"p", FIFO)[:7], ID, {}]]),
        "entry-link-missing": ("shape", "a symbolic link without its target", [[*link[:8], {}]]),
        "entry-extra-array": ("shape", "extra that is not a map", one(extra=[])),
        "entry-too-long": ("shape", "an entry of more than 64 KiB", one(extra={"how": "x" * 65_536})),
        "entry-size-high": ("size", "a size that is more than its chunks", one(content=[[ID, 10]], size=11)),
        "entry-size-without-chunks": ("size", "a size, and no chunks", one(size=1)),
        "entry-folder-size": ("size", "a folder with a size", [[*folder[:6], 5, *folder[7:]]]),
        "entry-socket-size": ("size", "a socket with a size", [entry(b"s", SOCKET, None, 1)]),
        "entry-link-size": (
            "size",
            "a link whose target is longer than its size",
            [[*link[:6], 3, *link[7:]]],
        ),
        "extra-link-str": (
            "shape",
            "a target that is text",
            [entry(b"l", SYMLINK, None, 4, {"link": "here"})],
        ),
        "extra-hard-short": ("shape", "a hard-link group of 15 bytes", one(extra={"hard": bytes(15)})),
        "extra-missed-str": ("shape", "a time that is text", one(extra={"missed": "long ago"})),
        "extra-owner-bytes": (
            "shape",
            "names of owners that are bytes",
            one(extra={"owner": [b"root", b"root"]}),
        ),
        "extra-rdev-one": ("shape", "half a device number", one(kind=6, content=None, extra={"rdev": [1]})),
        "extra-stale-alone": ("shape", "an error without its time", one(extra={"stale": ["EIO"]})),
        "extra-xattr-str": (
            "shape",
            "names of attributes that are text",
            one(extra={"xattr": {"user.a": b""}}),
        ),
        "extra-xattr-value-int": (
            "shape",
            "an attribute that is a number",
            one(extra={"xattr": {b"user.a": 1}}),
        ),
        "sparse-overlap": ("size", "parts that overlap", sparse([[0, 10], [5, 10]])),
        "sparse-touch": ("size", "parts that touch", sparse([[0, 10], [10, 10]])),
        "sparse-unsorted": ("size", "parts that descend", sparse([[50, 10], [0, 10]])),
        "sparse-past-the-end": ("size", "a part that passes the end", sparse([[90, 20]])),
        "sparse-sum": ("size", "parts that hold less than the chunks", sparse([[0, 10]])),
        "sparse-shape": ("shape", "parts with three numbers", sparse([[0, 10, 1], [50, 10, 1]])),
    }


def later() -> Cases:
    """What a later version may add: it is read past, and whoever meets it deletes nothing."""
    return {
        "unknown-kind": ("unknown", "an entry of kind 9", [[*entry(b"a", 9)[:7], {"any": "thing"}, {}]]),
        "unknown-extra": ("unknown", "a key of extra", [entry(b"a", extra={"colour": "red"})]),
        "unknown-position": ("unknown", "a tenth position", [[*FILE_ENTRY, "tenth"]]),
    }


def lists() -> Cases:
    return {
        "level-4": ("shape", "a list of level 4", [4, 1, [[ID, 1]]]),
        "level-negative": ("shape", "a list of level -1", [-1, 1, [[ID, 1]]]),
        "type-3": ("shape", "a list of lists, by type", [0, 3, [[ID, 1]]]),
        "empty": ("shape", "a list without items", [0, 1, []]),
        "8193-items": ("shape", "one item too many", [0, 1, [[ID, 1]] * 8193]),
        "length-0": ("shape", "an item without bytes", [0, 1, [[ID, 0]]]),
        "length-negative": ("shape", "an item with less than no bytes", [0, 1, [[ID, -5]]]),
        "name-for-chunks": ("shape", "a list of chunks with names", [0, 1, [[ID, b"a"]]]),
        "length-for-pages": ("shape", "a list of pages with lengths", [0, 2, [[ID, 1]]]),
        "fourth-position": ("shape", "an array of four", [0, 1, [[ID, 1]], "more"]),
        "short-id": ("shape", "an id of 31 bytes", [0, 1, [[ID[:31], 1]]]),
        "names-descend": ("order", "first names that descend", [0, 2, [[ID, b"b"], [OTHER, b"a"]]]),
        "names-twice": ("order", "two pages with one first name", [0, 2, [[ID, b"a"], [OTHER, b"a"]]]),
        "trailing": ("canonical", "a byte after the value", pack([0, 1, [[ID, 1]]]) + b"\0"),
    }
