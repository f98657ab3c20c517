"""What was measured, on what."""

import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent
_GIB = 1 << 30


def about(command: str) -> dict[str, str]:
    """What a reader must know to believe a figure, each by its name in the table."""
    return {
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory() / _GIB:.0f} GiB of memory",
        "kernel": platform.release(),
        "python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "load when it began": load(),
    }


def file_system(place: Path) -> str:
    """The kind of file system that a folder is on: `tmpfs`, `ext4`."""
    said = subprocess.run(
        ["stat", "-f", "-c", "%T", place], check=True, capture_output=True, text=True
    ).stdout.strip()
    return "ext4" if said == "ext2/ext3" else said


def _commit() -> str:
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "vaultd", "cli")
    return f"{commit} with changes" if changed else commit


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=_REPOSITORY, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def load() -> str:
    """How many processes wanted a core, in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
