"""What changes files and folders of another host, over one `Session`. All of it raises plain OSError."""

import asyncio
import errno
from contextlib import suppress

from vaultd.copies.folder import FolderUnsynced, Unsynced
from vaultd.copies.hostfailures import FAILURE, Lost, os_error
from vaultd.copies.hostsession import Opened, Session
from vaultd.copies.pace import UPLOAD

# What a host that cannot do it answers to opening a folder as if it were a file, and to its fsync.
_NO_OPENING = frozenset({FAILURE, errno.EACCES, errno.EOPNOTSUPP, errno.EINVAL})
_NO_SYNC = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOENT})


async def write_new(session: Session, path: bytes, data: memoryview) -> None:
    """Write a file that is not there yet, whole, as durable as the host can, and read it back. Raises
    FileExistsError.

    Where this raises, a part may stand at `path`. Raises Unsynced where the host does not have what it
    was given.
    """
    opened = await _open_new(session, path, len(data))
    try:
        block = UPLOAD.part(session.files.write_block)
        await session.flow.all_of(
            _write(opened, begin, data[begin : begin + block]) for begin in range(0, len(data), block)
        )
        await _sync_new(session, opened)
        if await session.read(opened, 0, len(data)) != data:
            raise Unsynced(errno.EIO, "read back")
    except BaseException:
        session.let_go(opened)
        raise
    # Some say at the end only what they could not write.
    await session.flow.ask(opened.file.close())


async def rename_new(session: Session, old: bytes, new: bytes) -> None:
    """Rename without overwriting. Raises FileExistsError where something stands at `new`.

    OpenSSH links and unlinks, and so overwrites nothing. Of others it is not known, and there is an
    instant between look and rename: whoever slips in there has written the same bytes.
    """
    if await session.status(new) is not None:
        raise os_error(errno.EEXIST)
    await rename(session, old, new)


async def rename(session: Session, old: bytes, new: bytes) -> None:
    """What the host does by itself where something stands at `new`; FileExistsError if it refuses."""
    try:
        await session.flow.ask(session.files.rename(old, new))
    except OSError as error:
        if await _is_taken(session, error, new):
            raise os_error(errno.EEXIST) from error
        raise


async def replace(session: Session, old: bytes, new: bytes) -> None:
    """Rename over whatever stands at `new`: in one step, where the host knows how."""
    try:
        await session.flow.ask(session.files.replace(old, new))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        with suppress(FileNotFoundError):
            await session.remove(new)
        await rename(session, old, new)


async def make_folder(session: Session, path: bytes) -> None:
    """Not an error where it is there already."""
    try:
        await session.flow.ask(session.files.mkdir(path))
    except OSError as error:
        if isinstance(error, Lost):
            raise
        found = await session.status(path)
        if found is None or not found.is_folder:
            raise


async def sync_folder(session: Session, path: bytes) -> None:
    """Make the names in a folder durable. OpenSSH opens a folder as it does a file; who does not, cannot.

    Raises FolderUnsynced where the host tried and failed.
    """
    try:
        opened = await session.open_file(path, 0)
    except OSError as error:
        if error.errno not in _NO_OPENING:
            raise
        session.syncs_folders = False
        return
    try:
        await session.flow.ask(opened.file.fsync())
    except OSError as error:
        if isinstance(error, Lost):
            raise
        if error.errno not in _NO_SYNC:
            raise FolderUnsynced(error.errno, error.strerror) from error
        session.syncs_folders = False
    finally:
        session.let_go(opened)


async def _open_new(session: Session, path: bytes, size: int) -> Opened:
    try:
        return Opened(await session.flow.ask(session.files.create(path)), size)
    except OSError as error:
        if await _is_taken(session, error, path):
            raise os_error(errno.EEXIST) from error
        raise


async def _is_taken(session: Session, error: OSError, path: bytes) -> bool:
    """That something stands at `path` is a bare "failure" in the words of the protocol."""
    return error.errno == FAILURE and await session.status(path) is not None


async def _write(opened: Opened, begin: int, part: memoryview) -> None:
    await asyncio.sleep(UPLOAD.turn(len(part)))
    await opened.file.write(bytes(part), begin)


async def _sync_new(session: Session, opened: Opened) -> None:
    try:
        await session.sync(opened)
    except OSError as error:
        if error.errno == FAILURE:
            raise Unsynced(error.errno, error.strerror) from error
        raise
