"""A snapshot as a zip file, for whoever has nothing but a computer: any of them opens it.

A zip keeps names in UTF-8, bytes, permission bits, owners by number, symbolic links, and times to the
second. What else there was is left out, and told.
"""

import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from vaultd.errors import Damaged, Missing
from vaultd.format.codec import RAW, encode
from vaultd.format.entry import FILE, FOLDER, LINK, Entry
from vaultd.jobs.promised import Check, Hasher, Promised, hasher
from vaultd.jobs.restoration import Restored
from vaultd.jobs.zipblocks import DEFLATED, HUGE, LONGEST_NAME, STORED, Packed, write_end
from vaultd.store.contract import Buffer
from vaultd.tree.view import View

_TYPES = {FILE: stat.S_IFREG, FOLDER: stat.S_IFDIR, LINK: stat.S_IFLNK}
_ZEROS = bytes(1 << 20)
_NS = 10**9
LONG_NAME = "name-too-long"


class ZipArchive:
    """Writes members to a new file, which can be cut off again where one turns out to be damaged. The table
    at the end is gathered in a temporary file in `folder`.
    """

    keeps = frozenset(_TYPES)

    def __init__(
        self, file: BinaryIO, view: View, told: Restored, promised: Promised, check: Check, folder: Path
    ) -> None:
        self._file = file
        self._view = view
        self._told = told
        self._promised = promised
        self._check = check
        self._table = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._count = 0

    def add(self, path: bytes, place: bytes, entry: Entry) -> None:
        """Write one member; `path` is where it stands in the source. Raises Missing, Damaged, and then
        nothing of it stands in the zip; OSError.
        """
        if not place:
            return  # a zip has no entry for the folder that it is unpacked into
        name = self._name(path, place) + (b"/" if entry.kind == FOLDER else b"")
        if len(name) > LONGEST_NAME:
            self._told.troubles.add(path, LONG_NAME)
            return
        self._note(path, entry)
        mode = entry.mode | _TYPES[entry.kind]
        member = Packed(name, mode, (entry.uid, entry.gid), entry.mtime, at=self._file.tell())
        try:
            digest = self._write(member, entry)
        except (Missing, Damaged):
            self._file.seek(member.at)
            self._file.truncate()
            raise
        self._table.write(member.central())
        self._count += 1
        self._promised.add(digest)

    def finish(self) -> None:
        """Write the table. Raises OSError."""
        at, length = self._file.tell(), self._table.tell()
        self._table.seek(0)
        shutil.copyfileobj(self._table, self._file)
        write_end(self._file, self._count, at, length)

    def close(self) -> None:
        """Let go of the temporary file."""
        self._table.close()

    def _name(self, path: bytes, place: bytes) -> bytes:
        """Names are UTF-8 in a zip: any other is changed, and tells itself apart by a digest."""
        parts = []
        for name in place.split(b"/"):
            try:
                parts.append(name.decode().encode())
            except UnicodeDecodeError:
                shown = name.decode(errors="replace").replace("\ufffd", "_").encode()
                parts.append(shown + b"~" + blake3(name).hexdigest()[:8].encode())
                if name == place.rpartition(b"/")[2]:
                    self._told.rename(path, parts[-1])
        return b"/".join(parts)

    def _note(self, path: bytes, entry: Entry) -> None:
        """What of this entry a zip does not keep."""
        lost = {
            "attributes": "xattr" in entry.extra,
            "zip-links": "hard" in entry.extra,
            "zip-holes": "sparse" in entry.extra,
            "zip-times": bool(entry.mtime % _NS) or not -(2**31) <= entry.mtime // _NS < 2**31,
        }
        for word in (word for word, is_lost in lost.items() if is_lost):
            self._told.note(word, path)

    def _write(self, member: Packed, entry: Entry) -> bytes:
        digest = hasher([member.name, member.mode, *member.owner, member.seconds])
        member.huge = entry.size >= HUGE
        self._file.write(member.local())
        begun = self._file.tell()
        if entry.kind == FILE:
            self._pack(member, self._bytes(entry), digest, sparse="sparse" in entry.extra)
        elif entry.kind == LINK:
            self._pack(member, [self._view.link(entry)], digest, sparse=False)
        end = self._file.tell()
        member.packed = end - begun
        self._file.seek(member.at)
        self._file.write(member.local())
        self._file.seek(end)
        return digest.digest()

    def _bytes(self, entry: Entry) -> Iterable[Buffer]:
        """All of a file, its holes as zeros."""
        done = 0
        for at, data in self._view.chunks(entry):
            yield from _zeros(at - done)
            yield data
            done = at + len(data)
        yield from _zeros(entry.size - done)

    def _pack(self, member: Packed, parts: Iterable[Buffer], digest: Hasher, *, sparse: bool) -> None:
        deflate = None
        for part in parts:
            self._check()
            if not member.size and (sparse or encode(part)[0] != RAW):
                # What does not shrink, as photos do not, is stored as it is: the first chunk tells.
                member.method = DEFLATED
                deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
            digest.update(part)
            member.crc = zlib.crc32(part, member.crc)
            member.size += len(part)
            self._file.write(deflate.compress(part) if deflate else part)
        if deflate:
            self._file.write(deflate.flush())
        elif not member.size:
            member.method = STORED


def _zeros(length: int) -> Iterable[bytes]:
    while length > 0:
        yield _ZEROS[:length]
        length -= len(_ZEROS)
