"""A folder that holds one of everything, made anew for each test that asks for it."""

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

MIB = 1 << 20
LONG_LINK = "x/" * 2000  # 4,000 bytes; Linux takes less than 4,096
OLD, FAR = -(10**18) - 1, 4 * 10**18 + 123_456_789  # 1938 and 2096, to the nanosecond


def make_sample(top: Path, *, special: bool = False) -> None:
    """Everything that this system lets a test make; with `special` what needs root too."""
    top.mkdir(parents=True)
    _kinds(top)
    _names(os.fsencode(top / "names"))
    _links(top / "links")
    _attributes(top / "attributes")
    _holes(top / "holes")
    if special:
        _devices(top / "devices")
    _times(top)


def _kinds(top: Path) -> None:
    (top / "照片" / "空的").mkdir(parents=True)
    (top / "照片" / "猫 🐱.txt").write_text("喵")
    (top / "none").write_bytes(b"")
    (top / "large").write_bytes(os.urandom(9 * MIB + 17))
    (top / "text").write_text("the same line again\n" * 100_000)
    os.mkfifo(top / "fifo", 0o640)
    for mode in (0o400, 0o777, 0o604, 0o1755, 0o000):
        (top / f"mode {mode:o}").write_bytes(b"%o" % mode)
        (top / f"mode {mode:o}").chmod(mode)
    (top / "closed").mkdir()
    (top / "closed" / "file").write_bytes(b"in a folder without w")
    (top / "closed").chmod(0o555)


def _names(top: bytes) -> None:
    os.mkdir(top)
    for code in range(1, 256):
        if code not in b"/.":
            _write(top + b"/" + bytes([code]), b"%d" % code)
    every = bytes(code for code in range(1, 256) if code != ord("/"))
    odd = [every[:127], every[127:], b"n" * 255, "名".encode() * 85, b"...", b"  ", b"-rf", b"two\nlines"]
    odd += [b"Case", b"case", b"CASE", b"a.vaultd-damaged", b"x.tmp"]
    odd += ["caf\u00e9".encode(), "cafe\u0301".encode()]  # the same word, in two forms
    for name in odd:
        _write(top + b"/" + name, name)


def _write(path: bytes, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)


def _links(top: Path) -> None:
    (top / "here").mkdir(parents=True)
    (top / "there").mkdir()
    (top / "here" / "one").write_bytes(b"one file" * 1000)
    os.link(top / "here" / "one", top / "there" / "two")
    os.link(top / "here" / "one", top / "three")
    (top / "dangling").symlink_to("/nowhere/at all")
    (top / "to folder").symlink_to("here")
    (top / "long").symlink_to(LONG_LINK)
    (top / "upward").symlink_to("../../../../etc/passwd")
    os.symlink(b"\xff\xfe", os.fsencode(top / "not text"))
    os.link(top / "dangling", top / "dangling too", follow_symlinks=False)


def _attributes(top: Path) -> None:
    top.mkdir()
    (top / "file").write_bytes(b"attributed")
    os.setxattr(top / "file", "user.colour", b"blue")
    os.setxattr(top / "file", "user.empty", b"")
    os.setxattr(top / "file", "user.bytes", bytes(range(256)))
    os.setxattr(top / "file", "user.颜色", "蓝".encode())
    os.setxattr(top, "user.folder", b"too")
    if shutil.which("setfacl"):
        subprocess.run(["setfacl", "-m", "u:12:rw,g:34:r,m::rw", top / "file"], check=True)
        subprocess.run(["setfacl", "-d", "-m", "u:56:rwx", top], check=True)


def _holes(top: Path) -> None:
    top.mkdir()
    for name, size, islands in (
        ("middle", 40 * MIB, (20 * MIB + 5,)),
        ("all hole", 3 * MIB, ()),
        ("ends", 10 * MIB, (0, 10 * MIB - 6)),
    ):
        with (top / name).open("wb") as file:
            file.truncate(size)
            for at in islands:
                file.seek(at)
                file.write(b"island")


def _devices(top: Path) -> None:
    top.mkdir()
    os.mknod(top / "char", 0o640 | stat.S_IFCHR, os.makedev(1, 7))
    os.mknod(top / "block", 0o640 | stat.S_IFBLK, os.makedev(7, 250))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(top / "socket"))
    for name, mode in (("set uid", 0o4755), ("set gid", 0o2755), ("both", 0o6711)):
        (top / name).write_bytes(b"#!")
        os.chown(top / name, 12345, 54321)
        (top / name).chmod(mode)


def _times(top: Path) -> None:
    """From 1938 to 2096, and no two the same."""
    paths = sorted(top.rglob("*"), reverse=True)
    for number, path in enumerate(paths):
        when = OLD + (FAR - OLD) // len(paths) * number
        os.utime(path, ns=(0, when), follow_symlinks=False)
    os.utime(top, ns=(0, -12345))
