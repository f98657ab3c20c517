"""Let files leave the vault: a tar or a zip that any computer reads, or a capsule (`jobs/capsule`).

All of it is read back and compared before it gets its name. What cannot be had from a damaged vault is
listed, and everything else is written.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from vaultd.errors import BadUsage
from vaultd.jobs import tarball, zipreading
from vaultd.jobs.exporting import fill
from vaultd.jobs.outgoing import WHOLE, refuse_taken, written_aside
from vaultd.jobs.promised import Check, Promised
from vaultd.jobs.restoration import Restored
from vaultd.jobs.wanted import Item, Several, wanted
from vaultd.jobs.ziparchive import ZipArchive
from vaultd.progress import Progress
from vaultd.tree.patterns import Selection
from vaultd.tree.view import Broken, View

TAR, ZIP, CAPSULE = "tar", "zip", "capsule"
_BUFFER = 1 << 20


def export(
    view: View,
    path: bytes,
    target: Path,
    form: str,
    progress: Progress,
    stop: Callable[[], bool],
    *,
    deleted: bool = False,
) -> Restored:
    """Write what stands at `path`, or the last version of what is gone from there, as a TAR or ZIP file
    `target`, which must not be there; and read it back.

    `stop` is asked often; where it says yes, KeyboardInterrupt is raised and nothing is left. Raises
    BadUsage (it is there), NotAFolder, NoSuchPath, ExportFull, NotAsWritten, Unreachable, OSError.
    """
    refuse_taken(target, folder=False)
    told = Restored()

    def check() -> None:
        if stop():
            raise KeyboardInterrupt

    with written_aside(target, folder=False) as aside:
        promised = Promised(aside)
        try:
            progress.stage("export")
            with open(aside / WHOLE, "xb", buffering=_BUFFER, opener=_for_its_owner) as file:
                archive = _archive(form, file, view, told, promised, check, aside)
                with contextlib.closing(archive):
                    fill(archive, items(view, path, deleted=deleted), view, told, progress, stop)
                    archive.finish()
            progress.stage("read-back")
            check()
            (tarball.read_back if form == TAR else zipreading.read_back)(aside / WHOLE, promised, check)
        finally:
            promised.close()
    return told


def items(view: View, path: bytes, *, deleted: bool) -> Iterator[Item | Several | Broken]:
    """What is to be written; first, of a whole snapshot, the folder itself."""
    if not path and not deleted:
        yield Item(b"", b"", view.root, lazy=False)
    yield from wanted(view, path, Selection((), ()), deleted=deleted)


def _archive(
    form: str,
    file: BinaryIO,
    view: View,
    told: Restored,
    promised: Promised,
    check: Check,
    aside: Path,
) -> tarball.Tarball | ZipArchive:
    if form == TAR:
        return tarball.Tarball(file, view, told, promised, check)
    return ZipArchive(file, view, told, promised, check, aside)


def _for_its_owner(path: str, flags: int) -> int:
    """What was closed to others in the source is not opened to them by leaving it."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def form_of(given: str | None, target: str) -> str:
    """The format that was asked for, or that the target's name tells. Raises BadUsage where neither does."""
    if given:
        return given
    lower = target.lower()
    for form in (TAR, ZIP):
        if lower.endswith(f".{form}"):
            return form
    raise BadUsage("export-format", target)
