"""What families do every day is not held."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.disks import Disk, second_disk
from tests.guarded import Guardian, files, heic, make_chat, make_database, make_pictures, picture, sealed
from vaultd.errors import Damaged, SourceEmpty, SourceGone, SourceUnmounted
from vaultd.guard.trips import DAY, HOUR
from vaultd.jobs import looking
from vaultd.jobs.guarding import REKEYED
from vaultd.tree.losses import Losses, PassedOver, find_losses
from vaultd.tree.notices import open_notices
from vaultd.tree.view import View


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guardian:
    made = Guardian(tmp_path, monkeypatch)
    make_pictures(made.folder, 100)
    made.save()
    made.save(16 * DAY)
    return made


def is_quiet(made: Guardian, after: int = HOUR) -> bool:
    guarded = made.save(after)
    return (guarded.incident, guarded.error, made.incidents()) == (None, None, [])


def test_folders_are_renamed_and_files_moved(photos: Guardian) -> None:
    (photos.folder / "2019").rename(photos.folder / "Norway")
    assert is_quiet(photos)
    (photos.folder / "all").mkdir()
    for path in files(photos.folder):
        path.rename(photos.folder / "all" / f"new {path.name}")
    assert is_quiet(photos)
    (photos.folder / "years").mkdir()
    (photos.folder / "all").rename(photos.folder / "years" / "everything")
    assert is_quiet(photos)


def test_a_disk_that_is_not_mounted(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    make_pictures(disk.path, 30)
    made = Guardian(tmp_path, monkeypatch, folder=disk.path)
    made.save()
    for _ in range(2):
        disk.unplug()
        with pytest.raises((SourceEmpty, SourceGone)):
            made.save(HOUR)
        disk.plug()
        assert is_quiet(made)


def test_what_lies_under_a_mount_point_is_not_what_the_disk_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with second_disk(tmp_path) as disk:
        make_pictures(disk.path, 30)
        made = Guardian(tmp_path, monkeypatch, folder=disk.path)
        made.save()
        disk.unplug()
        (disk.path / "written meanwhile").write_text("under the mount point")
        with pytest.raises(SourceUnmounted):
            made.save(HOUR)
        assert len(made.computer.snapshots()) == 1
        # Its owner may mean that folder from now on; then it is looked at as any other.
        assert made.save(HOUR, force=True).incident is not None
        (disk.path / "more").write_text("more")
        made.save(HOUR)
        (disk.path / "written meanwhile").unlink()
        (disk.path / "more").unlink()
        disk.plug()


def test_git_takes_files_away_and_gives_them_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Guardian(tmp_path, monkeypatch, kind="files")
    git = ["git", "-C", str(made.folder / "project"), "-c", "user.name=n", "-c", "user.email=e"]
    (made.folder / "project" / "src").mkdir(parents=True)
    (made.folder / "letter.txt").write_text("a letter")

    def run(*words: str) -> None:
        subprocess.run([*git, *words], check=True, capture_output=True)

    run("init", "-q")
    (made.folder / "project" / "main").write_text("main")
    run("add", ".")
    run("commit", "-q", "-m", "one")
    run("checkout", "-q", "-b", "other")
    for number in range(100):
        (made.folder / "project" / "src" / f"{number}.c").write_text(f"int f{number}(void);")
    run("add", ".")
    run("commit", "-q", "-m", "two")
    made.save()
    run("checkout", "-q", "-")
    assert len(files(made.folder / "project" / "src")) == 0
    assert is_quiet(made)
    run("checkout", "-q", "other")
    assert is_quiet(made, DAY)
    # What git did not do is seen: nothing of .git says that it was.
    shutil.rmtree(made.folder / "project" / "src")
    assert made.save(DAY + HOUR).incident is not None


def test_what_programs_make_again(photos: Guardian) -> None:
    caches = (
        "Immich/thumbs",
        "Immich/encoded-video",
        "Catalog Previews.lrdata/a",
        "FileStorage/Cache",
        "Applet",
    )
    for name in caches:
        (photos.folder / name).mkdir(parents=True)
        for number in range(40):
            (photos.folder / name / f"{number}.webp").write_bytes(sealed(len(name) * 100 + number, 900))
    photos.save(HOUR)
    photos.save(DAY + HOUR)
    for name in caches:
        shutil.rmtree(photos.folder / name)
    assert is_quiet(photos)
    for name in caches:
        (photos.folder / name).mkdir(parents=True)
        for number in range(40):
            (photos.folder / name / f"{number}.webp").write_bytes(
                sealed(9_000 + len(name) * 100 + number, 900)
            )
    assert is_quiet(photos)


def test_chat_programs_keep_the_last_few_backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Guardian(tmp_path, monkeypatch, kind="chat")
    (made.folder / "Databases").mkdir()
    (made.folder / "Signal").mkdir()
    for day in range(45):
        name = made.folder / "Databases" / f"msgstore-day{day:03}.1.db.crypt15"
        name.write_bytes(sealed(day, 300_000))
        (made.folder / "Databases" / f"msgstore-day{day - 7:03}.1.db.crypt15").unlink(missing_ok=True)
        (made.folder / "Databases" / "msgstore.db.crypt15").write_bytes(sealed(-day, 300_000))
        (made.folder / "Signal" / f"signal-day{day:03}.backup").write_bytes(sealed(1000 + day, 400_000))
        (made.folder / "Signal" / f"signal-day{day - 2:03}.backup").unlink(missing_ok=True)
        assert is_quiet(made, DAY)


def test_stars_are_written_into_every_picture(photos: Guardian) -> None:
    for path in files(photos.folder):
        data = path.read_bytes()
        exif = b"\xff\xe1\x00\x40Exif\x00\x00" + bytes(56)
        path.write_bytes(data[:20] + exif + data[20:])
        path.with_suffix(".xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'>rating 5</x:xmpmeta>")
    assert is_quiet(photos)
    for path in photos.folder.rglob("*.xmp"):
        path.write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'>rating 4</x:xmpmeta>")
    assert is_quiet(photos)


def test_pictures_become_others_of_a_known_kind(photos: Guardian) -> None:
    for number, path in enumerate(files(photos.folder)):
        path.with_suffix(".heic").write_bytes(heic(number))
    assert is_quiet(photos)
    for number, path in enumerate(photos.folder.rglob("*.jpg")):
        path.write_bytes(heic(1000 + number))
    assert is_quiet(photos)


def test_a_container_that_is_noise_from_birth(photos: Guardian) -> None:
    for number in range(8):
        (photos.folder / f"{number}.hc").write_bytes(sealed(number, 200_000))
    photos.save(HOUR)
    for number in range(8):
        with (photos.folder / f"{number}.hc").open("r+b") as file:
            file.seek(70_000)
            file.write(sealed(50 + number, 4096))
    assert is_quiet(photos)


def test_databases_that_are_cleaned_rebuilt_and_locked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Guardian(tmp_path, monkeypatch, kind="chat")
    make_chat(made.folder)
    store = made.folder / "db_storage"
    make_database(store / "plain.db", 2_000)
    made.save()
    with sqlite3.connect(store / "plain.db") as database:
        database.execute("DELETE FROM m WHERE id % 10 = 0")
    database.execute("VACUUM")
    database.close()
    (store / "message_fts.db").unlink()
    assert is_quiet(made)
    (store / "message_fts.db").write_bytes(sealed(9, 300_000))
    assert is_quiet(made)
    # Another key, and about as many bytes: worth a word, and nothing more.
    (store / "message_0.db").write_bytes(sealed(99, (9 << 20) - 400_000))
    guarded = made.save(HOUR)
    assert (guarded.incident, guarded.told) == (None, True)
    with made.computer.opened() as session:
        assert [notice.body.what for notice in open_notices(session.vault.journal)] == [REKEYED]


def test_what_its_owner_leaves_out_is_not_gone(photos: Guardian) -> None:
    photos.computer.add(photos.folder, "photos", kind="photos", exclude=("2019", "2020"))
    assert is_quiet(photos)


def test_a_burst_of_deletions_below_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Guardian(tmp_path, monkeypatch)
    for number in range(700):
        folder = made.folder / str(number % 20)
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(f"letter {number}")
    made.save()
    for number in range(0, 700, 30):  # 24, as 300 of 10,000
        (made.folder / str(number % 20) / f"{number}.txt").unlink()
    assert is_quiet(made)


def test_a_picture_or_two_that_are_saved_smaller(photos: Guardian) -> None:
    for path in files(photos.folder)[:9]:
        path.write_bytes(picture(7, 9_000))
    assert is_quiet(photos)


def test_a_memory_that_is_damaged_is_none(photos: Guardian) -> None:
    files(photos.folder)[0].unlink()
    (photos.computer.home.state / "guard.json").write_text("{ not what was written")
    assert is_quiet(photos)


def test_what_the_guard_cannot_read_is_told_and_the_snapshot_stands(
    photos: Guardian, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Losses:
        raise Damaged("00", "main", "tag")

    for path in files(photos.folder)[:30]:
        path.unlink()
    with monkeypatch.context() as broken:
        broken.setattr(looking, "find_losses", fails)
        guarded = photos.save(HOUR)
    assert isinstance(guarded.error, Damaged)
    assert photos.computer.snapshots()[-1].body.counts["files"] == 70
    # Once it can be read again it is judged, whether or not anything changes after it.
    assert photos.save(HOUR, unless_same=True).incident is not None


def test_what_it_could_not_compare_is_counted_and_the_rest_is_judged(
    photos: Guardian, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(a: View, b: View, passed_over: PassedOver) -> Losses:
        found = find_losses(a, b, passed_over)
        found.unread += 2
        return found

    for path in files(photos.folder)[:30]:
        path.unlink()
    monkeypatch.setattr(looking, "find_losses", lacks)
    guarded = photos.save(HOUR)
    assert (guarded.unread, guarded.incident is not None) == (2, True)
