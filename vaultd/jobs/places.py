"""Where the copies of the settings stand, and what can be told of a place without opening the vault in it."""

import contextlib
import errno
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vaultd.copies import locating
from vaultd.copies.locating import Location
from vaultd.errors import Full, Headless, NoVault, Overlap, ReadOnly, SamePlace
from vaultd.settings import Place

# What a new vault takes: its texts (70 kB), a key and a few records, and as much again.
_ROOM = 128 * 1024


def location(place: Place) -> Location:
    return Location(place.url, place.options)


def folder_of(place: Place) -> Path | None:
    """The folder of a copy on this computer; None for one that stands elsewhere."""
    return location(place).folder


def is_object_store(place: Place) -> bool:
    """Whether what is read from a copy is counted, and paid for."""
    return place.url.startswith("s3:")


def seems_a_vault(where: Location) -> None:
    """Look before anybody is asked for a secret.

    Raises NoVault (with a copy above or below, where one is near), Headless, NotAFolder, TooNew, Damaged,
    Unreachable, BadUrl.
    """
    try:
        locating.open_copy(where, None, "").close()
    except NoVault as error:
        if locating.is_headless(where):
            raise Headless(where.url) from None
        raise NoVault(error.place, next(_copies_near(where.folder), "") if where.folder else "") from None


def _copies_near(folder: Path) -> Iterator[str]:
    """Folders above and a little below that say that they are copies."""
    with contextlib.suppress(OSError):
        below = (path.parent for pattern in ("*", "*/*") for path in folder.glob(f"{pattern}/vault.id"))
        for place in itertools.chain((folder.parent, folder.parent.parent), below):
            if (place / "vault.id").is_file():
                yield str(place)


def refuse_same_place(first: Location, second: Location) -> None:
    """Two copies must stand apart. Raises SamePlace, or Overlap where one lies in the other."""
    if first.url == second.url:
        raise SamePlace(second.url)
    if first.folder is None or second.folder is None:
        return
    one, other = first.folder.resolve(), second.folder.resolve()
    if one == other:
        raise SamePlace(second.url)
    if one in other.parents or other in one.parents:
        raise Overlap(os.fsencode(second.folder), os.fsencode(first.folder))


def refuse_read_only(place: Place) -> None:
    """Raises ReadOnly: a disk that begins to fail is often mounted anew so that nothing is written to it.

    Of a copy that stands elsewhere its first write tells.
    """
    path = folder_of(place)
    if path is not None and path.is_dir() and not os.access(path, os.W_OK):
        raise ReadOnly(str(path))


def refuse_unwritable(where: Location) -> None:
    """Write as much as a new vault takes to where its folder is or will be, and take it away again: a disk
    that takes nothing is found before anybody is given a recovery code for it.

    Of a copy that stands elsewhere its first write tells. Raises Full, ReadOnly.
    """
    if where.folder is None:
        return
    folder = where.folder if where.folder.is_dir() else where.folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".vaultd-") as file:
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Full(where.url) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise ReadOnly(where.url) from error
        raise
