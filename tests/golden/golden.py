"""The golden copies: vaults of format version 1 that every later program must read, and what is in them.

NAME.tar holds a folder per copy (`copy`, or `left` and `right`). NAME.json holds, on its first line, the
snapshots by short id, and on each further line `[short id, "root" or "deleted", path, what stands there]`,
where a path is URL-quoted bytes.
"""

import errno
import json
import os
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from blake3 import blake3

HERE = Path(__file__).parent
NAMES = ("kinds", "large", "unknown", "damaged")
PASSPHRASE = "a golden phrase 一句话"
MASTER = bytes(range(32))
KEY_FILE = f"VAULTD-KEY-1 {bytes(range(64, 96)).hex()}\n"
OWNER = (1000, 1001)  # of every entry
ENGLISH = (
    "abandon amount liar amount expire adjust cage candy arch gather drum bullet "
    "absurd math era live bid rhythm alien crouch range attend journey unaware"
)
CHINESE = "的 三 欧 三 考 于 据 保 量 损 破 九 人 雄 修 麦 最 仓 面 约 袋 天 绍 汁"

Tree = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Snapshot:
    """What one snapshot restores to: `root`, and with --deleted `deleted`, both by URL-quoted path."""

    id: str
    name: str
    complete: bool
    root: Tree
    deleted: Tree


def unpack(name: str, folder: Path) -> list[Path]:
    """Unpack a golden vault into `folder`, and return its copies."""
    with tarfile.open(HERE / f"{name}.tar") as archive:
        archive.extractall(folder, filter="data")
    return sorted(path for path in folder.iterdir() if path.is_dir())


def snapshots(name: str) -> dict[str, Snapshot]:
    """The snapshots of a golden vault by short id."""
    first, *rest = (HERE / f"{name}.json").read_text("utf-8").splitlines()
    trees: dict[tuple[str, str], Tree] = {}
    for line in rest:
        short, tree, path, want = json.loads(line)
        trees.setdefault((short, tree), {})[path] = want
    return {
        short: Snapshot(
            id=short, root=trees.get((short, "root"), {}), deleted=trees.get((short, "deleted"), {}), **facts
        )
        for short, facts in json.loads(first).items()
    }


def differences(folder: Path, wanted: Tree) -> list[str]:
    """What a restored folder has too much, too little, or otherwise than the manifest says."""
    found = {quote_from_bytes(path): full for path, full in _walk(os.fsencode(folder))}
    wrong = [f"{path}: missing" for path in wanted.keys() - found.keys()]
    wrong += [f"{path}: should not be there" for path in found.keys() - wanted.keys()]
    for path in wanted.keys() & found.keys():
        wrong += [f"{path}: {what}" for what in _compare(found[path], wanted[path])]
    return sorted(wrong + _hard_links(found, wanted))


def _walk(top: bytes) -> list[tuple[bytes, bytes]]:
    found, todo = [], [top]
    while todo:
        for item in os.scandir(todo.pop()):
            found.append((os.path.relpath(item.path, top), item.path))
            if item.is_dir(follow_symlinks=False):
                todo.append(item.path)
    return found


_KINDS = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFLNK: 3, stat.S_IFIFO: 4}


def _compare(path: bytes, want: dict[str, Any]) -> list[str]:
    status = os.lstat(path)
    seen: dict[str, Any] = {
        "kind": _KINDS.get(stat.S_IFMT(status.st_mode)),
        "mode": stat.S_IMODE(status.st_mode),
        "mtime": status.st_mtime_ns,
        "size": status.st_size,
    }
    if "link" in want:
        seen["link"] = os.fsdecode(os.readlink(path))
    if "blake3" in want:
        seen["blake3"] = blake3(Path(os.fsdecode(path)).read_bytes()).hexdigest()
    if "joined" in want:
        seen["joined"] = _joined(path, want["parts"])
        if status.st_blocks * 512 > 4 << 20:
            seen["size"] = f"{status.st_blocks * 512} bytes on the disk: not sparse"
    if "xattr" in want and _has_xattrs(path):
        seen["xattr"] = {
            name: os.getxattr(path, name).hex() for name in os.listxattr(path) if name.startswith("user.")
        }
    wrong = [
        f"{key} is {seen[key]!r}, not {want[key]!r}"
        for key in seen.keys() & want.keys()
        if seen[key] != want[key]
    ]
    if os.geteuid() == 0 and "mode" in want and (status.st_uid, status.st_gid) != OWNER:
        wrong.append(f"belongs to {status.st_uid}:{status.st_gid}")
    return wrong


def _joined(path: bytes, parts: list[list[int]]) -> str:
    """The hash of a sparse file's parts; the holes between the first few are looked at too."""
    whole = blake3()
    with open(path, "rb") as file:
        for offset, length in parts:
            file.seek(offset)
            whole.update(file.read(length))
            if file.read(100).strip(b"\0") and [offset + length] != [
                p[0] for p in parts if p[0] == offset + length
            ]:
                return "something stands in a hole"
    return whole.hexdigest()


def _has_xattrs(path: bytes) -> bool:
    try:
        os.setxattr(os.path.dirname(path), "user.probe", b"")
        os.removexattr(os.path.dirname(path), "user.probe")
    except OSError as why:
        if why.errno != errno.ENOTSUP:
            raise
        return False
    return True


def _hard_links(found: dict[str, bytes], wanted: Tree) -> list[str]:
    groups: dict[str, set[int]] = {}
    for path, want in wanted.items():
        if "hard" in want and path in found:
            groups.setdefault(want["hard"], set()).add(os.lstat(found[path]).st_ino)
    return [f"hard links {group}: {len(inodes)} files" for group, inodes in groups.items() if len(inodes) > 1]
