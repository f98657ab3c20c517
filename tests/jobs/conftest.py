import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.scrubs import note_reading


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; only root can have one."""
    path = tmp_path / "disk"
    path.mkdir()
    command: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that a check has read to their end, in that order."""
    return note_reading(monkeypatch)
