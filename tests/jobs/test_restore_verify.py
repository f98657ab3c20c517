"""`--verify` reads everything back, what was there already too, and blames nobody who is not at fault."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeSink
from tests.jobs.restores import give_back, root_of
from tests.tree.trees import build, file
from vaultd.format.entry import FILE, Entry
from vaultd.jobs.existing import Overwrite

MIB = 1 << 20


def test_verify_reads_what_was_there_too(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"a": b"good", b"b": b"good"}, mtime=5)
    give_back(sink, root, tmp_path / "back")
    (tmp_path / "back" / "a").write_bytes(b"evil")
    os.utime(tmp_path / "back" / "a", ns=(5, 5))
    restored = give_back(sink, root, tmp_path / "back", verify=True)
    assert restored.tally.already == 2
    assert restored.verified == 1
    assert [(each.path, each.error) for each in restored.troubles.kept] == [(b"a", "not-the-same")]


def test_verify_sees_what_was_put_into_a_hole(tmp_path: Path) -> None:
    sink = FakeSink()
    sparse = file(sink, b"a", b"1234", size=3 * MIB, sparse=((MIB, 4),), hard=bytes(16))
    root = root_of(sink, [sparse])
    give_back(sink, root, tmp_path / "back")
    assert give_back(sink, root, tmp_path / "back", verify=True).verified == 1
    for offset in (0, MIB - 1, MIB + 4, 3 * MIB - 1):
        with (tmp_path / "back" / "a").open("r+b") as opened:
            os.pwrite(opened.fileno(), b"x", offset)
            os.utime(opened.fileno(), ns=(1, 1))
        restored = give_back(sink, root, tmp_path / "back", verify=True)
        assert [trouble.error for trouble in restored.troubles.kept] == ["not-the-same"], offset
        give_back(sink, root, tmp_path / "back", overwrite=Overwrite.ALWAYS)


def test_verify_does_not_blame_the_disk_for_a_vault_that_cannot_be_read(tmp_path: Path) -> None:
    sink = FakeSink()
    root = build(sink, {b"a": b"1234"})
    give_back(sink, root, tmp_path / "back")
    # A list of chunks that is not there; a chunk that is gone would be seen as a difference of the file.
    root = root_of(sink, [Entry(b"a", FILE, 0o644, 0, 0, 1, 4, bytes(32), {})])
    restored = give_back(sink, root, tmp_path / "back", verify=True)
    assert [trouble.error for trouble in restored.troubles.kept] == ["unreadable"]
    assert restored.damage


def test_verify_tells_of_a_disk_that_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()
    pread: Any = os.pread

    def lying(fd: int, length: int, offset: int) -> bytes:
        return bytes(pread(fd, length, offset)).replace(b"5", b"6")

    monkeypatch.setattr(os, "pread", lying)
    restored = give_back(
        sink, build(sink, {b"a": b"12345678", b"b": b"1234"}), tmp_path / "back", verify=True
    )
    assert restored.verified == 1
    assert [(each.path, each.error) for each in restored.troubles.kept] == [(b"a", "not-as-written")]
