"""Look at this computer and at the places, without a key and without changing anything: what would stand
in the way?
"""

import contextlib
import os
import platform
import resource
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vaultd.copies.identity import is_network, is_removable, mount_of
from vaultd.errors import BadSettings, NoVault, VaultdError
from vaultd.jobs.opening import open_place
from vaultd.jobs.places import folder_of
from vaultd.settings import Home, Place, load

LIBRARIES = (
    "blake3",
    "cryptography",
    "zstandard",
    "msgspec",
    "pyfastcdc",
    "click",
    "watchdog",
    "mfusepy",
    "mnemonic",
    "pathspec",
)
# Less than this free, and a day with a camera may not fit: a warning, not a limit.
_LOW_FREE = 0.05
# A folder on the way down is an open file; 200 are kept open at most, and copies and databases need some as
# well.
_ENOUGH_FILES = 512


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `key` names it, `good` is None where it is only worth knowing;
    `facts` for the sentence, `time` among them in nanoseconds since 1970; `cause` what went wrong.
    """

    key: str
    good: bool | None
    facts: dict[str, object]
    cause: VaultdError | None = None


def doctor(home: Home) -> Iterator[Finding]:
    """Findings one by one. Never raises for what it finds."""
    yield Finding("python", None, {"version": platform.python_version(), "system": platform.platform()})
    yield from (_library(name) for name in LIBRARIES)
    yield _open_files()
    yield _clock()
    try:
        settings = load(home)
    except NoVault:
        yield Finding("no-vault", None, {"place": str(home.config)})
        return
    except BadSettings as error:
        yield Finding("settings", False, {"path": error.path, "problem": error.problem})
        return
    yield from _home(home)
    for place in settings.copies:
        yield from _copy(home, place)


def _library(name: str) -> Finding:
    try:
        return Finding("library", True, {"name": name, "version": version(name)})
    except PackageNotFoundError:
        return Finding("library", False, {"name": name, "version": "-"})


def _open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding("open-files", soft == resource.RLIM_INFINITY or soft >= _ENOUGH_FILES, {"limit": soft})


def _clock() -> Finding:
    # Older than the newest file of this very program: the battery of the clock is flat.
    built = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
    return Finding("clock", time.time() > built - 86_400, {"time": time.time_ns()})


def _home(home: Home) -> Iterator[Finding]:
    for folder in dict.fromkeys((home.config, home.state)):
        mode = folder.stat().st_mode & 0o777
        yield Finding("home-private", mode & 0o077 == 0, {"path": str(folder), "mode": f"{mode:o}"})
    yield Finding("state", _state_is_sound(home.state_file), {"path": str(home.state_file)})


def _state_is_sound(path: Path) -> bool:
    if not path.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def _copy(home: Home, place: Place) -> Iterator[Finding]:
    facts: dict[str, object] = {"label": place.label, "url": place.url}
    try:
        with contextlib.closing(open_place(home, place)) as copy:
            space = copy.space()
    except VaultdError as error:
        yield Finding("copy", False, facts, error)
        return
    yield Finding("copy", True, facts)
    folder = folder_of(place)
    if folder is not None:
        yield from _disk(folder, facts)
    if space.total:
        yield Finding(
            "copy-space",
            space.free > _LOW_FREE * space.total,
            facts | {"free": space.free, "total": space.total},
        )
    if folder is not None:
        yield Finding("copy-writable", os.access(folder, os.W_OK), facts)


def _disk(folder: Path, facts: dict[str, object]) -> Iterator[Finding]:
    mount = mount_of(folder)
    if mount is not None:
        more = {"network": is_network(folder), "removable": is_removable(folder)}
        yield Finding("copy-disk", None, facts | {"type": mount.type, "point": mount.point, **more})
