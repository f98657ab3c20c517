"""The folder that something is mounted on."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

from vaultd.copies.identity import mount_of
from vaultd.errors import BadMountPoint, NoFuse, NotUnmounted, Overlap
from vaultd.jobs.session import Session
from vaultd.jobs.sources import refuse_overlap
from vaultd.tree.sources import list_sources

TYPE = "fuse.vaultd"
_PATIENCE = 30.0


def is_stale(folder: Path) -> bool:
    """Whether something is mounted there whose process is gone."""
    try:
        folder.stat()
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def is_mounted(folder: Path) -> bool:
    """Whether a past is mounted just there."""
    found = mount_of(folder)
    return found is not None and found.type == TYPE and found.point == _real(folder)


def refuse(folder: Path) -> None:
    """Raises BadMountPoint where nothing can be mounted: only an empty folder hides nothing."""
    if not folder.exists():
        raise BadMountPoint(str(folder), "missing")
    if not folder.is_dir():
        raise BadMountPoint(str(folder), "file")
    if is_mounted(folder):
        raise BadMountPoint(str(folder), "taken")
    if os.listdir(folder):
        raise BadMountPoint(str(folder), "full")


def refuse_here(session: Session, folder: Path) -> None:
    """Raises BadMountPoint for a folder of the vault, and for one whose files are saved: the past would be
    saved again.
    """
    real = os.fsencode(_real(folder))
    try:
        refuse_overlap(session, real)
    except Overlap:
        raise BadMountPoint(str(folder), "vault") from None
    for source in list_sources(session.vault.journal):
        inside = real == source.body.path or real.startswith(source.body.path.rstrip(b"/") + b"/")
        # What is mounted below a source is not entered, unless its owner asked for that.
        if real == source.body.path or (inside and source.body.cross):
            raise BadMountPoint(str(folder), "source")


def unmount(folder: Path) -> None:
    """Take away what is mounted there, a stale one too. Raises NotUnmounted, NoFuse."""
    stale = is_stale(folder)
    if not stale and not is_mounted(folder):
        raise NotUnmounted(str(folder), "none")
    words = [*_program(), str(folder)]
    if stale:
        words.insert(-1, "-z" if "fusermount" in words[0] else "-l")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    if done.returncode:
        said = done.stderr.strip()
        raise NotUnmounted(str(folder), "busy" if "busy" in said else said[-200:])


def _program() -> list[str]:
    for name in ("fusermount3", "fusermount"):
        if found := shutil.which(name):
            return [found, "-u"]
    if found := shutil.which("umount"):
        return [found]
    raise NoFuse("program")


def _real(folder: Path) -> str:
    """Not of the folder itself: asking a dead mount for anything is an error."""
    return os.path.join(os.path.realpath(folder.parent), folder.name)
