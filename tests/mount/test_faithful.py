"""What the tools that people use see in a mount is what they see in a restore, and in the folder itself."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compare_trees import looks
from tests.jobs.vaults import Computer
from tests.mount.conftest import run
from tests.mount.mounts import Mounted, mounted


@pytest.fixture
def shown(computer: Computer, tmp_path: Path) -> Iterator[Mounted]:
    with mounted(computer, tmp_path / "past") as found:
        yield found


@pytest.fixture
def restored(computer: Computer, tmp_path: Path) -> Path:
    computer.give_back(tmp_path / "restored", special=True)
    return tmp_path / "restored"


def test_every_attribute_is_that_of_the_restored_tree(shown: Mounted, restored: Path) -> None:
    seen, given = looks(shown.at("photos", "latest")), looks(restored)
    assert seen.keys() == given.keys()
    for path, look in given.items():
        assert seen[path] == look, path
    assert (shown.at("photos", "latest", "note.txt").stat().st_nlink) == 2
    assert os.stat(shown.at("photos", "latest", "note.txt")).st_mtime_ns == 1_500_000_000_123_456_789


def edit(top: Path, rng: random.Random) -> None:
    """A few things that happen to folders."""
    folders = [top, *(path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())]
    for _ in range(rng.randrange(1, 8)):
        folder = rng.choice([each for each in folders if each.is_dir()])
        path = folder / f"n{rng.randrange(6)}"
        match rng.randrange(6):
            case 0 if not path.exists():
                path.mkdir()
                folders.append(path)
            case 1 if path.is_file():
                path.unlink()
            case 2 if path.is_dir() and path != top:
                shutil.rmtree(path)
            case 3 if path.is_file():
                path.chmod(rng.choice([0o600, 0o644, 0o755]))
            case 4 if path.is_file() and not (folder / "link").exists():
                os.link(path, folder / "link")
            case _ if not path.is_dir():
                path.write_bytes(rng.randbytes(rng.choice([0, 10, 5000, 400_000])))


def test_every_snapshot_is_what_a_restore_of_it_gives(
    computer: Computer, tmp_path: Path, rng: random.Random
) -> None:
    for _ in range(8):
        edit(tmp_path / "photos", rng)
        computer.save("photos")
    with mounted(computer, tmp_path / "past") as shown:
        for number, snapshot in enumerate(computer.snapshots()):
            target = tmp_path / f"restored-{number}"
            computer.give_back(target, snapshot.short, special=True)
            assert looks(shown.at("photos", "by-id", snapshot.short)) == looks(target)


def test_rsync_finds_nothing_to_do(shown: Mounted, restored: Path) -> None:
    words = ["rsync", "-aHAX", "--checksum", "--delete", "--dry-run", "--itemize-changes", "--specials"]
    assert run(*words, f"{shown.at('photos', 'latest')}/", f"{restored}/") == ""


def test_diff_tar_and_sums_agree(shown: Mounted, restored: Path, tmp_path: Path) -> None:
    seen = shown.at("photos", "latest")
    run("diff", "-r", "--no-dereference", "--exclude=fifo", seen, restored)
    archives = [tmp_path / "a.tar", tmp_path / "b.tar"]
    for archive, top in zip(archives, (seen, restored), strict=True):
        run("tar", "--sort=name", "--sparse", "-cf", archive, "-C", top, ".")
    listed = [run("tar", "-tvf", archive) for archive in archives]
    assert listed[0] == listed[1]
    line = "find . -type f -print0 | sort -z | xargs -0 sha256sum"
    sums = [run("sh", "-c", line, cwd=top) for top in (seen, restored)]
    assert sums[0] == sums[1]


def test_copies_keep_holes(shown: Mounted, tmp_path: Path) -> None:
    sparse = shown.at("photos", "latest", "sparse")
    assert sparse.stat().st_blocks * 512 < 1 << 20
    run("cp", "--sparse=auto", sparse, tmp_path / "copied")
    assert (tmp_path / "copied").read_bytes() == sparse.read_bytes()
    assert (tmp_path / "copied").stat().st_blocks * 512 < 1 << 20
    with sparse.open("rb") as file:
        assert os.lseek(file.fileno(), 8192, os.SEEK_DATA) == 5 << 20
        assert os.lseek(file.fileno(), 0, os.SEEK_HOLE) == 8192
        assert os.lseek(file.fileno(), 9 << 20, os.SEEK_HOLE) == (9 << 20) + 8192
        with pytest.raises(OSError, match="No such device or address"):
            os.lseek(file.fileno(), 10 << 20, os.SEEK_DATA)


def test_find_and_du_see_the_same(shown: Mounted, restored: Path) -> None:
    seen = shown.at("photos", "latest")
    find = ["find", ".", "-not", "-type", "d", "-printf", "%p %y %s %n %T@ %U %G %m\\n"]
    for words in (find, ["du", "-b", "2019/夏天"], ["du", "-k", "note.txt", "2019/夏天/IMG_1.jpg"]):
        seen_there, given = (sorted(run(*words, cwd=top).splitlines()) for top in (seen, restored))
        assert seen_there == given


def test_it_can_never_be_written(shown: Mounted) -> None:
    note = shown.at("photos", "latest", "note.txt")
    writes: list[Callable[[], object]] = [
        lambda: note.write_text("changed"),
        note.unlink,
        lambda: note.chmod(0o777),
        lambda: note.rename(note.with_name("other")),
        (note.parent / "new").mkdir,
        lambda: os.setxattr(note, "user.a", b"1"),
        lambda: os.utime(note),
    ]
    for write in writes:
        with pytest.raises(OSError, match="Read-only"):
            write()
    flags = os.statvfs(shown.path).f_flag
    assert flags & os.ST_RDONLY
    assert flags & os.ST_NOSUID
    assert os.statvfs(shown.path).f_blocks >= 3_000_000 // 4096


def test_numbers_of_files_are_the_same_after_a_restart(computer: Computer, tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with mounted(computer, tmp_path / "past") as shown:
            found = sorted(path for path in shown.path.rglob("*"))
            seen.append({path: path.lstat().st_ino for path in found})
    assert seen[0] == seen[1]
    assert len(seen[0]) > 40


def test_what_is_listed_has_the_number_and_kind_that_it_has(shown: Mounted) -> None:
    for folder, _, _ in os.walk(shown.path):
        with os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                assert entry.inode() == status.st_ino, entry.path
                assert entry.is_dir(follow_symlinks=False) == (status.st_mode & 0o170000 == 0o040000)


def test_what_is_not_there_costs_little_and_is_not_there(shown: Mounted) -> None:
    for name in (".Trash", ".Trash-0", ".hidden", "desktop.ini", "Thumbs.db", ".DS_Store"):
        for folder in ("", "latest", "latest/2019", "versions", "deleted", "at"):
            assert not shown.at("photos", folder, name).exists()
