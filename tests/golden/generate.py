"""Writes the golden copies and their manifests, once. Only a person runs this, and it never overwrites.

    python -m tests.golden.generate FOLDER

Each NAME.tar holds a folder per copy; NAME.json says what every snapshot restores to.
"""

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from blake3 import blake3

from tests.vectors import writer
from tests.vectors.writer import (
    CHAR,
    CHUNK,
    FIFO,
    FOLDER,
    NOON,
    SOCKET,
    SYMLINK,
    Blob,
    Copy,
    Maker,
    digest,
    entry,
    pack,
)

LAPTOP, PHONE, FUTURE = bytes.fromhex("1a" * 8), bytes.fromhex("2b" * 8), bytes.fromhex("3c" * 8)
Wanted = dict[str, dict[str, Any]]
TIB = 1 << 40


def noise(name: str, length: int) -> bytes:
    """Bytes that do not compress."""
    return bytes(blake3(name.encode()).digest(length))


class Tree:
    """Entries of a folder that is being made, beside what they must be restored to."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.entries: dict[bytes, list[list[Any]]] = {b"": []}
        self.folders: dict[bytes, list[Any]] = {}
        self.wanted: Wanted = {}

    def add(self, path: bytes, made: list[Any], data: bytes | None = None, **more: Any) -> None:
        folder, _, made[0] = path.rpartition(b"/")
        self.entries[folder].append(made)
        if made[1] == FOLDER:
            self.entries.setdefault(path, [])
            self.folders[path] = made
        if made[1] in (SOCKET, CHAR) or made[1] > 7:
            return
        want = {"kind": made[1], "mode": made[2] & 0o1777, "mtime": made[5], **more}
        if made[1] == SYMLINK:
            del want["mode"]
        if data is not None:
            want |= {"size": made[6], "blake3": digest(data).hex()}
        self.wanted[quote_from_bytes(path)] = want

    def file(self, path: bytes, data: bytes, pieces: int = 1 << 20, extra: Any = None, **fixed: int) -> None:
        more = {"hard": extra["hard"].hex()} if extra and "hard" in extra else {}
        if extra and "xattr" in extra:
            more["xattr"] = {k.decode(): v.hex() for k, v in extra["xattr"].items() if isinstance(v, bytes)}
        self.add(path, self.copy.file(b"", data, pieces, extra, **fixed), data, **more)

    def root(self, per_page: int = 512, fan: int = 8192) -> bytes:
        for path in sorted(self.folders, key=lambda p: -p.count(b"/")):
            self.folders[path][7] = self.copy.folder(self.entries[path])
        return self.copy.folder(self.entries[b""], per_page, fan)


def every_kind(tree: Tree, xattrs: bool = True) -> None:
    copy = tree.copy
    tree.file(b"empty", b"")
    tree.file(b"letter.txt", b"Dear all,\n" * 40, mtime=NOON + 1)
    tree.file(b"photo.raw", noise("photo", 5000), pieces=2000, mode=0o400)
    tree.file(b"run", b"#!/bin/sh\n", mode=0o6755)
    tree.file(b"before-1970", b"old", mtime=-1_234_567_891)
    tree.file(bytes(range(1, 47)) + bytes(range(48, 256)), b"every byte but two")
    tree.file("照片 2023.txt".encode(), "你好，世界\n".encode())
    tree.file("é composed".encode(), b"nfc")
    tree.file(b"e\xcc\x81 composed", b"nfd")
    tree.file(b"changing.db", b"seen while it changed", extra={"how": "changing"})
    tree.file(
        b"stale.txt", b"last good", extra={"stale": ["EIO", NOON], "birth": NOON - 1, "owner": ["wang", ""]}
    )
    tree.add(b"to-letter", entry(b"", SYMLINK, None, 10, {"link": b"letter.txt"}))
    tree.wanted["to-letter"]["link"] = "letter.txt"
    tree.add(b"dangling", entry(b"", SYMLINK, None, 13, {"link": b"../../nowhere"}))
    tree.wanted["dangling"]["link"] = "../../nowhere"
    far = b"/".join([b"far" * 10] * 100)
    link = [[copy.blob(CHUNK, far[:2000]), 2000], [copy.blob(CHUNK, far[2000:]), len(far) - 2000]]
    tree.add(b"long-link", entry(b"", SYMLINK, None, len(far), {"link": link}))
    tree.wanted["long-link"]["link"] = far.decode()
    tree.add(b"pipe", entry(b"", FIFO, mode=0o620))
    tree.add(b"socket", entry(b"", SOCKET))
    tree.add(b"tape", entry(b"", CHAR, extra={"rdev": [9, 128]}))
    for path in (b"docs", b"docs/empty folder", b"docs/closed"):
        tree.add(
            path,
            entry(b"", FOLDER, mode=0o500 if path.endswith(b"closed") else 0o750, mtime=NOON - len(path)),
        )
    tree.file(b"docs/closed/inside", b"in a folder that is read-only")
    twin = {"hard": bytes(range(16))}
    tree.file(b"docs/twin-a", b"two names", extra=twin)
    tree.file(b"docs/closed/twin-b", b"two names", extra=twin)
    tree.file(b"twin-c", b"two names", extra=twin)
    tree.file(b"not-a-twin", b"other bytes", extra=twin)
    tree.wanted["not-a-twin"].pop("hard")
    if xattrs:
        big = noise("attribute", 2500)
        values = {
            b"user.small": b"\0value",
            b"user.big": [[copy.blob(CHUNK, big), len(big)]],
            b"security.evil": b"no",
        }
        tree.file(b"tagged", b"with attributes", extra={"xattr": values})
        tree.wanted["tagged"]["xattr"] = {"user.small": b"\0value".hex(), "user.big": big.hex()}
    sparse(tree)


def sparse(tree: Tree) -> None:
    copy = tree.copy
    parts = [[0, 10], [3 * TIB, 4096], [8 * TIB - 4096, 4096]]
    data = noise("sparse", 10 + 4096 + 4096)
    made = entry(b"", 1, copy.content(data, 3000), 8 * TIB, {"sparse": parts})
    tree.add(b"huge", made, **_parts(8 * TIB, parts, data))
    many = [[i * 8192, 1] for i in range(900)]
    data = noise("many parts", 900)
    encoded = pack(many)
    extra = {"sparse": [[copy.blob(CHUNK, encoded), len(encoded)]]}
    tree.add(
        b"many-holes",
        entry(b"", 1, copy.content(data, 100), 900 * 8192, extra),
        **_parts(900 * 8192, many, data),
    )
    tree.add(b"only-a-hole", entry(b"", 1, [], 1 << 30, {"sparse": []}), **_parts(1 << 30, [], b""))


def _parts(size: int, parts: list[list[int]], data: bytes) -> dict[str, Any]:
    return {"size": size, "parts": parts, "joined": digest(data).hex()}


def names(copy: Copy, body: dict[str, Any], device: bytes, seq: int, prev: bytes | None) -> bytes:
    return copy.record("device", device, seq, prev, body)


def kinds() -> tuple[dict[str, Copy], dict[str, Any]]:
    copy = Copy(Maker(seed="kinds"))
    copy.identity()
    copy.slot()
    copy.slot(None, secret=writer.KEY_FILE_SECRET)
    first, second, other = Tree(copy), Tree(copy), Tree(copy)
    every_kind(first)
    every_kind(second)
    second.file(b"new", b"made later")
    other.file(b"IMG_0001.HEIC", noise("heic", 30000), pieces=8000)
    roots = [tree.root() for tree in (first, second, other)]
    attic, gone = make_attic(copy)
    packs = [copy.pack()]
    alone = Copy(copy.maker)
    copy.pack(2, [Blob(2, alone_page(alone))])
    one = names(copy, {"name": "laptop", "replaces": None}, LAPTOP, 1, None)
    two = copy.snapshot(LAPTOP, 2, digest(one), roots[0], packs=packs, counts=counts(first))
    three = copy.snapshot(
        LAPTOP, 3, digest(two), roots[1], attic=attic, parents=[digest(two)], complete=False,
        counts=counts(second), errors=[[b"locked", "EACCES", ""]],
    )  # fmt: skip
    phone = copy.snapshot(
        PHONE, 1, None, roots[2], name="手机", kind="photos", offset=480, source=bytes([1]) * 16,
        counts=counts(other), record_seen=[[LAPTOP, 3, digest(three)]],
    )  # fmt: skip
    copy.log(LAPTOP, 1, [one])
    copy.log(LAPTOP, 3, [two, three])
    copy.log(LAPTOP, 2, [two])
    copy.log(PHONE, 1, [phone])
    wanted = {
        digest(two).hex()[:8]: {"name": "home", "complete": True, "root": first.wanted, "deleted": {}},
        digest(three).hex()[:8]: {"name": "home", "complete": False, "root": second.wanted, "deleted": gone},
        digest(phone).hex()[:8]: {"name": "手机", "complete": True, "root": other.wanted, "deleted": {}},
    }
    return {"copy": copy}, wanted


def alone_page(copy: Copy) -> bytes:
    """A page that nothing names: the pack of kind 2 that holds it is spare."""
    return pack([entry(b"spare")])


def counts(tree: Tree) -> dict[str, int]:
    """The counts of a snapshot, as far as anybody reads them."""
    kinds = [want["kind"] for want in tree.wanted.values()]
    total = sum(want.get("size", 0) for want in tree.wanted.values())
    idle = {"others": 0, "changed": 0, "read": 0, "stored": 0}
    return idle | {"files": kinds.count(1), "folders": kinds.count(2), "bytes": total}


def make_attic(copy: Copy) -> tuple[bytes, Wanted]:
    """Missed: a file, a folder, two versions of a name in a folder that only leads there; one is back."""
    tree = Tree(copy)
    missed = {"missed": NOON}
    tree.file(b"gone.txt", b"not there any more", extra=missed)
    tree.add(b"old album", entry(b"", FOLDER, extra=missed))
    tree.file(b"old album/a.jpg", noise("a.jpg", 700))
    tree.add(b"old album/sub", entry(b"", FOLDER))
    root = tree.entries[b""]
    tree.folders[b"old album/sub"][7] = copy.folder([])
    tree.folders[b"old album"][7] = copy.folder(tree.entries[b"old album"])
    root.append(copy.file(b"letter.txt", b"Dear all,\n" * 40, extra=missed, mtime=5))
    versions = [
        copy.file(b"draft", text, extra=missed, mode=0o640) for text in (b"version one", b"version two!")
    ]
    versions.sort(key=pack)
    lead = copy.folder([*versions, copy.file(b"twin-a", b"two names", extra=missed)], attic=True)
    root.append(entry(b"docs", FOLDER, lead, mode=0, uid=0, gid=0, mtime=0))
    bodies = [b"version one", b"version two!"]
    for name, version in zip(("docs/draft", "docs/draft.~2~"), versions, strict=True):
        data = next(body for body in bodies if version[6] == len(body))
        tree.wanted[name] = {
            "kind": 1, "mode": 0o640, "mtime": NOON, "size": len(data), "blake3": digest(data).hex(),
        }  # fmt: skip
    tree.wanted["docs"] = {"kind": 2}
    return copy.folder(root, attic=True), tree.wanted


def large() -> tuple[dict[str, Copy], dict[str, Any]]:
    copy = Copy(Maker(seed="large"))
    copy.identity()
    copy.slot()
    tree = Tree(copy)
    for number in range(2000):
        tree.file(f"file {number:05}".encode(), b"%d" % (number % 7), mtime=NOON + number)
    data = noise("many chunks", 7000)
    made = entry(b"", 1, copy.content(data, 70, fan=10), len(data))
    tree.add(b"many chunks", made, data)
    return {"copy": copy}, one_snapshot(copy, tree, tree.root(per_page=100, fan=6))


def one_snapshot(copy: Copy, tree: Tree, root: bytes) -> dict[str, Any]:
    copy.pack()
    record = copy.snapshot(LAPTOP, 1, None, root, counts=counts(tree))
    copy.log(LAPTOP, 1, [record])
    return {digest(record).hex()[:8]: {"name": "home", "complete": True, "root": tree.wanted, "deleted": {}}}


def unknown() -> tuple[dict[str, Copy], dict[str, Any]]:
    """Everything that a later version may add: it is read past, and forbids every deletion."""
    copy = Copy(Maker(seed="unknown"))
    copy.identity()
    copy.slot()
    tree = Tree(copy)
    tree.file(b"known.txt", b"known")
    tree.file(b"new-key.txt", b"with a new key", extra={"colour": ["red", {"deep": b"er"}]})
    tree.file(b"new-position.txt", b"with a new position")
    tree.entries[b""][-1].append({"tenth": True})
    tree.add(b"portal", [b"portal", 12, 0o700, 0, 0, NOON, 77, {"to": b"elsewhere"}, ["any", "shape"]])
    root = tree.root()
    copy.pack()
    one = copy.snapshot(LAPTOP, 1, None, root, counts=counts(tree), mood="calm", record_wind="north")
    two = copy.record("levitate", LAPTOP, 2, digest(one), {"height": 3})
    copy.log(LAPTOP, 2, [one, two])
    copy.log(PHONE, 1, [copy.record("snapshot", PHONE, 1, None, {"of": "tomorrow"}, v=2)])
    copy.log(FUTURE, 1, [copy.record("snapshot", FUTURE, 1, None, {}, needs_read=["colours"])])
    copy.pack(1, [Blob(CHUNK, b"sealed in another mode")], mode=1)
    copy.pack(9, [Blob(CHUNK, b"in a box of another kind")])
    wanted = {digest(one).hex()[:8]: {"name": "home", "complete": True, "root": tree.wanted, "deleted": {}}}
    return {"copy": copy}, wanted


def damaged() -> tuple[dict[str, Copy], dict[str, Any]]:
    """Two copies of one vault, neither whole; what one lost the other has."""
    copy = Copy(Maker(seed="damaged"))
    copy.identity()
    copy.slot()
    tree = Tree(copy)
    tree.file(b"one", noise("one", 3000))
    copy.pack()
    tree.file(b"two", noise("two", 3000), pieces=1000)
    copy.pack()
    tree.file(b"three", noise("three", 3000))
    wanted = one_snapshot(copy, tree, tree.root())
    left, right = Copy(copy.maker, dict(copy.files)), Copy(copy.maker, dict(copy.files))
    first, second, third = [name for name in copy.files if name.startswith("packs/")]
    (log,) = [name for name in copy.files if name.startswith("log/")]
    (key,) = [name for name in copy.files if name.startswith("keys/")]
    left.files[first] = left.files[first][:2000]
    left.files[second] = flip(left.files[second], 1200)
    left.files[log] = flip(left.files[log], 100)
    del left.files[key]
    right.files[second] = flip(right.files[second], 2300)
    right.files[third] = b""
    right.identity(bytes([1]) * 16)
    return {"left": left, "right": right}, wanted


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def save(target: Path, copies: dict[str, Copy], wanted: dict[str, Any]) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for label, copy in copies.items():
            for name in sorted(copy.files):
                info = tarfile.TarInfo(f"{label}/{name}")
                info.size = len(copy.files[name])
                archive.addfile(info, io.BytesIO(copy.files[name]))
    with target.with_suffix(".tar").open("xb") as file:
        file.write(out.getvalue())
    with target.with_suffix(".json").open("x") as text:
        text.write(lines(wanted) + "\n")


def lines(wanted: dict[str, Any]) -> str:
    """JSON with one line for each path."""
    brief = {
        short: {k: v for k, v in want.items() if k not in ("root", "deleted")}
        for short, want in wanted.items()
    }
    paths = [
        json.dumps([short, tree, path, want], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        for short, snapshot in wanted.items()
        for tree in ("root", "deleted")
        for path, want in sorted(snapshot[tree].items())
    ]
    return json.dumps(brief, sort_keys=True, ensure_ascii=False) + "\n" + "\n".join(paths)


def main(folder: Path) -> None:
    for make in (kinds, large, unknown, damaged):
        save(folder / make.__name__, *make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
