"""Listing and opening relative to an open folder, and the way down and back up."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.descriptors import open_below
from vaultd.capture import descent, listing, opening
from vaultd.capture.descent import Descent
from vaultd.capture.listing import list_folder, seen_as
from vaultd.capture.opening import open_file, open_folder, open_root, stat_of_file
from vaultd.capture.reading import read_whole
from vaultd.capture.unreadable import Unreadable


@pytest.fixture
def top(tmp_path: Path) -> Iterator[int]:
    fd, _ = open_root(os.fsencode(tmp_path))
    yield fd
    os.close(fd)


def names_in(fd: int) -> list[bytes]:
    return [seen.name for seen in list_folder(fd, os.fstat(fd).st_dev).seen]


@pytest.mark.parametrize("survive", [True, False])
def test_names_are_sorted_bytes_whatever_the_locale(
    tmp_path: Path, top: int, monkeypatch: pytest.MonkeyPatch, survive: bool
) -> None:
    monkeypatch.setattr(listing, "_NAMES_SURVIVE", survive)
    names = [b"\x01", b"B", b"a", b"a\n", "é".encode(), b"\xff"]
    for name in reversed(names):
        os.close(os.open(name, os.O_CREAT, dir_fd=top))
    assert names_in(top) == names
    assert names_in(top) == names  # listing leaves the descriptor as it was


def test_a_name_whose_stat_fails_is_not_left_out(
    tmp_path: Path, top: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad").touch()
    (tmp_path / "good").touch()
    real = os.stat

    def fails(name: bytes, **options: object) -> os.stat_result:
        if name == b"bad":
            raise OSError(5, "Input/output error")
        return real(name, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", fails)
    found = list_folder(top, 0)
    assert [seen.name for seen in found.seen] == [b"good"]
    assert found.failed[b"bad"].code == "EIO"


def test_devices_of_names_on_another_file_system(tmp_path: Path, top: int) -> None:
    (tmp_path / "here").touch()
    device = os.fstat(top).st_dev
    assert list_folder(top, device).devices == {}
    assert list_folder(top, device + 1).devices == {b"here": device}


def test_times_beyond_64_bits_are_cut(tmp_path: Path) -> None:
    class Far:
        st_mode = st_ino = st_ctime_ns = st_size = st_uid = st_gid = st_nlink = 1
        st_mtime_ns = 2**63 * 10**9

    assert seen_as(b"far", Far()).mtime == 2**63 - 1  # type: ignore[arg-type]


def test_links_are_not_followed(tmp_path: Path, top: int) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "to-folder").symlink_to("folder")
    (tmp_path / "to-file").symlink_to("/etc/passwd")
    with pytest.raises(Unreadable) as caught:
        open_folder(top, b"to-folder")
    assert caught.value.gone
    with pytest.raises(Unreadable) as caught:
        open_file(top, b"to-file")
    assert caught.value.gone


def test_a_fifo_does_not_make_us_wait_and_keeps_what_is_in_it(tmp_path: Path, top: int) -> None:
    os.mkfifo(tmp_path / "fifo")
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    os.write(writer, b"for another reader")
    opened = open_file(top, b"fifo")
    assert read_whole(opened, 5) is None
    with pytest.raises(Unreadable) as caught:
        stat_of_file(opened)
    assert caught.value.gone
    assert os.read(writer, 100) == b"for another reader"
    os.close(opened)
    os.close(writer)


def test_reading_leaves_the_access_time(tmp_path: Path, top: int) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.utime(tmp_path / "file", ns=(1, 10**18))
    opened = open_file(top, b"file")
    os.read(opened, 10)
    os.close(opened)
    assert os.stat(tmp_path / "file").st_atime_ns == 1


def test_where_that_is_refused_the_file_is_read_all_the_same(
    tmp_path: Path, top: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    real = os.open

    def refuses(name: bytes, flags: int, **options: int) -> int:
        if flags & os.O_NOATIME:
            raise PermissionError(1, "Operation not permitted")
        return real(name, flags, **options)

    monkeypatch.setattr(os, "open", refuses)
    os.close(open_file(top, b"file"))


def go_down(way: Descent, levels: int) -> None:
    for _ in range(levels):
        fd, st = open_folder(way.top, b"d")
        way.push(b"d", fd, st)


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Descent]:
    monkeypatch.setattr(descent, "MOST_OPEN", 4)
    (tmp_path / "d" / "d" / "d" / "d" / "d" / "d" / "d" / "d" / "d").mkdir(parents=True)
    found = Descent(*open_root(os.fsencode(tmp_path)))
    yield found
    found.close()


def test_few_descriptors_are_open_and_the_way_back_is_the_same(tmp_path: Path, way: Descent) -> None:
    before = open_below(tmp_path)
    go_down(way, 9)
    assert open_below(tmp_path) <= before + 4
    path = tmp_path.joinpath(*["d"] * 9)
    while way.depth:
        assert os.path.samestat(os.fstat(way.top), path.stat())
        way.pop()
        path = path.parent
    assert os.path.samestat(os.fstat(way.top), tmp_path.stat())
    assert open_below(tmp_path) == before


def test_another_folder_in_the_same_place_is_not_believed(tmp_path: Path, way: Descent) -> None:
    go_down(way, 9)
    third = tmp_path / "d" / "d" / "d"
    (third / "d").rename(tmp_path / "moved")
    third.rename(tmp_path / "third")
    third.mkdir()
    while way.depth > 3:
        way.pop()
    with pytest.raises(Unreadable) as caught:
        _ = way.top
    assert caught.value.code == "ESTALE"
    way.pop()
    assert os.path.samestat(os.fstat(way.top), (tmp_path / "d" / "d").stat())


def test_folders_on_the_way_are_known(tmp_path: Path, way: Descent) -> None:
    go_down(way, 2)
    above = (tmp_path / "d").stat()
    assert way.inside(above.st_dev, above.st_ino)
    way.pop()
    way.pop()
    assert not way.inside(above.st_dev, above.st_ino)


def test_closing_a_file_that_the_network_lost_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "close", fails)
    opening.close(12345)
