"""Let files leave the vault: a tar or a zip that any computer reads, or a capsule (`jobs/capsule`).

All of it is read back and compared before it gets its name. What cannot be had from a damaged vault is
listed, and everything else is written.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from vaultd.errors import BadUsage
from vaultd.jobs import tarball, zipreading
from vaultd.jobs.exporting import fill
from vaultd.jobs.outgoing import WHOLE, refuse_taken, written_aside
from vaultd.jobs.promised import Promised
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
    with written_aside(target, folder=False) as aside:
        promised = Promised(aside)
        try:
            progress.stage("export")
            _write(aside, form, items(view, path, deleted=deleted), view, told, promised, progress, stop)
            progress.stage("read-back")
            if stop():
                raise KeyboardInterrupt
            (tarball.read_back if form == TAR else zipreading.read_back)(aside / WHOLE, promised)
        finally:
            promised.close()
    return told


def items(view: View, path: bytes, *, deleted: bool) -> Iterator[Item | Several | Broken]:
    """What is to be written; first, of a whole snapshot, the folder itself."""
    if not path and not deleted:
        yield Item(b"", b"", view.root, lazy=False)
    yield from wanted(view, path, Selection((), ()), deleted=deleted)


def _write(
    aside: Path,
    form: str,
    found: Iterator[Item | Several | Broken],
    view: View,
    told: Restored,
    promised: Promised,
    progress: Progress,
    stop: Callable[[], bool],
) -> None:
    with open(aside / WHOLE, "xb", buffering=_BUFFER) as file:
        archive = (
            tarball.Tarball(file, view, told, promised)
            if form == TAR
            else ZipArchive(file, view, told, promised, aside)
        )
        with contextlib.closing(archive):
            fill(archive, found, view, told, progress, stop)
            archive.finish()


def form_of(given: str | None, target: str) -> str:
    """The format that was asked for, or that the target's name tells. Raises BadUsage where neither does."""
    if given:
        return given
    lower = target.lower()
    for form in (TAR, ZIP):
        if lower.endswith(f".{form}"):
            return form
    raise BadUsage("export-format", target)
