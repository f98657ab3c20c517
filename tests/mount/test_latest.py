"""What is open, or stood in, while other states become the latest."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer
from tests.mount.mounts import mounted
from tests.waiting import until

LONG = 3_000_000


@pytest.mark.parametrize("library", [None, "libfuse.so.2", "libfuse3.so.3"])
def test_who_has_a_file_open_reads_on_what_he_opened(
    computer: Computer, tmp_path: Path, library: str | None
) -> None:
    """Others read the new one at the same time: what the kernel keeps of the one is nothing of the other."""
    video = tmp_path / "photos" / "video"
    before, after = os.urandom(LONG), os.urandom(LONG)
    video.write_bytes(before)
    os.utime(video, (1_600_000_000, 1_600_000_000))
    computer.save("photos")
    chosen = {"FUSE_LIBRARY_PATH": library} if library else {}
    with mounted(computer, tmp_path / "past", **chosen) as shown:
        seen = shown.at("photos", "latest", "video")
        with seen.open("rb", buffering=0) as file:
            assert file.read(100_000) == before[:100_000]
            video.write_bytes(after)
            computer.save("photos")
            assert until(lambda: seen.stat().st_mtime != 1_600_000_000)
            assert seen.read_bytes() == after
            file.seek(0)
            assert b"".join(iter(lambda: file.read(1 << 17), b"")) == before
            # To a library a file is what has its path.
            assert library or os.fstat(file.fileno()).st_mtime == 1_600_000_000
            assert seen.read_bytes() == after


def test_it_is_open_still_when_its_folder_is_gone(computer: Computer, tmp_path: Path) -> None:
    summer = tmp_path / "photos" / "2019" / "夏天"
    photo = summer / "IMG_1.jpg"
    whole = photo.read_bytes()
    with mounted(computer, tmp_path / "past") as shown:
        seen = shown.at("photos", "latest", "2019", "夏天", "IMG_1.jpg")
        with seen.open("rb", buffering=0) as file:
            photo.unlink()
            summer.rmdir()
            computer.save("photos")
            assert until(lambda: not seen.exists())
            assert os.fstat(file.fileno()).st_size == len(whole)
            assert file.read(len(whole)) == whole


def test_a_file_becomes_a_folder_and_a_folder_a_file(computer: Computer, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    with mounted(computer, tmp_path / "past") as shown:
        latest = shown.at("photos", "latest")
        assert (latest / "note.txt").read_text() == "first\n"
        assert os.listdir(latest / "2019" / "夏天") == ["IMG_1.jpg"]
        (photos / "note.txt").unlink()
        (photos / "note.txt").mkdir()
        (photos / "note.txt" / "inside").write_text("inside")
        (photos / "2019" / "夏天" / "IMG_1.jpg").unlink()
        (photos / "2019" / "夏天").rmdir()
        (photos / "2019" / "夏天").write_text("a file now")
        computer.save("photos")
        assert until((latest / "note.txt").is_dir)
        assert (latest / "note.txt" / "inside").read_text() == "inside"
        assert until((latest / "2019" / "夏天").is_file)
        assert (latest / "2019" / "夏天").read_text() == "a file now"
        assert sorted(os.listdir(latest / "2019")) == ["empty", "the same note", "夏天"]


def test_who_stands_in_a_folder_sees_what_comes(computer: Computer, tmp_path: Path) -> None:
    with mounted(computer, tmp_path / "past") as shown:
        folder = os.open(shown.at("photos", "latest", "2019"), os.O_RDONLY)
        try:
            assert "new" not in os.listdir(folder)
            assert "new" not in os.listdir(folder)  # as the kernel keeps it
            (tmp_path / "photos" / "2019" / "new").write_text("new")
            computer.save("photos")
            assert until(lambda: "new" in os.listdir(folder))
            assert os.stat("new", dir_fd=folder).st_size == 3
            (tmp_path / "photos" / "2019" / "new").unlink()
            computer.save("photos")
            assert until(lambda: "new" not in os.listdir(folder))
        finally:
            os.close(folder)


def test_mode_and_time_alone_are_seen_too(computer: Computer, tmp_path: Path) -> None:
    note, folder = tmp_path / "photos" / "note.txt", tmp_path / "photos" / "2019"
    with mounted(computer, tmp_path / "past") as shown:
        latest = shown.at("photos", "latest")
        assert (latest / "note.txt").stat().st_mode & 0o777 == 0o640
        assert (latest / "2019").stat().st_mode & 0o777 == 0o750
        note.chmod(0o604)
        folder.chmod(0o705)
        os.setxattr(note, "user.camera", b"Leica")
        computer.save("photos")
        assert until(lambda: (latest / "note.txt").stat().st_mode & 0o777 == 0o604)
        assert until(lambda: (latest / "2019").stat().st_mode & 0o777 == 0o705)
        assert os.getxattr(latest / "note.txt", "user.camera") == b"Leica"


def test_a_name_less_is_counted(computer: Computer, tmp_path: Path) -> None:
    with mounted(computer, tmp_path / "past") as shown:
        seen = shown.at("photos", "latest", "note.txt")
        assert seen.stat().st_nlink == 2
        (tmp_path / "photos" / "2019" / "the same note").unlink()
        computer.save("photos")
        assert until(lambda: seen.stat().st_nlink == 1)


def test_very_much_that_changed_at_once_is_told_whole(computer: Computer, tmp_path: Path) -> None:
    many = tmp_path / "photos" / "many"
    many.mkdir()
    for number in range(12_000):
        (many / f"{number:05}").touch()
    computer.save("photos")
    with mounted(computer, tmp_path / "past") as shown:
        seen = shown.at("photos", "latest", "many")
        run = ["find", str(seen), "-type", "f", "-newermt", "2001-01-01"]
        before = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
        assert len(before) == 12_000
        for number in range(12_000):
            os.utime(many / f"{number:05}", (1_000_000, 1_000_000))
        computer.save("photos")

        def newer() -> str:
            return subprocess.run(run, capture_output=True, text=True, check=True).stdout

        assert until(lambda: newer() == "")


def test_names_alone_and_then_everything(computer: Computer, tmp_path: Path) -> None:
    """A process that wants the names, and others that want all: each gets what is right."""
    for folder in range(30):
        (tmp_path / "photos" / f"{folder}").mkdir()
        for number in range(5):
            (tmp_path / "photos" / f"{folder}" / f"{number}").write_bytes(b"x" * (folder * 5 + number))
    computer.save("photos")
    with mounted(computer, tmp_path / "past") as shown:
        latest = shown.at("photos", "latest")
        form = ["find", ".", "-type", "f", "-printf", "%p %s\\n"]
        names = ["find", ".", "-type", "f"]
        for words in (names, form, names, form, form):
            there, here = (
                sorted(subprocess.run(words, cwd=top, capture_output=True, check=True).stdout.splitlines())
                for top in (latest, tmp_path / "photos")
            )
            assert there == here
