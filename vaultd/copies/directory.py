"""A copy in a directory: a local disk, or whatever is mounted.

The folder is opened once. Every operation is relative to that descriptor and follows no symbolic
link inside the copy, so that neither a link nor another disk mounted over the path leads elsewhere.

How a file is written is in `writing`.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blake3 import blake3

from vaultd.copies.contract import FILE_LIMIT, Abilities, Buffer, Copy, Space, Stored
from vaultd.copies.failures import refused, unreachable
from vaultd.copies.folder import Handle, entries, exists, open_file, open_folder, read_into, read_range
from vaultd.copies.identity import VaultId
from vaultd.copies.medium import digest_on_medium, drop_cache
from vaultd.copies.names import QUARANTINE, REPLACEABLE, check_readable, digest_of, split
from vaultd.copies.openfiles import OpenFiles
from vaultd.copies.place import Place, find, free_bytes, is_no_file, make
from vaultd.copies.walk import is_blocked, is_stranger, walk
from vaultd.copies.writing import Writer
from vaultd.errors import Damaged, Missing, Unreachable
from vaultd.ids import parse

# Stands in the names of unfinished writes of whoever has no device id yet; no sweep of a device takes it.
NO_DEVICE = "0" * 16


class DirectoryCopy(Copy):
    """See `Copy`. Made by `create` or `open` only.

    An fsync of a folder that failed leaves its names uncertain for good, so from then on every `put`
    raises Unreachable, until the copy is opened anew.
    """

    def __init__(self, path: Path, root: Handle, identity: VaultId, label: str, device: str) -> None:
        self._root: Handle | None = root
        self._label = label
        self._place = Place(path, root, identity)
        self._kept = OpenFiles()
        self._writer = Writer(self._place, self._kept, device)

    @classmethod
    def create(
        cls, path: Path, vault_id: bytes, copy_id: bytes, label: str, device: str = NO_DEVICE
    ) -> "DirectoryCopy":
        """Make an empty copy at `path`, whose parent must be there, durably.

        What an attempt that was cut off has left is no obstacle.
        Raises VaultExists, NotEmpty, NotAFolder (`path`, or its parent, is not a folder), Full, ReadOnly,
        Unreachable.
        """
        identity = VaultId(vault_id, copy_id)
        make(path, identity, label, device)
        return cls.open(path, copy_id, label, device)

    @classmethod
    def open(
        cls, path: Path, expected_copy_id: bytes | None, label: str, device: str = NO_DEVICE
    ) -> "DirectoryCopy":
        """Open the copy at `path`; nothing is written, so a read-only medium will do.

        `device` (16 hex digits) stands in the names of unfinished writes.
        Raises NoVault, WrongPlace (another copy than expected), NotAFolder, TooNew, Damaged (`vault.id`
        cannot be read as one), Unreachable (an expected copy's path is not there, or any error).
        """
        root, identity = find(path, expected_copy_id, label)
        return cls(path, root, identity, label, device)

    @property
    def label(self) -> str:
        return self._label

    @property
    def copy_id(self) -> bytes:
        return self._place.identity.copy_id

    @property
    def vault_id(self) -> bytes:
        return self._place.identity.vault_id

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        with self._ranges(name, keep=length is not None) as file:
            return read_range(file, offset, length)

    def get_into(self, name: str, offset: int, out: memoryview) -> int:
        with self._ranges(name, keep=True) as file:
            return read_into(file, offset, out)

    def fetch(self, name: str) -> bytes:
        digest = digest_of(name)
        file = self._open(name)
        try:
            data = read_range(file, 0, None)
        except OSError as error:
            raise unreachable(error, self._label) from error
        if blake3(data).digest() != digest:
            self._kept.forget(name)
            raise Damaged(name, self._label, "digest")
        return data

    def read_back(self, name: str) -> None:
        digest = digest_of(name)
        file = self._open(name)
        try:
            found = digest_on_medium(file)
        except OSError as error:
            raise unreachable(error, self._label) from error
        if found != digest:
            self._kept.forget(name)
            raise Damaged(name, self._label, "digest")

    def drop_cached(self, name: str) -> None:
        digest_of(name)
        file = self._open(name)
        # A file that was kept open may be another one than the one that stands there now.
        self._kept.forget(name)
        try:
            drop_cache(file.fd)
        except OSError as error:
            raise unreachable(error, self._label) from error

    def put(self, name: str, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        digest = blake3(view).digest() if name in REPLACEABLE else digest_of(name)
        if len(view) > FILE_LIMIT:
            raise ValueError(name)
        with self._writing() as root:
            self._writer.put(root, name, digest, view)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        with self._reading() as root:
            for name, status in walk(root, prefix):
                if is_blocked(name, prefix):
                    raise NotADirectoryError(errno.ENOTDIR, name)
                if name.startswith(prefix) and stat.S_ISREG(status.st_mode) and parse(name):
                    yield Stored(name, status.st_size)
            self._answer(root)

    def strangers(self) -> Iterator[str]:
        with self._reading() as root:
            for name, status in walk(root):
                if is_stranger(name, status):
                    yield name
            self._answer(root)

    def quarantined(self) -> Iterator[Stored]:
        with self._reading() as root:
            for leaf, status in entries(root, QUARANTINE):
                if stat.S_ISREG(status.st_mode):
                    yield Stored(f"{QUARANTINE}/{leaf}", status.st_size)
            self._answer(root)

    def remove(self, name: str) -> None:
        digest_of(name)
        with self._writing() as root:
            self._place.check(root)
            with suppress(FileNotFoundError):
                self._writer.remove(open_folder(root, split(name)[0]), name)

    def quarantine(self, name: str, whole: bool = False) -> None:
        digest = digest_of(name)
        with self._writing() as root:
            self._place.check(root)
            with suppress(FileNotFoundError):
                folder = open_folder(root, split(name)[0])
                self._writer.quarantine(root, folder, name, None if whole else digest)

    def sweep(self, device: str) -> int:
        with self._writing() as root:
            self._place.check(root)
            mine = [name for name, status in walk(root) if self._writer.may_sweep(name, status, device)]
            for name in mine:
                where, leaf = split(name)
                with suppress(FileNotFoundError):
                    folder = open_folder(root, where)
                    os.unlink(leaf, dir_fd=folder.fd)
        return len(mine)

    def space(self) -> Space:
        with self._reading() as root:
            found = os.fstatvfs(root.fd)
        return Space(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)

    def abilities(self) -> Abilities:
        with self._writing() as root:
            self._place.check(root)
            exclusive, keeps = self._writer.try_out(root)
        return Abilities(exclusive, keeps, syncs=True, past_cache=True)

    def close(self) -> None:
        self._root = None
        self._kept.clear()

    def _held(self) -> Handle:
        root = self._root
        if root is None:
            raise Unreachable(self._label, "closed")
        return root

    @contextmanager
    def _ranges(self, name: str, *, keep: bool) -> Iterator[Handle]:
        """A file to read parts of, kept open for the next one where that is said."""
        changes = self._kept.changes
        file = self._kept.find(name)
        if file is None:
            check_readable(name)
            file = self._open(name)
            if keep:
                self._kept.keep(name, file, changes)
        try:
            yield file
        except OSError as error:
            # The descriptor of a remounted network disk is stale, and the next one is not.
            self._kept.forget(name)
            raise unreachable(error, self._label) from error

    @contextmanager
    def _reading(self) -> Iterator[Handle]:
        root = self._held()
        try:
            yield root
        except OSError as error:
            raise unreachable(error, self._label) from error

    @contextmanager
    def _writing(self) -> Iterator[Handle]:
        root = self._held()
        try:
            yield root
        except OSError as error:
            raise refused(error, self._label, free_bytes(root)) from error

    def _answer(self, root: Handle) -> None:
        """Where `vault.id` is gone, nothing is missing: the place has stopped being this copy."""
        if not exists(root, "vault.id"):
            raise Unreachable(self._label, "vault.id")

    def _open(self, name: str) -> Handle:
        """Open a file to read from. Raises Missing, Damaged (not a file, or over the limit), Unreachable."""
        where, leaf = split(name)
        with self._reading() as root:
            try:
                file, status = open_file(open_folder(root, where), leaf)
            except FileNotFoundError:
                self._answer(root)
                raise Missing(name, self._label) from None
            except OSError as error:
                if is_no_file(error):
                    raise Damaged(name, self._label, "not a file") from error
                raise
        if not stat.S_ISREG(status.st_mode):
            raise Damaged(name, self._label, "not a file")
        if status.st_size > FILE_LIMIT:
            raise Damaged(name, self._label, "limit")
        return file
