"""A source with all that a file system can hold, saved a few times."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault


@pytest.fixture(scope="session", autouse=True)
def fuse() -> None:
    if not os.path.exists("/dev/fuse") or not shutil.which("fusermount3"):
        pytest.skip("there is no FUSE here: apt-get install fuse3")


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = new_vault(tmp_path)
    source = tmp_path / "photos"
    fill(source)
    made.add(source, "photos")
    made.save("photos")
    return made


def fill(source: Path) -> None:
    (source / "2019" / "夏天").mkdir(parents=True)
    (source / "2019" / "夏天" / "IMG_1.jpg").write_bytes(os.urandom(3_000_000))
    (source / "2019" / "empty").write_bytes(b"")
    (source / "note.txt").write_text("first\n")
    os.link(source / "note.txt", source / "2019" / "the same note")
    (source / "link").symlink_to("2019/夏天")
    os.mkfifo(source / "fifo")
    with open(os.fsencode(source) + b"/\xff\xfe name", "wb") as file:
        file.write(b"not UTF-8")
    with (source / "sparse").open("wb") as file:
        for at in (0, 5 << 20, 9 << 20):
            file.seek(at)
            file.write(os.urandom(8192))
        file.truncate(12 << 20)
    os.setxattr(source / "note.txt", "user.camera", b"Canon\x00\xff")
    (source / "2019").chmod(0o750)
    (source / "note.txt").chmod(0o640)
    os.utime(source / "note.txt", ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))
    os.utime(source / "2019", ns=(1_400_000_000_000_000_001, 1_400_000_000_000_000_001))
    if os.getuid() == 0:
        os.chown(source / "2019" / "empty", 12345, 54321)


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """What a program printed; CalledProcessError unless it ended with 0."""
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, check=True, errors="surrogateescape", timeout=120
    )
    return done.stdout
