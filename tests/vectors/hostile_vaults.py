"""Whole copies, of which something named is not there, or is another thing than the place asks for."""

from collections.abc import Iterator
from typing import Any

from tests.vectors.vectors import Vector
from tests.vectors.writer import CHUNK, FOLDER, LIST, NOON, PAGE, SYMLINK, Copy, Maker, digest, entry, pack

DEVICE, PHONE = bytes.fromhex("1a" * 8), bytes.fromhex("2b" * 8)
DATA = [b"first chunk", b"second chunk!", b"third"]


def vectors() -> Iterator[Vector]:
    for source in (contents, folders, values, logs):
        for name, expect, comment, copy in source():
            more = {"master": copy.maker.master.hex()}
            yield Vector(f"vault-{name}", "vault", expect, comment, copy.tar(), more)


Case = tuple[str, str, str, Copy]


def vault(
    name: str, *entries: list[Any], copy: Copy | None = None, root: bytes | None = None, **changes: Any
) -> Copy:
    """A copy of one snapshot of these entries."""
    copy = copy or Copy(Maker(seed=f"vaults: {name}"))
    copy.identity()
    root = root or copy.folder([*entries, copy.file(b"sound", b"a file beside it that must be restored")])
    copy.pack()
    copy.log(DEVICE, 1, [copy.snapshot(DEVICE, 1, None, root, **changes)])
    return copy


def fresh(name: str) -> Copy:
    return Copy(Maker(seed=f"vaults: {name}"))


def chunks(copy: Copy) -> list[Any]:
    return [[copy.blob(CHUNK, data), len(data)] for data in DATA]


def contents() -> Iterator[Case]:
    """Contents of files: `bad` has the given content and size."""
    total = sum(map(len, DATA))

    def case(name: str, expect: str, comment: str, copy: Copy, content: Any, size: int = total) -> Case:
        return name, expect, comment, vault(name, entry(b"bad", 1, content, size), copy=copy)

    copy = fresh("chunk-missing")
    yield case("chunk-missing", "missing", "a chunk that no pack holds", copy, [[bytes(32), 5]], 5)
    copy = fresh("chunk-shorter")
    shorter = [[copy.blob(CHUNK, DATA[0]), len(DATA[0]) + 1]]
    yield case(
        "chunk-shorter", "size", "a chunk that is shorter than is said", copy, shorter, len(DATA[0]) + 1
    )
    copy = fresh("list-missing")
    yield case("list-missing", "missing", "a list that no pack holds", copy, bytes(32))
    copy = fresh("list-sum")
    yield case(
        "list-sum",
        "size",
        "a list that sums up to less",
        copy,
        copy.blob(LIST, pack([0, 1, chunks(copy)])),
        99,
    )
    copy = fresh("list-below-sum")
    low = copy.blob(LIST, pack([0, 1, chunks(copy)]))
    high = copy.blob(LIST, pack([1, 1, [[low, 99]]]))
    yield case("list-below-sum", "size", "a list whose child sums up to less", copy, high, 99)
    copy = fresh("list-level-skipped")
    low = copy.blob(LIST, pack([0, 1, chunks(copy)]))
    high = copy.blob(LIST, pack([2, 1, [[low, total]]]))
    yield case("list-level-skipped", "shape", "a child two levels lower", copy, high)
    copy = fresh("list-of-pages-in-a-file")
    page = copy.blob(PAGE, pack([entry(b"x")]))
    yield case(
        "list-of-pages-in-a-file", "shape", "a file with the content of a folder", copy,
        copy.blob(LIST, pack([0, 2, [[page, b"x"]]])),
    )  # fmt: skip
    copy = fresh("page-as-chunk")
    page = pack([entry(b"x")])
    yield case(
        "page-as-chunk",
        "missing",
        "a page where a chunk is asked for",
        copy,
        [[copy.blob(PAGE, page), len(page)]],
        len(page),
    )
    copy = fresh("chunk-as-list")
    lying = copy.blob(CHUNK, pack([0, 1, chunks(copy)]))
    yield case("chunk-as-list", "missing", "a user's file that spells a list", copy, lying)
    copy = fresh("chunk-in-list-missing")
    pairs = [*chunks(copy), [bytes(32), 4]]
    yield case(
        "chunk-in-list-missing",
        "missing",
        "one chunk of a list is missing",
        copy,
        copy.blob(LIST, pack([0, 1, pairs])),
        total + 4,
    )


def folders() -> Iterator[Case]:
    """Contents of folders: `bad` is a folder."""

    def case(name: str, expect: str, comment: str, copy: Copy, content: bytes) -> Case:
        return name, expect, comment, vault(name, entry(b"bad", FOLDER, content), copy=copy)

    copy = fresh("folder-missing")
    yield case("folder-missing", "missing", "a page that no pack holds", copy, bytes(32))
    copy = fresh("chunk-as-page")
    evil = pack([entry(b"planted", 1, [], 0, mode=0o777)])
    yield case("chunk-as-page", "missing", "a user's file that spells a page", copy, copy.blob(CHUNK, evil))
    copy = fresh("list-of-chunks-in-a-folder")
    yield case(
        "list-of-chunks-in-a-folder", "shape", "a folder with the content of a file", copy,
        copy.blob(LIST, pack([0, 1, chunks(copy)])),
    )  # fmt: skip
    copy = fresh("list-first-name")
    page = copy.blob(PAGE, pack([entry(b"b")]))
    yield case(
        "list-first-name",
        "order",
        "a list that says another first name",
        copy,
        copy.blob(LIST, pack([0, 2, [[page, b"a"]]])),
    )
    copy = fresh("list-child-first-name")
    low = copy.blob(LIST, pack([0, 2, [[copy.blob(PAGE, pack([entry(b"b")])), b"b"]]]))
    yield case(
        "list-child-first-name",
        "order",
        "a list of lists that says another first name",
        copy,
        copy.blob(LIST, pack([1, 2, [[low, b"a"]]])),
    )
    copy = fresh("pages-overlap")
    pages = [
        [copy.blob(PAGE, pack([entry(name) for name in group])), group[0]] for group in ([b"a", b"m"], [b"b"])
    ]
    yield case(
        "pages-overlap",
        "order",
        "a page that begins before the last one ended",
        copy,
        copy.blob(LIST, pack([0, 2, pages])),
    )
    copy = fresh("name-out-of-target")
    page = copy.blob(PAGE, pack([entry(b"../escaped", 1, [], 0)]))
    yield case("name-out-of-target", "name", "a name that leads out of the target", copy, page)
    copy = fresh("name-twice-link-then-folder")
    inside = copy.folder([entry(b"escaped")])
    pair = [entry(b"x", SYMLINK, None, 5, {"link": b"/tmp/"}), entry(b"x", FOLDER, inside)]
    yield case(
        "name-twice-link-then-folder",
        "order",
        "a link, and a folder of the same name behind it",
        copy,
        copy.blob(PAGE, pack(pair)),
    )


def values() -> Iterator[Case]:
    """Values of `extra` that stand in chunks of their own."""
    copy = fresh("link-chunk-missing")
    link = entry(b"bad", SYMLINK, None, 5, {"link": [[bytes(32), 5]]})
    yield "link-chunk-missing", "missing", "the target of a link is gone", vault("", link, copy=copy)
    copy = fresh("xattr-chunk-missing")
    tagged = entry(b"bad", 1, [], 0, {"xattr": {b"user.big": [[bytes(32), 5000]]}})
    yield "xattr-chunk-missing", "missing", "the value of an attribute is gone", vault("", tagged, copy=copy)
    for name, expect, encoded in (
        ("sparse-map-overlap", "size", pack([[0, 10], [5, 10]])),
        ("sparse-map-float", "canonical", b"\x91\x92\x00\xcb@4" + bytes(6)),
        ("sparse-map-shape", "shape", pack({"parts": 1})),
    ):
        copy = fresh(name)
        extra = {"sparse": [[copy.blob(CHUNK, encoded), len(encoded)]]}
        holes = entry(b"bad", 1, copy.content(b"x" * 20), 100, extra)
        yield name, expect, "a sparse map in a chunk of its own", vault("", holes, copy=copy)


def logs() -> Iterator[Case]:
    """Chains of records over several log files; the snapshot itself is sound."""
    copy = vault("record-missing")
    lost = bytes(range(32))
    copy.log(PHONE, 2, [copy.record("device", PHONE, 2, lost, {"name": "phone", "replaces": None})])
    yield "record-missing", "missing", "a record goes on from one that is not there", copy
    copy = vault("record-astray")
    first = copy.record("device", PHONE, 1, None, {"name": "phone", "replaces": None})
    copy.log(PHONE, 1, [first])
    copy.log(
        PHONE, 2, [copy.record("device", PHONE, 2, lost, {"name": "phone", "replaces": digest(first)[:8]})]
    )
    yield "record-astray", "chain", "a record goes on from another than the one before it", copy
    copy = vault("log-of-tomorrow")
    copy.log(PHONE, 1, [copy.record("levitate", PHONE, 1, None, {"height": 3})])
    yield "log-of-tomorrow", "unknown", "a record of a kind that version 1 does not know", copy
    copy = vault("entry-of-tomorrow", [b"portal", 12, 0, 0, 0, NOON, 7, ["any"], {}])
    yield "entry-of-tomorrow", "unknown", "an entry of a kind that version 1 does not know", copy
