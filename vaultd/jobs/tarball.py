"""A snapshot as a tar file, in the pax format: names and times to the last bit, owners, links, hard links,
attributes, devices, and sparse files with their holes, as GNU tar and libarchive read them.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, FOLDER, LINK, Entry
from vaultd.jobs.links import Links, Written
from vaultd.jobs.outgoing import forget_cached
from vaultd.jobs.planning import PARTLY
from vaultd.jobs.promised import Check, Promised, hasher
from vaultd.jobs.restoration import Restored
from vaultd.jobs.tarhead import Pax, ending, header, nanoseconds, padding
from vaultd.tree.view import View

_HARD_LINK = b"1"
_KINDS = {FILE: b"0", LINK: b"2", CHAR: b"3", BLOCK: b"4", FOLDER: b"5", FIFO: b"6"}
_XATTR = b"SCHILY.xattr."
_PIECE = 1 << 20
Facts = list[object]


class Tarball:
    """Writes members to a new file, which can be cut off again where one turns out to be damaged."""

    keeps = frozenset(_KINDS)

    def __init__(self, file: BinaryIO, view: View, told: Restored, promised: Promised, check: Check) -> None:
        self._file = file
        self._view = view
        self._told = told
        self._promised = promised
        self._check = check
        self._links = Links()

    def add(self, path: bytes, place: bytes, entry: Entry) -> None:
        """Write one member; `path` is where it stands in the source. Raises Missing, Damaged, and then
        nothing of it stands in the tar; OSError.
        """
        start = self._file.tell()
        try:
            digest = self._write(path, place, entry)
        except (Missing, Damaged):
            self._file.seek(start)
            self._file.truncate()
            raise
        self._promised.add(digest)

    def finish(self) -> None:
        """Write the end. Raises OSError."""
        self._file.write(ending(self._file.tell()))

    def close(self) -> None:
        """Let go of the temporary file."""
        self._links.close()

    def _write(self, path: bytes, place: bytes, entry: Entry) -> bytes:
        linked = self._links.find(entry) if "hard" in entry.extra else None
        if linked is not None:
            return self._member(entry, place, _HARD_LINK, {}, link=linked.place)
        xattrs = self._xattrs(path, entry)
        if entry.kind == FILE:
            digest = self._with_bytes(entry, place, xattrs)
        else:
            link = self._view.link(entry) if entry.kind == LINK else b""
            digest = self._member(entry, place, _KINDS[entry.kind], xattrs, link=link)
        if "hard" in entry.extra and entry.kind != FOLDER:
            self._links.add(entry, Written(place, 0, 0))
        return digest

    def _member(
        self, entry: Entry, place: bytes, kind: bytes, xattrs: dict[bytes, bytes], *, link: bytes
    ) -> bytes:
        name = place + b"/" if entry.kind == FOLDER and place else place or b"./"
        device = tuple(entry.extra.get("rdev", (0, 0)))
        self._file.write(_head(entry, kind, name, _pax(xattrs), link=link, device=device))
        return hasher(_facts(entry, kind, place or b".", link, device, (), xattrs)).digest()

    def _with_bytes(self, entry: Entry, place: bytes, xattrs: dict[bytes, bytes]) -> bytes:
        pax, name, parts, table = _pax(xattrs), place, list(self._view.parts(entry)), b""
        held = sum(length for _, length in parts)
        if "sparse" in entry.extra:
            table = _sparse_table(parts, entry.size)
            above, _, last = place.rpartition(b"/")
            name = above + b"/GNUSparseFile.0/" + last if above else b"GNUSparseFile.0/" + last
            pax = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", place),
                   (b"GNU.sparse.realsize", b"%d" % entry.size), *pax]  # fmt: skip
        self._file.write(_head(entry, _KINDS[FILE], name, pax, size=len(table) + held))
        self._file.write(table)
        sparse = parts if table else ()
        digest = hasher(_facts(entry, _KINDS[FILE], place, b"", (0, 0), sparse, xattrs))
        for _, data in self._view.chunks(entry):
            self._check()
            digest.update(data)
            self._file.write(data)
        self._file.write(padding(held))
        return digest.digest()

    def _xattrs(self, path: bytes, entry: Entry) -> dict[bytes, bytes]:
        """Those that can be had, and stand in a tar: a name with "=" in it does not."""
        found = {}
        for name, value in entry.extra.get("xattr", {}).items():
            if b"=" in name or b"\n" in name:
                self._told.note("attributes", path)
                continue
            try:
                found[name] = self._view.value(value)
            except (Missing, Damaged) as error:
                self._told.damage = True
                self._told.troubles.add(path, PARTLY, str(error))
        return found


def _head(
    entry: Entry,
    kind: bytes,
    name: bytes,
    pax: Pax,
    *,
    size: int = 0,
    link: bytes = b"",
    device: tuple[int, ...] = (0, 0),
) -> bytes:
    user, group = entry.extra.get("owner", ("", ""))
    return header(
        kind,
        name,
        pax,
        mode=entry.mode,
        owner=(entry.uid, entry.gid),
        names=(user.encode(), group.encode()),
        size=size,
        mtime=entry.mtime,
        link=link,
        device=(device[0], device[1]),
    )


def _pax(xattrs: dict[bytes, bytes]) -> Pax:
    return [(_XATTR + name, value) for name, value in xattrs.items()]


def _sparse_table(parts: list[tuple[int, int]], size: int) -> bytes:
    """The parts that are not holes, in the words of GNU tar's version 1.0; the last ends where the file
    does.
    """
    ends = sum(parts[-1]) if parts else 0
    parts = parts if ends == size and parts else [*parts, (size, 0)]
    table = b"%d\n" % len(parts) + b"".join(b"%d\n%d\n" % part for part in parts)
    return table + padding(len(table))


def _facts(
    entry: Entry, kind: bytes, place: bytes, link: bytes, device: object, sparse: object, xattrs: object
) -> Facts:
    user, group = entry.extra.get("owner", ("", ""))
    size = entry.size if kind == _KINDS[FILE] else 0
    numbers = [entry.mode, entry.uid, entry.gid, entry.mtime, size]
    return [place, kind, numbers, link, device, [user, group], sparse, xattrs]


def read_back(path: Path, promised: Promised, check: Check) -> None:
    """Read a tar by the reader of Python's own library, and compare. Raises NotAsWritten, OSError, and what
    `check` raises.
    """
    with open(path, "rb") as file:
        forget_cached(file.fileno())
        promised.compare(path, _members(file, check))


def _members(file: BinaryIO, check: Check) -> Iterator[tuple[bytes, bytes]]:
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                check()
                digest = hasher(_found(info))
                if info.isreg():
                    for data in _content(file, info):
                        check()
                        digest.update(data)
                yield _raw(info.name), digest.digest()
    except (tarfile.TarError, ValueError) as error:
        yield str(error).encode(), b""


def _found(info: tarfile.TarInfo) -> Facts:
    pax = {_raw(key): value for key, value in info.pax_headers.items()}
    xattrs = {key[len(_XATTR) :]: _raw(pax[key]) for key in pax if key.startswith(_XATTR)}
    mtime = nanoseconds(pax[b"mtime"]) if b"mtime" in pax else int(info.mtime) * 10**9
    numbers = [info.mode, info.uid, info.gid, mtime, info.size if info.isreg() else 0]
    device = (info.devmajor, info.devminor)
    sparse = [part for part in _parts(info) or () if part[1]]
    owners = [info.uname, info.gname]
    return [_raw(info.name), info.type, numbers, _raw(info.linkname), device, owners, sparse, xattrs]


def _content(file: BinaryIO, info: tarfile.TarInfo) -> Iterator[bytes]:
    parts = _parts(info)
    left = info.size if parts is None else sum(length for _, length in parts)
    file.seek(info.offset_data)
    while left:
        data = file.read(min(_PIECE, left))
        if not data:
            return
        left -= len(data)
        yield data


def _parts(info: tarfile.TarInfo) -> list[tuple[int, int]] | None:
    """What of a sparse file is not a hole; None for any other."""
    return cast("list[tuple[int, int]] | None", info.sparse)


def _raw(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
