"""The folders of a copy on a directory, and what stands in them."""

import os
import stat
from collections.abc import Iterator
from typing import Protocol

from vaultd.copies.folder import Handle, entries
from vaultd.copies.names import QUARANTINE, is_folder, parse_unfinished
from vaultd.ids import TEXTS, parse

Found = tuple[str, os.stat_result]


class Looked(Protocol):
    """What was seen at a name, without following a link: of an `os.stat_result` only this much."""

    @property
    def st_mode(self) -> int: ...


def walk(root: Handle, prefix: str = "", folder: str = "") -> Iterator[Found]:
    """Everything in a copy's own folders but quarantine; folders of other names are not entered.

    What has the name of a folder and is none is among the results. Only folders that may hold names
    with `prefix` are entered. Raises OSError.
    """
    for leaf, status in entries(root, folder):
        name = f"{folder}/{leaf}" if folder else leaf
        if not (is_folder(name) and stat.S_ISDIR(status.st_mode)):
            yield name, status
        elif name != QUARANTINE and may_hold(name + "/", prefix):
            yield from walk(root, prefix, name)


def is_stranger(name: str, status: Looked) -> bool:
    """A link or folder is a stranger whatever its name."""
    ours = parse(name) or name in TEXTS or parse_unfinished(name)
    return not ours or not stat.S_ISREG(status.st_mode)


def is_blocked(name: str, prefix: str) -> bool:
    """Whether something that `walk` gave stands where a folder with names of `prefix` has to be."""
    return is_folder(name) and name != QUARANTINE and may_hold(name + "/", prefix)


def may_hold(folder: str, prefix: str) -> bool:
    """Whether a name with `prefix` can stand in `folder`, which ends in a slash."""
    return folder.startswith(prefix) or prefix.startswith(folder)
