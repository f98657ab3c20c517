"""Vaults that somebody else has made, and trees that no file system would hold, shown without harm."""

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault
from tests.mount.mounts import mounted
from tests.vectors.readers import UNKNOWN, unpack
from tests.vectors.test_vectors import VAULTS
from tests.vectors.vectors import Vector
from vaultd.browse.node import Node
from vaultd.browse.past import Past
from vaultd.copies.locating import Location
from vaultd.credentials import RecoveryCode
from vaultd.errors import VaultdError
from vaultd.jobs.init import attach
from vaultd.jobs.keys import unlock_computer
from vaultd.jobs.opening import open_for_writing, open_vault
from vaultd.settings import find_home

# No vector is large: what takes longer, or gives more, goes round in a circle.
_MOST_NODES, _MOST_BYTES, _SECONDS = 20_000, 1 << 20, 20.0


@contextmanager
def past_of(vector: Vector, folder: Path) -> Iterator[Past]:
    home, code = find_home(str(folder / "home")), RecoveryCode(vector.more["master"])
    attach(home, Location(str(unpack(vector, folder / "copy"))), code, "hostile")
    with open_vault(home, code) as session:
        past = Past(session.vault, session.vault)
        with closing(past.chunks):
            yield past


def read_all(top: Node) -> tuple[int, int]:
    """How many nodes were seen, and how often something could not be read."""
    seen = wrong = 0
    stack, end = [(top, 0)], time.monotonic() + _SECONDS
    while stack:
        node, depth = stack.pop()
        seen += 1
        assert seen < _MOST_NODES
        assert time.monotonic() < end
        try:
            node.attributes()
            node.xattrs()
            if node.kind == stat.S_IFLNK:
                node.link()
            elif node.kind == stat.S_IFREG:
                file = node.open()
                for at in (0, max(0, file.size - 10)):
                    assert len(file.read(at, _MOST_BYTES)) <= _MOST_BYTES
                file.data_from(0), file.hole_from(0)
            elif depth < 200:
                for _, child in node.children():
                    stack.append((child, depth + 1))
        except VaultdError:
            wrong += 1
    return seen, wrong


@pytest.mark.parametrize("vector", VAULTS, ids=lambda vector: vector.name)
def test_a_hostile_vault_is_walked_through(vector: Vector, tmp_path: Path) -> None:
    with past_of(vector, tmp_path) as past:
        seen, wrong = read_all(past.top.node)
        for source in past.top.sources.values():
            assert source.child(b"never") is None
    about_records = "record" in vector.name or vector.expect == UNKNOWN
    assert (wrong > 0) != about_records, seen


def test_a_hostile_vault_is_mounted(tmp_path: Path) -> None:
    """One of them, in which a chunk is missing: what is sound beside it is read."""
    vector = next(each for each in VAULTS if each.name == "vault-chunk-missing")
    with past_of(vector, tmp_path) as past:
        source = os.fsdecode(next(iter(past.top.sources)))
    home = find_home(str(tmp_path / "home"))
    with open_for_writing(home, RecoveryCode(vector.more["master"])) as session:
        unlock_computer(session, "test")
    computer = Computer(home, tmp_path / "copy", home.device_key_file)
    with mounted(computer, tmp_path / "past") as shown:
        latest = shown.at(source, "latest")
        assert (latest / "sound").read_bytes() == b"a file beside it that must be restored"
        with pytest.raises(OSError, match="Input/output error"):
            (latest / "bad").read_bytes()
        assert sorted(os.listdir(latest)) == ["bad", "sound"]


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A source of its own, removed by who goes down without calling itself."""
    source = tmp_path / "deep"
    source.mkdir()
    yield source
    subprocess.run(["rm", "-rf", source], check=True)


def test_as_deep_as_it_was_saved(tmp_path: Path, deep: Path) -> None:
    """Paths of a hundred thousand bytes: no program can say one, and all go down step by step."""
    computer = new_vault(tmp_path)
    levels, at = 1000, os.open(deep, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 100, dir_fd=at)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    with open(os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=at), "w") as file:
        file.write("here")
    os.close(at)
    computer.add(deep, "deep")
    computer.save("deep")
    with mounted(computer, tmp_path / "past") as shown:
        at = os.open(shown.at("deep", "latest"), os.O_RDONLY)
        for _ in range(levels):
            assert os.listdir(at) == ["d" * 100]
            below = os.open("d" * 100, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
        with open(os.open("bottom", os.O_RDONLY, dir_fd=at)) as file:
            assert file.read() == "here"
        os.close(at)
