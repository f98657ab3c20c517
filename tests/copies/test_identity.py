from pathlib import Path

import pytest

from tests.disks import Disk
from vaultd.copies.identity import (
    Mount,
    VaultId,
    host_of,
    is_memory,
    is_network,
    is_removable,
    mount_of,
    same_disk,
)

MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw - cifs //nas/photos rw
31 22 0:41 / /mnt/nas\040two rw - nfs4 nas:/export rw
32 22 8:17 / /media/usb rw shared:7 master:2 - exfat /dev/sdb1 rw
33 22 0:42 / /mnt/ssh rw - fuse.sshfs me@host:/ rw
34 22 8:33 / /mnt/ntfs rw - fuseblk /dev/sdc1 rw
35 30 8:49 / /mnt/nas rw - xfs /dev/sdd rw
this line is not one
36 22 0:43 / /mnt/nasty rw - tmpfs none rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTINFO)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/home/me", "ext4"),
        ("/mnt/nas two/vault", "nfs4"),
        ("/mnt/nas/vault", "xfs"),
        ("/mnt/nasty/vault", "tmpfs"),
        ("/media/usb", "exfat"),
    ],
)
def test_the_deepest_and_latest_mount_counts(mounts: Path, path: str, kind: str) -> None:
    mount = mount_of(Path(path), mounts)
    assert mount is not None
    assert mount.type == kind


@pytest.mark.parametrize(
    ("path", "network"), [("/mnt/nas two/x", True), ("/mnt/ssh", True), ("/mnt/ntfs", False), ("/x", False)]
)
def test_network_places_are_known_by_their_type(mounts: Path, path: str, network: bool) -> None:
    assert is_network(Path(path), mounts) is network


@pytest.mark.parametrize(
    ("path", "memory"), [("/mnt/nasty/x", True), ("/home/me", False), ("/media/usb", False)]
)
def test_memory_is_known_by_its_type(mounts: Path, path: str, memory: bool) -> None:
    assert is_memory(Path(path), mounts) is memory


def test_a_disk_that_can_be_pulled_out_says_so(mounts: Path, tmp_path: Path) -> None:
    blocks = tmp_path / "class"
    blocks.mkdir()
    for disk, where, removable in (("sda", "pci", "0"), ("sdb", "pci", "1"), ("sdc", "usb2", "0")):
        real = tmp_path / "devices" / where / disk
        (real / f"{disk}1").mkdir(parents=True)
        (real / "removable").write_text(removable + "\n")
        (real / f"{disk}1/partition").write_text("1\n")
        (blocks / f"{disk}1").symlink_to(real / f"{disk}1")
    answers = [
        is_removable(Path(p), mounts, blocks) for p in ("/", "/media/usb", "/mnt/ntfs", "/mnt/nas two")
    ]
    assert answers == [False, True, True, False]


def test_without_a_table_of_mounts_nothing_is_claimed(tmp_path: Path) -> None:
    assert mount_of(tmp_path, tmp_path / "none") is None
    assert not is_network(tmp_path, tmp_path / "none")
    assert not is_memory(tmp_path, tmp_path / "none")
    assert not is_removable(tmp_path, tmp_path / "none")


def test_two_folders_of_one_disk_are_one_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert same_disk(tmp_path, tmp_path / "a")
    assert not same_disk(tmp_path, Path("/proc"))
    with pytest.raises(OSError, match="none"):
        same_disk(tmp_path, tmp_path / "none")


@pytest.mark.parametrize(
    ("type_", "source", "host"),
    [
        ("cifs", "//NAS/photos", "nas"),
        ("nfs4", "nas.local:/export", "nas.local"),
        ("nfs", "[fe80::1]:/export", "fe80::1"),
        ("fuse.sshfs", "me@nas:", "nas"),
        ("fuse.sshfs", "nas:/a@b", "nas"),
        ("davfs", "https://nas/dav", "nas"),
        ("fuse.mergerfs", "/mnt/a:/mnt/b", ""),
        ("fuse.gvfsd-fuse", "gvfsd-fuse", ""),
        ("ext4", "/dev/sda1", ""),
        ("zfs", "tank:/x", ""),
    ],
)
def test_the_host_of_a_share_is_known(type_: str, source: str, host: str) -> None:
    assert host_of(Mount("/mnt", type_, source)) == host


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0:50 / {one} rw - btrfs /dev/sda1", "0:50 /two {other} rw - btrfs /dev/sda1", True),
        ("0:50 / {one} rw - btrfs /dev/sda1", "0:51 / {other} rw - btrfs /dev/sda1", True),
        ("0:50 / {one} rw - btrfs /dev/sda1", "0:51 / {other} rw - btrfs /dev/sdb1", False),
        ("0:50 / {one} rw - cifs //nas/a", "0:51 / {other} rw - cifs //nas/b", True),
        ("0:50 / {one} rw - cifs //nas/a", "0:51 / {other} rw - nfs4 NAS:/b", True),
        ("0:50 / {one} rw - cifs //nas/a", "0:51 / {other} rw - cifs //second/a", False),
        ("0:50 / {one} rw - tmpfs none", "0:51 / {other} rw - tmpfs none", False),
    ],
)
def test_what_has_two_numbers_may_be_one_disk_or_one_host(
    tmp_path: Path, disk: Disk, one: str, other: str, same: bool
) -> None:
    """The subvolumes of one btrfs, and two shares of one host: either goes with the other."""
    table = tmp_path / "mountinfo"
    lines = [f"30 1 {line} rw\n".format(one=tmp_path, other=disk.path) for line in (one, other)]
    table.write_text("".join(lines))
    assert tmp_path.stat().st_dev != disk.path.stat().st_dev
    assert same_disk(tmp_path, disk.path, table) is same


def test_ids_are_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16"):
        VaultId(b"short", bytes(16)).encode()
