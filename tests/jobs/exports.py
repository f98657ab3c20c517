"""Exporting in tests, and what is compared with a restore of the same."""

import os
import stat
from pathlib import Path
from typing import Any

from tests.jobs.vaults import Computer
from vaultd.credentials import Passphrase
from vaultd.format.keys import new_master
from vaultd.jobs.capsule import Sealing, create_capsule
from vaultd.jobs.export import export
from vaultd.jobs.restoration import Restored
from vaultd.progress import Silent
from vaultd.tree.selectors import select
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View

PHRASE = Passphrase("for my daughter 给女儿")


def exported(view: View, target: Path, form: str, path: bytes = b"", *, deleted: bool = False) -> Restored:
    return export(view, path, target, form, Silent(), lambda: False, deleted=deleted)


def export_of(computer: Computer, target: Path, form: str, words: str = "latest") -> Restored:
    with computer.view(words) as view:
        return exported(view, target, form)


def sealed(
    computer: Computer, target: Path, path: bytes = b"", words: str = "all", **options: Any
) -> tuple[Restored, bytes]:
    """What was told, and the master key."""
    master = options.pop("master", new_master())
    stop = options.pop("stop", lambda: False)
    with computer.opened() as session:
        snapshot = select(list_snapshots(session.vault.journal), words)
        view = View(session.vault, snapshot.body.root, snapshot.body.attic)
        what = Sealing(snapshot, view, path, master, PHRASE, **options)
        return create_capsule(session, what, target, Silent(), stop), master


def told_of(path: bytes, *, exact: bool) -> dict[bytes, list[Any]]:
    """Everything below a folder: kind, mode, times, bytes, links and attributes; which names are one file.
    Not `exact`: what a zip keeps.
    """
    found: dict[bytes, list[Any]] = {}
    first: dict[tuple[int, int], bytes] = {}
    for above, folders, files in sorted(os.walk(path)):
        for name in sorted([*folders, *files]):
            place = os.path.join(above, name)
            st = os.lstat(place)
            inside = os.path.relpath(place, path)
            time = st.st_mtime_ns if exact else st.st_mtime_ns // 10**9
            link = os.readlink(place) if stat.S_ISLNK(st.st_mode) else None
            data = Path(os.fsdecode(place)).read_bytes() if stat.S_ISREG(st.st_mode) else None
            facts: list[Any] = [stat.S_IFMT(st.st_mode), link, data]
            if link is None:
                facts.append(stat.S_IMODE(st.st_mode))
            if exact or link is None:
                facts.append(time)
            if exact:
                facts += [st.st_uid, st.st_gid, _xattrs(place)]
                if not stat.S_ISDIR(st.st_mode):
                    facts.append(first.setdefault((st.st_dev, st.st_ino), inside))
            found[inside] = facts
    return found


def _xattrs(place: bytes) -> dict[str, bytes]:
    names = os.listxattr(place, follow_symlinks=False)
    return {name: os.getxattr(place, name, follow_symlinks=False) for name in names}
