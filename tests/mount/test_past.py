"""Where what was once there is found, and that it follows what is saved meanwhile."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.test_protect import brought_up, two_copies
from tests.jobs.vaults import Computer
from tests.mount.mounts import mounted
from tests.waiting import until


def in_time(folder: Path) -> list[Path]:
    """Oldest first: of one second, the one with the shorter name."""
    return sorted(folder.iterdir(), key=lambda each: (each.name[:19], len(each.name)))


def test_the_layout(computer: Computer, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "note.txt").write_text("second, longer\n")
    shutil.rmtree(photos / "2019" / "夏天")
    (photos / "sparse").unlink()
    (photos / "sparse").mkdir()
    (photos / "sparse" / "in it").write_text("in it")
    computer.save("photos")
    (photos / "sparse" / "in it").write_text("in it again")
    computer.save("photos")
    with mounted(computer, tmp_path / "past") as shown:
        assert os.listdir(shown.path) == ["photos"]
        assert sorted(os.listdir(shown.at("photos"))) == ["at", "by-id", "deleted", "latest", "versions"]
        first, second, third = shown.snapshots("photos")
        assert (first / "note.txt").read_text() == "first\n"
        assert (second / "note.txt").read_text() == "second, longer\n"
        assert (third / "sparse" / "in it").read_text() == "in it again"
        assert sorted(os.listdir(shown.at("photos", "by-id"))) == sorted(
            each.short for each in computer.snapshots()
        )
        # versions: the oldest first, the right extension, a file that became a folder beside it
        versions = shown.at("photos", "versions")
        notes = in_time(versions / "note.txt")
        assert [each.read_text() for each in notes] == ["first\n", "second, longer\n"]
        assert [each.suffix for each in notes] == [".txt", ".txt"]
        assert notes[0].stem == first.name
        assert len(os.listdir(versions / "sparse~file")) == 1
        inside = in_time(versions / "sparse" / "in it")
        assert [each.read_text() for each in inside] == ["in it", "in it again"]
        assert len(os.listdir(versions / "2019" / "夏天" / "IMG_1.jpg")) == 1
        # deleted: the last version of what is no longer there, and nothing else
        deleted = shown.at("photos", "deleted")
        assert sorted(os.listdir(deleted)) == ["2019", "sparse~file"]
        assert os.listdir(deleted / "2019") == ["夏天"]
        assert (deleted / "2019" / "夏天" / "IMG_1.jpg").stat().st_size == 3_000_000
        assert (deleted / "sparse~file").read_bytes() == (first / "sparse").read_bytes()
        assert not (deleted / "note.txt").exists()


def test_what_is_saved_meanwhile_appears_by_itself(computer: Computer, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    with mounted(computer, tmp_path / "past") as shown:
        latest, deleted = shown.at("photos", "latest"), shown.at("photos", "deleted")
        before = {path: path.lstat() for path in latest.rglob("*")}  # the kernel knows all of it now
        assert (latest / "note.txt").read_text() == "first\n"
        assert os.listdir(latest / "2019")
        assert not (latest / "new").exists()
        (photos / "new").write_text("new")
        (photos / "note.txt").write_text("quite another, and longer\n")
        (photos / "2019" / "empty").unlink()
        (photos / "2019" / "also new").mkdir()
        computer.save("photos")
        assert until((latest / "new").exists)
        assert (latest / "note.txt").read_text() == "quite another, and longer\n"
        assert (latest / "note.txt").stat().st_size == 26
        assert sorted(os.listdir(latest / "2019")) == ["also new", "the same note", "夏天"]
        assert (latest / "2019" / "also new").is_dir()
        assert until(lambda: not (latest / "2019" / "empty").exists())
        assert (deleted / "2019" / "empty").read_bytes() == b""
        assert len(shown.snapshots("photos")) == 2
        same = latest / "2019" / "夏天" / "IMG_1.jpg"
        assert same.stat().st_ino == before[same].st_ino


def test_a_file_that_is_open_stays_what_it_was(computer: Computer, tmp_path: Path) -> None:
    """As it does on a disk where another takes its place."""
    with mounted(computer, tmp_path / "past") as shown:
        first = shown.snapshots("photos")[0]
        with (first / "note.txt").open() as file:
            (tmp_path / "photos" / "note.txt").write_text("second\n")
            computer.save("photos")
            assert until(lambda: len(shown.snapshots("photos")) == 2)
            assert file.read() == "first\n"


def test_two_sources_and_one_that_was_never_saved(computer: Computer, tmp_path: Path) -> None:
    for name in ("聊天", "empty"):
        (tmp_path / name).mkdir()
        computer.add(tmp_path / name, name)
    (tmp_path / "聊天" / "msg.db").write_bytes(b"1")
    with mounted(computer, tmp_path / "past") as shown:
        assert os.listdir(shown.path) == ["photos"]
        computer.save("聊天")
        assert until(lambda: sorted(os.listdir(shown.path)) == ["photos", "聊天"])
        assert shown.at("聊天", "latest", "msg.db").read_bytes() == b"1"


def test_snapshots_of_one_second_have_names_of_their_own(computer: Computer, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "photos" / "note.txt").write_text(f"{number}")
        computer.save("photos")
    with mounted(computer, tmp_path / "past") as shown:
        found = [(each / "note.txt").read_text() for each in shown.at("photos", "at").iterdir()]
        assert sorted(found) == ["0", "1", "2", "3", "first\n"]
        assert len(list(shown.at("photos", "versions", "note.txt").iterdir())) == 5


@pytest.fixture
def both(tmp_path: Path, disk: Disk) -> Computer:
    made = two_copies(tmp_path, disk.path / "vault")
    (tmp_path / "photos" / "large").write_bytes(os.urandom(20_000_000))
    (tmp_path / "photos" / "small").write_text("small")
    made.save("photos")
    brought_up(made)
    return made


def test_a_damaged_copy_is_answered_for_by_the_other(both: Computer, tmp_path: Path) -> None:
    whole = (tmp_path / "photos" / "large").read_bytes()
    for pack in both.copy.glob("packs/*/*"):
        flip(pack)
    with mounted(both, tmp_path / "past") as shown:
        assert shown.at("photos", "latest", "large").read_bytes() == whole
        assert shown.at("photos", "latest", "small").read_text() == "small"


def test_what_was_answered_for_is_mended_behind(both: Computer, tmp_path: Path) -> None:
    pack = max(both.copy.glob("packs/*/*"), key=lambda each: each.stat().st_size)
    right = pack.read_bytes()
    flip(pack)
    with mounted(both, tmp_path / "past") as shown:
        whole = (tmp_path / "photos" / "large").read_bytes()
        assert shown.at("photos", "latest", "large").read_bytes() == whole
        assert until(lambda: pack.read_bytes() == right)
        assert shown.at("photos", "latest", "small").read_text() == "small"
    assert both.checked().damage == []
    assert len(list(both.copy.glob("quarantine/*"))) == 1


def test_a_copy_that_goes_while_it_is_read_is_answered_for(both: Computer, tmp_path: Path) -> None:
    whole = (tmp_path / "photos" / "large").read_bytes()
    with mounted(both, tmp_path / "past") as shown, shown.at("photos", "latest", "large").open("rb") as file:
        got = file.read(1_000_000)
        both.copy.rename(both.copy.with_name("elsewhere"))
        for pack in both.copy.with_name("elsewhere").glob("packs/*/*"):
            pack.unlink()
        got += file.read()
        assert got == whole


def test_a_part_that_no_copy_has_is_an_error_of_that_part_alone(computer: Computer, tmp_path: Path) -> None:
    large = tmp_path / "photos" / "large"
    large.write_bytes(os.urandom(60_000_000))
    computer.save("photos")
    whole = large.read_bytes()
    largest = max(computer.copy.glob("packs/*/*"), key=lambda pack: pack.stat().st_mtime_ns)
    packs = sorted(computer.copy.glob("packs/*/*"), key=lambda pack: pack.stat().st_size)
    flip(packs[-1] if packs[-1] != largest else packs[-2])
    with mounted(computer, tmp_path / "past") as shown:
        wrong = right = 0
        with shown.at("photos", "latest", "large").open("rb", buffering=0) as file:
            for at in range(0, len(whole), 1 << 18):
                file.seek(at)
                try:
                    got = file.read(1 << 18)
                except OSError as error:
                    wrong += error.errno == errno.EIO
                else:
                    assert got
                    assert whole.startswith(got, at)
                    right += 1
        assert 0 < wrong < right
        assert shown.at("photos", "latest", "note.txt").read_text() == "first\n"
