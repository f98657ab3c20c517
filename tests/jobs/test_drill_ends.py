"""However a drill ends, nothing of what it restored stays, and only what was tried is remembered."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.drills import drilled, folder_in_two_copies, is_left, of, passed, remembered
from tests.jobs.killed import dies
from tests.jobs.parity_vaults import checked, turned
from tests.jobs.test_protect import files, packs
from tests.jobs.vaults import Computer
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Busy, Overlap, TargetTooSmall, Unreachable
from vaultd.jobs import drill as drilling
from vaultd.jobs import sampling
from vaultd.jobs.restore import restore
from vaultd.jobs.sampling import within
from vaultd.jobs.scratch import scratch
from vaultd.settings import find_home
from vaultd.store.ledger import Ledger


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return folder_in_two_copies(tmp_path)


def test_without_room_nothing_is_tried_and_nothing_remembered(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drilling, "_SPARE", 1 << 62)
    found = drilled(computer)
    assert passed(found) == {"main": None, "second": None}
    assert isinstance(found["main"], TargetTooSmall)
    assert remembered(computer) == [None, None]
    assert not is_left(computer)


def test_what_is_restored_is_for_its_owner_only(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []

    def looking(plan: object, *given: object) -> object:
        modes.append(stat.S_IMODE((computer.home.state / "drill").stat().st_mode))
        return restore(plan, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(drilling, "restore", looking)
    before = os.umask(0)
    try:
        drilled(computer)
    finally:
        os.umask(before)
    assert set(modes) == {0o700}


@pytest.mark.parametrize("how", ["stopped", "interrupted", "failed"])
def test_nothing_stays_however_it_ends(computer: Computer, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    left = [3]

    def ends(*given: object) -> object:
        left[0] -= 1
        done = restore(*given)  # type: ignore[arg-type]
        if left[0] == 0 and how != "stopped":
            raise OSError(5, "broken") if how == "failed" else KeyboardInterrupt
        return done

    monkeypatch.setattr(drilling, "restore", ends)
    with pytest.raises(OSError if how == "failed" else KeyboardInterrupt):
        drilled(computer, stop=lambda: how == "stopped" and left[0] < 1)
    assert not is_left(computer)
    assert remembered(computer) == [None, None]


_DRILL = """
from vaultd.credentials import KeyFile
from vaultd.jobs.drill import drill_copies
from vaultd.jobs.opening import open_vault
from vaultd.progress import Silent
from vaultd.settings import find_home
home = find_home(sys.argv[2])
with open_vault(home, KeyFile(home.device_key_file.read_bytes())) as session:
    sys.addaudithook(count)
    list(drill_copies(session, session.settings.copies, Silent(), lambda: False, seed=1))
"""


def test_a_killed_drill_leaves_what_the_next_one_removes(computer: Computer) -> None:
    before = [files(computer.copy), files(computer.copy.parent / "second")]
    killed = 0
    for at in (5, 40, 80, 140, 200):
        if dies(_DRILL, ("open", "os.mkdir", "os.rename", "os.remove"), at, computer.home.state):
            killed += 1
            assert [files(computer.copy), files(computer.copy.parent / "second")] == before
    assert killed > 2
    assert is_left(computer)
    assert passed(drilled(computer)) == {"main": True, "second": True}
    assert not is_left(computer)


def test_one_at_a_time(computer: Computer) -> None:
    with scratch(computer.home) as top:
        (top / "theirs").write_bytes(b"")
        with pytest.raises(Busy):
            drilled(computer)
        assert (top / "theirs").exists()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "file").write_bytes(b"stays")
    yield path
    assert stat.S_IMODE(path.stat().st_mode) == 0o511
    assert (path / "file").read_bytes() == b"stays"


def test_links_in_a_left_over_lead_nowhere(computer: Computer, elsewhere: Path) -> None:
    elsewhere.chmod(0o511)
    with scratch(computer.home) as top:
        (top / "closed").mkdir(mode=0o000)
        (top / "link").symlink_to(elsewhere)
    (computer.home.state / "drill").symlink_to(elsewhere)
    with scratch(computer.home) as top:
        assert not top.is_symlink()


def test_a_copy_that_stops_answering_is_not_tried(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(copy: DirectoryCopy, *_: object) -> bytes:
        raise Unreachable(copy.label)

    def then_gone(*given: object) -> object:
        monkeypatch.setattr(DirectoryCopy, "get", gone)
        monkeypatch.setattr(DirectoryCopy, "get_into", gone)
        return within(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(drilling, "within", then_gone)
    assert passed(drilled(computer)) == {"main": None, "second": None}
    assert remembered(computer) == [None, None]


def test_a_folder_is_restored_only_where_it_is_small(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_MOST_IN_A_FOLDER", 7)
    assert of(drilled(computer), "main").folders == 0


def test_a_drill_in_the_future_is_none(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Ledger(computer.home.ledger_file)) as ledger, monkeypatch.context() as patch:
        patch.setattr("time.time_ns", lambda: 10**19 // 2)
        ledger.add_drill(b"1" * 16, 1, 0, 1)
        assert ledger.drilled(b"1" * 16) is not None
        patch.undo()
        assert ledger.drilled(b"1" * 16) is None


def test_no_state_is_made_where_there_is_no_room_for_one(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(drilling, "State", lambda *given: made.append(given))
    monkeypatch.setattr(drilling, "_STATE_TIMES", 1 << 40)
    found = drilled(computer)
    assert [type(found[label]) for label in ("main", "second")] == [TargetTooSmall] * 2
    assert not made
    assert not is_left(computer)


def test_nothing_plain_is_put_into_a_copy(computer: Computer) -> None:
    """Where the state lies in a copy, which may be anybody's disk, nothing is tried."""
    inside = computer.copy / "vaultd"
    computer.home.state.rename(inside)
    moved = Computer(find_home(str(inside)), computer.copy, inside / "device.key")
    with pytest.raises(Overlap):
        drilled(moved)
    assert not is_left(moved)


def test_a_copy_with_parity_is_tried_as_any_other(computer: Computer) -> None:
    """It is tried as it is: what parity could mend is not mended by it."""
    turned(computer, "main", on=True)
    assert passed(drilled(computer)) == {"main": True, "second": True}
    harmed = max(packs(computer.copy), key=lambda path: path.stat().st_size)
    before = harmed.read_bytes()
    flip(harmed)
    after = harmed.read_bytes()
    assert passed(drilled(computer)) == {"main": False, "second": True}
    assert harmed.read_bytes() == after
    assert checked(computer, heals=True).sound
    assert harmed.read_bytes() == before
    assert passed(drilled(computer)) == {"main": True, "second": True}
