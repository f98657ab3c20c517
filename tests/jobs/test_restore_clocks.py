"""Times are compared exactly, except on a file system that was seen to cut them."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeSink
from tests.jobs.restores import give_back, names, plan
from tests.tree.trees import build
from vaultd.format.entry import Entry
from vaultd.jobs.clocks import COARSE
from vaultd.jobs.existing import Overwrite

# Cut by any coarse clock, it becomes another time.
MTIME = 1_700_000_001_987_654_321


def tree(sink: FakeSink) -> Entry:
    return build(sink, {b"d": {b"a": b"vault", b"b": b"vault"}, b"e": {b"c": b"vault"}}, mtime=MTIME)


class Disk:
    """A file system that cuts times to `clock` ns; counts how often a file of ours was tried."""

    def __init__(self, patch: pytest.MonkeyPatch, clock: int = 1, *, nameless: bool = True) -> None:
        self.tried = 0
        self._clock = clock
        self._nameless = nameless
        self._utime: Any = os.utime
        self._open: Any = os.open
        patch.setattr(os, "utime", self.utime)
        patch.setattr(os, "open", self.open)

    def utime(self, path: Any, *, ns: tuple[int, int]) -> None:
        self._utime(path, ns=(ns[0], ns[1] - ns[1] % self._clock))

    def open(self, path: Any, flags: int, *rest: Any, **where: Any) -> int:
        nameless = flags & os.O_TMPFILE == os.O_TMPFILE
        self.tried += nameless
        if nameless and not self._nameless:
            raise OSError(errno.EOPNOTSUPP, "nameless")
        return int(self._open(path, flags, *rest, **where))


@pytest.mark.parametrize("clock", COARSE)
def test_what_differs_by_less_than_a_coarse_clock_differs(tmp_path: Path, clock: int) -> None:
    sink = FakeSink()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"mine!")
    os.utime(tmp_path / "d" / "a", ns=(0, MTIME - MTIME % clock))
    assert plan(sink, tree(sink), tmp_path).tally.left_alone == 1
    assert give_back(sink, tree(sink), tmp_path).left_alone == [b"d/a"]
    assert give_back(sink, tree(sink), tmp_path, overwrite=Overwrite.IF_CHANGED).tally.files == 1
    assert (tmp_path / "d" / "a").read_bytes() == b"vault"


@pytest.mark.parametrize("nameless", [True, False])
@pytest.mark.parametrize("clock", COARSE)
def test_on_a_coarse_disk_a_second_restore_finds_everything_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: int, nameless: bool
) -> None:
    sink = FakeSink()
    disk = Disk(monkeypatch, clock, nameless=nameless)
    give_back(sink, tree(sink), tmp_path / "back")
    assert disk.tried == 0
    assert plan(sink, tree(sink), tmp_path / "back").tally.already == 3
    assert disk.tried == 1
    restored = give_back(sink, tree(sink), tmp_path / "back")
    assert (restored.tally.already, restored.complete) == (3, True)
    assert disk.tried == 1 + 2  # once by its plan, once by itself
    assert names(tmp_path / "back") == ["d", "d/a", "d/b", "e", "e/c"]


@pytest.mark.parametrize("clock", COARSE)
def test_a_finer_clock_is_not_taken_for_a_coarser_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    sink = FakeSink()
    Disk(monkeypatch, clock)
    give_back(sink, tree(sink), tmp_path / "back")
    for coarser in (each for each in COARSE if each > clock):
        os.utime(tmp_path / "back" / "d" / "a", ns=(0, MTIME - MTIME % coarser))
        assert give_back(sink, tree(sink), tmp_path / "back").left_alone == [b"d/a"]


def test_equal_times_try_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()
    give_back(sink, tree(sink), tmp_path / "back")
    disk = Disk(monkeypatch)
    assert give_back(sink, tree(sink), tmp_path / "back").complete
    assert disk.tried == 0


def test_a_plan_puts_nothing_there_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()
    give_back(sink, tree(sink), tmp_path / "back")
    os.utime(tmp_path / "back" / "d" / "a", ns=(0, MTIME - MTIME % COARSE[0]))
    before = (tmp_path / "back" / "d").stat().st_mtime_ns
    Disk(monkeypatch, nameless=False)
    plan(sink, tree(sink), tmp_path / "back")
    assert (tmp_path / "back" / "d").stat().st_mtime_ns == before


def test_where_nothing_can_be_tried_times_are_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FakeSink()
    give_back(sink, tree(sink), tmp_path / "back")
    os.utime(tmp_path / "back" / "d" / "a", ns=(0, MTIME - MTIME % COARSE[0]))
    real: Any = os.open

    def refuse(path: Any, flags: int, *rest: Any, **where: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise PermissionError(errno.EACCES, "nameless")
        return int(real(path, flags, *rest, **where))

    monkeypatch.setattr(os, "open", refuse)
    assert give_back(sink, tree(sink), tmp_path / "back").left_alone == [b"d/a"]
