"""The folder that a copy was enrolled at: made, found, and found to be the same again before each write."""

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from vaultd.copies.failures import refused, unreachable
from vaultd.copies.folder import (
    Handle,
    discard,
    entries,
    open_file,
    rename_new,
    sync_folder,
    write_new,
)
from vaultd.copies.identity import ID_LENGTH, VaultId, is_network
from vaultd.copies.names import parse_unfinished, unfinished_name
from vaultd.errors import Damaged, NotAFolder, NotEmpty, NoVault, TooNew, VaultExists, WrongPlace

# The path itself may lead over a link: it is the owner's, not the copy's.
_OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# What systems put at the top of every disk or share by themselves.
FURNITURE = frozenset(
    {
        *("lost+found", ".snapshots", "$RECYCLE.BIN", "System Volume Information"),
        *(".DS_Store", ".Trashes", ".fseventsd", ".Spotlight-V100", ".TemporaryItems"),
        *("@eaDir", "#recycle", "@Recycle", "#snapshot"),
    }
)


def is_no_file(error: OSError) -> bool:
    """Opening for reading says so of symbolic links and sockets."""
    return error.errno in (errno.ELOOP, errno.ENXIO)


class Place:
    """An open copy's folder: its path, which folder of which file system that was, what `vault.id` says."""

    def __init__(self, path: Path, root: Handle, identity: VaultId) -> None:
        self.identity = identity
        self.remote = is_network(path)
        self._path = path
        self._bytes = identity.encode()
        self._node = _node(os.fstat(root.fd))

    def check(self, root: Handle) -> None:
        """That the path still leads to the folder held open, and that the folder is still this copy.

        Raises WrongPlace; OSError where the path does not answer.
        """
        same = _node(os.stat(self._path)) == self._node
        if not same or _read_id(root) != self._bytes:
            raise WrongPlace(str(self._path), self.identity.copy_id.hex(), _who_is_at(self._path))


def find(path: Path, expected_copy_id: bytes | None, label: str) -> tuple[Handle, VaultId]:
    """Open the folder and read its `vault.id`. Raises as `DirectoryCopy.open` says."""
    try:
        root = Handle(os.open(path, _OPEN_ROOT))
        data = _read_id(root)
    except FileNotFoundError as error:
        raise (NoVault(str(path)) if expected_copy_id is None else unreachable(error, label)) from error
    except NotADirectoryError as error:
        raise NotAFolder(os.fsencode(path)) from error
    except OSError as error:
        if is_no_file(error):
            raise Damaged("vault.id", label, "not a file") from error
        raise unreachable(error, label) from error
    if data is None:
        raise NoVault(str(path))
    identity = _decode(data, label)
    if expected_copy_id not in (None, identity.copy_id):
        raise WrongPlace(str(path), (expected_copy_id or b"").hex(), identity.copy_id.hex())
    return root, identity


def make(path: Path, identity: VaultId, label: str, device: str) -> None:
    """Make the folder where it is not there, and `vault.id` last. Raises as `DirectoryCopy.create` says."""
    try:
        root = _open_empty(path)
        unfinished = unfinished_name("vault.id", device, secrets.token_hex(8))
        write_new(root, unfinished, memoryview(identity.encode()))
        try:
            rename_new(root, unfinished, root, "vault.id")
        except BaseException:
            discard(root, unfinished)
            raise
        sync_folder(root)
    except FileExistsError as error:
        raise VaultExists(str(path)) from error
    except OSError as error:
        raise refused(error, label, 0) from error


def refuse_taken(path: Path) -> None:
    """Look, and make nothing: what `make` would refuse is said before anybody is asked.

    Raises VaultExists, NotEmpty, NotAFolder.
    """
    if not path.parent.is_dir():
        raise NotAFolder(os.fsencode(path.parent))
    try:
        root = Handle(os.open(path, _OPEN_ROOT))
    except NotADirectoryError as error:
        raise NotAFolder(os.fsencode(path)) from error
    except OSError:
        return  # not there yet, or `make` tells
    _refuse_others(path, root)


def free_bytes(root: Handle) -> int:
    """Bytes free for this user; 0 where the place does not tell."""
    try:
        found = os.fstatvfs(root.fd)
    except OSError:
        return 0
    return found.f_frsize * found.f_bavail


def _open_empty(path: Path) -> Handle:
    """Only the last folder is made: a missing parent is a disk that is not mounted, more often than not."""
    try:
        parent = Handle(os.open(path.parent, _OPEN_ROOT))
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        sync_folder(parent)
    except PermissionError:
        pass  # a folder that is ours in one that is not: it is there already, or the next line tells
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotAFolder(os.fsencode(path.parent)) from error
    try:
        root = Handle(os.open(path, _OPEN_ROOT))
    except NotADirectoryError as error:
        raise NotAFolder(os.fsencode(path)) from error
    _refuse_others(path, root)
    return root


def _refuse_others(path: Path, root: Handle) -> None:
    names = dict(entries(root, ""))
    if "vault.id" in names:
        raise VaultExists(str(path))
    if any(not _may_stand(name, status) for name, status in names.items()):
        raise NotEmpty(os.fsencode(path))


def _may_stand(name: str, status: os.stat_result) -> bool:
    """Our own folders are in the way: a copy that lost its `vault.id` is not an empty place."""
    return name in FURNITURE or (parse_unfinished(name) is not None and stat.S_ISREG(status.st_mode))


def _read_id(root: Handle) -> bytes | None:
    """The first bytes of `vault.id`, enough to tell; None where there is none."""
    try:
        file, status = open_file(root, "vault.id")
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ELOOP, "vault.id")
    return os.pread(file.fd, ID_LENGTH + 1, 0)


def _decode(data: bytes, label: str) -> VaultId:
    try:
        return VaultId.decode(data)
    except Damaged as damaged:
        damaged.copy = label
        raise


def _who_is_at(path: Path) -> str:
    """The id of the copy that the path leads to now, "" for none."""
    try:
        data = _read_id(Handle(os.open(path, _OPEN_ROOT)))
        return VaultId.decode(data or b"").copy_id.hex()
    except (OSError, Damaged, TooNew):
        return ""


def _node(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
