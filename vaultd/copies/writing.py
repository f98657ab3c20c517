"""How a file gets into a directory, so that no power cut, full disk or second writer leaves half of one.

The order: `.tmp` beside the final name, fsync, length, is this still our copy, rename without
overwriting, fsync of the folder. Before the rename nobody sees the file; after the last fsync a
power cut cannot take it.
"""

import errno
import itertools
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable
from contextlib import suppress

from vaultd.copies.contract import FILE_LIMIT
from vaultd.copies.folder import (
    FolderUnsynced,
    Handle,
    Unsynced,
    discard,
    make_folder,
    open_file,
    open_folder,
    rename_new,
    sync_folder,
    write_new,
)
from vaultd.copies.medium import digest_on_medium
from vaultd.copies.names import (
    QUARANTINE,
    REPLACEABLE,
    parse_unfinished,
    quarantine_name,
    split,
    unfinished_name,
)
from vaultd.copies.openfiles import OpenFiles
from vaultd.copies.pace import UPLOAD
from vaultd.copies.place import Place, is_no_file

# Each means that somebody else put, damaged or removed the same file in the meantime, which now and then
# happens three times in a row. The end is for a file system that says of every name that it is taken.
_ATTEMPTS = 20


class Writer:
    """Writes into one open copy as `device` (16 hex digits). May be used from several threads."""

    def __init__(self, place: Place, kept: OpenFiles, device: str) -> None:
        if not re.fullmatch("[0-9a-f]{16}", device):
            raise ValueError(device)
        self._place, self._kept, self._device = place, kept, device
        self._pace = UPLOAD if place.remote else None
        self._run, self._writes = secrets.token_hex(4), itertools.count()
        self._durable: set[str] = set()
        self._uncertain = False
        self._moving = threading.Lock()

    def put(self, root: Handle, name: str, digest: bytes, data: memoryview) -> None:
        """Store `data`, whose BLAKE3 is `digest`, durably. Raises OSError, WrongPlace."""
        if self._uncertain:
            raise FolderUnsynced(errno.EIO, "folder")
        try:
            folder = self._durable_folder(root, split(name)[0])
            if _holds(folder, name, digest):
                self._place.check(root)
            else:
                self._write(root, folder, name, digest, data)
            sync_folder(folder)
        except FolderUnsynced:
            self._uncertain = True
            raise

    def quarantine(self, root: Handle, folder: Handle, name: str, digest: bytes | None) -> None:
        """Move `name` to quarantine, durably, unless its BLAKE3 is `digest`. Raises OSError."""
        if target := self._move_aside(root, folder, name, digest):
            sync_folder(target)
            sync_folder(folder)

    def remove(self, folder: Handle, name: str) -> None:
        """Unlink `name` durably, or see to it that an earlier unlink is durable. Raises OSError."""
        with self._moving, suppress(FileNotFoundError):
            os.unlink(split(name)[1], dir_fd=folder.fd)
        self._kept.forget(name)
        sync_folder(folder)

    def try_out(self, root: Handle) -> tuple[bool, bool]:
        """Whether creating, and whether renaming, refuses a name that is taken. Raises OSError."""
        first = self._write_once(root, "vault.id", memoryview(b"1"))
        second = self._write_once(root, "vault.id", memoryview(b"2"))
        try:
            return _refuses(lambda: write_new(root, first, memoryview(b""))), _refuses(
                lambda: rename_new(root, second, root, first)
            )
        finally:
            discard(root, first)
            discard(root, second)

    def may_sweep(self, name: str, status: os.stat_result, device: str) -> bool:
        """Whether this is an unfinished write of `device`, and not one that goes on right now."""
        found = parse_unfinished(name)
        if found is None or not stat.S_ISREG(status.st_mode):
            return False
        return found[0] == device and not found[1].startswith(self._run)

    def _durable_folder(self, root: Handle, path: str) -> Handle:
        """Once for each folder its parents are synced, whoever made it."""
        if path in self._durable:
            with suppress(FileNotFoundError):
                return open_folder(root, path)
        folder = make_folder(root, path)
        self._durable.add(path)
        return folder

    def _write(self, root: Handle, folder: Handle, name: str, digest: bytes, data: memoryview) -> None:
        leaf = split(name)[1]
        unfinished = self._write_aside(folder, leaf, data)
        try:
            self._place.check(root)
            if name in REPLACEABLE:
                os.rename(unfinished, leaf, src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
            else:
                self._land(root, folder, unfinished, name, digest)
        except BaseException:
            discard(folder, unfinished)
            raise

    def _write_aside(self, folder: Handle, leaf: str, data: memoryview) -> str:
        """One more try, with a new file: the kernel forgets what it could not write."""
        try:
            return self._write_once(folder, leaf, data)
        except Unsynced:
            return self._write_once(folder, leaf, data)

    def _write_once(self, folder: Handle, leaf: str, data: memoryview) -> str:
        name = unfinished_name(leaf, self._device, f"{self._run}{next(self._writes):08x}")
        write_new(folder, name, data, self._pace)
        return name

    def _land(self, root: Handle, folder: Handle, unfinished: str, name: str, digest: bytes) -> None:
        """Give the finished file its name; what stands there with other bytes goes to quarantine first."""
        aside: Handle | None = None
        for _ in range(_ATTEMPTS):
            try:
                rename_new(folder, unfinished, folder, split(name)[1])
                break
            except FileExistsError:
                moved = self._move_aside(root, folder, name, digest)
                if moved is None and _holds(folder, name, digest):
                    discard(folder, unfinished)
                    break
                aside = moved or aside
        else:
            raise FileExistsError(errno.EEXIST, name)
        if aside:
            sync_folder(aside)

    def _move_aside(self, root: Handle, folder: Handle, name: str, digest: bytes | None) -> Handle | None:
        """The quarantine folder, not synced yet, or None where nothing damaged stood at `name`.

        Looking and moving (and removing) go under one lock, or the good file that another thread has just
        put and promised would be moved in place of the damaged one.
        """
        with self._moving:
            if not _is_damaged(folder, name, digest):
                return None
            target = self._durable_folder(root, QUARANTINE)
            rename_new(folder, split(name)[1], target, split(quarantine_name(name, secrets.token_hex(8)))[1])
        self._kept.forget(name)
        return target


def _refuses(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except FileExistsError:
        return True
    return False


def _is_damaged(folder: Handle, name: str, digest: bytes | None) -> bool:
    """Whether something stands there that has other bytes, or bytes that cannot be read."""
    try:
        return _digest_at(folder, name) != digest
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _holds(folder: Handle, name: str, digest: bytes) -> bool:
    """Whether the medium holds the right bytes: what a failed fsync lost must not be found in the cache."""
    try:
        return _digest_at(folder, name) == digest
    except FileNotFoundError:
        return False


def _digest_at(folder: Handle, name: str) -> bytes:
    """BLAKE3 of what stands at `name`, b"" for what is no file of ours. Raises OSError."""
    try:
        file, status = open_file(folder, split(name)[1])
    except OSError as error:
        if is_no_file(error):
            return b""
        raise
    ours = stat.S_ISREG(status.st_mode) and status.st_size <= FILE_LIMIT
    return digest_on_medium(file) if ours else b""
