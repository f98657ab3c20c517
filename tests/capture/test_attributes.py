"""Birth times, attributes, owners, link targets."""

import os
import subprocess
from pathlib import Path

import pytest

from vaultd.capture.attributes import link_target, owner_names, xattrs_of_name, xattrs_of_open
from vaultd.capture.births import Births
from vaultd.capture.unreadable import Unreadable


def test_birth_is_what_the_system_says(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    told = subprocess.run(
        ["stat", "-c", "%W", file], check=True, capture_output=True, text=True
    ).stdout.strip()
    if told in ("0", "-", "?"):
        pytest.skip("the file system of the tests knows no birth times")
    births, folder, fd = Births(), os.open(tmp_path, os.O_RDONLY), os.open(file, os.O_RDONLY)
    assert births.of_open(fd) == births.of_name(folder, b"file")
    assert (births.of_open(fd) or 0) // 10**9 == int(told)
    (tmp_path / "link").symlink_to("nowhere")
    assert births.of_name(folder, b"link") is not None
    assert births.of_name(folder, b"missing") is None
    os.close(fd)
    os.close(folder)


def test_user_attributes_of_files_folders_and_of_what_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    try:
        os.setxattr(file, b"user.\xff", b"v")
        os.setxattr(file, "user.empty", b"")
    except OSError as error:
        pytest.skip(f"the file system of the tests holds none: {error}")
    folder, fd = os.open(tmp_path, os.O_RDONLY), os.open(file, os.O_RDONLY)
    assert xattrs_of_open(fd) == xattrs_of_name(folder, b"file") == {b"user.\xff": b"v", b"user.empty": b""}
    assert xattrs_of_open(folder) == {}
    os.close(fd)
    os.close(folder)


def test_access_lists_are_kept_and_security_labels_are_not(tmp_path: Path) -> None:
    # version 2, then tag, permissions, id: owner rwx, user 65534 r--, group r-x, mask r-x, others nothing
    entries = ((1, 7, 2**32 - 1), (2, 4, 65534), (4, 5, 2**32 - 1), (16, 5, 2**32 - 1), (32, 0, 2**32 - 1))
    acl = b"\2\0\0\0" + b"".join(
        t.to_bytes(2, "little") + p.to_bytes(2, "little") + i.to_bytes(4, "little") for t, p, i in entries
    )
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", acl)
        os.setxattr(tmp_path, "trusted.note", b"not ours")
    except OSError as error:
        pytest.skip(f"access lists are refused here: {error}")
    folder = os.open(tmp_path, os.O_RDONLY)
    assert xattrs_of_open(folder) == {b"system.posix_acl_default": acl}
    os.close(folder)


def test_a_link_target_of_any_bytes(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    os.symlink(b"\xff\n/../x", "link", dir_fd=folder)
    (tmp_path / "file").touch()
    assert link_target(folder, b"link") == b"\xff\n/../x"
    for name in (b"file", b"missing"):
        with pytest.raises(Unreadable) as caught:
            link_target(folder, name)
        assert caught.value.gone
    os.close(folder)


def test_owners_by_name_and_unknown_ones() -> None:
    assert owner_names(0, 0) == ("root", "root")
    assert owner_names(3_999_999_999, 3_999_999_999) == ("", "")
