"""Damage at either side of a catch-up, full disks, kills: nothing bad travels, and the next run goes on."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.synced import (
    ALL,
    FLIPPED,
    INDEXES,
    KEYS,
    LOGS,
    ONE,
    OTHER,
    PACK,
    PACKS,
    VAULT,
    Noting,
    is_safe,
    is_safe_listing,
    log,
    pair,
    run,
)
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Damaged, Full, Missing, Unreachable


@pytest.mark.parametrize("damage", ["flipped", "missing"])
def test_a_damaged_pack_does_not_travel_and_no_record_goes_before_it(damage: str) -> None:
    source, target = pair()
    source.files[PACK] = FLIPPED
    if damage == "missing":
        source = Vanishing("source", ALL, PACK)
    done = run(source, target)
    assert target.held == KEYS | {name: data for name, data in PACKS.items() if name != PACK} | INDEXES
    assert [(type(error), error.name) for error in done.damage] == [
        (Damaged if damage == "flipped" else Missing, PACK)
    ]
    assert done.held_back == len(LOGS)
    source = Noting("source", ALL)
    assert run(source, target).behind == 0
    assert target.held == ALL


class Vanishing(Noting):
    """A copy that lists a file and does not have it when it is asked for."""

    def __init__(self, name: str, files: dict[str, bytes], gone: str) -> None:
        super().__init__(name, files)
        self.gone = gone

    def fetch(self, name: str) -> bytes:
        if name == self.gone:
            raise Missing(name, self.label)
        return super().fetch(name)


def test_a_pack_that_the_target_has_whole_holds_nothing_up() -> None:
    source, target = pair()
    target.files[PACK] = ALL[PACK]
    source.files[PACK] = FLIPPED
    done = run(source, target)
    assert target.held == ALL
    assert (done.damage, done.held_back) == ([], 0)


def test_a_truncated_file_at_the_target_is_set_aside_and_replaced() -> None:
    source, target = pair()
    target.files |= ALL | {PACK: ALL[PACK][:-1]}
    assert run(source, target).names == [PACK]
    assert target.held == ALL
    assert [target.get(stored.name) for stored in target.quarantined()] == [ALL[PACK][:-1]]


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_a_log_with_a_gap_goes_up_to_the_gap(damage: str) -> None:
    source, target = pair()
    name = log(ONE, 3)[0]
    if damage == "flipped":
        source.files[name] = FLIPPED
    else:
        del source.files[name]
    done = run(source, target)
    reached = [log(ONE, 1), log(ONE, 2), log(OTHER, 1), log(OTHER, 2)]
    assert {name: data for name, data in target.held.items() if name in LOGS} == dict(reached)
    assert done.held_back == len(LOGS) - len(reached) - (damage == "gone")
    assert is_safe(target)


def test_a_gap_at_the_target_is_filled_before_the_log_goes_on() -> None:
    source, target = pair()
    target.files |= {
        name: data for name, data in ALL.items() if name not in (log(ONE, 3)[0], log(ONE, 11)[0])
    }
    assert run(source, target).names == [log(ONE, 3)[0], log(ONE, 11)[0]]


@pytest.mark.parametrize("name", [min(KEYS), min(INDEXES)])
def test_a_damaged_key_or_index_is_told_and_holds_nothing_up(name: str) -> None:
    source, target = pair()
    source.files[name] = FLIPPED
    done = run(source, target)
    assert [error.name for error in done.damage] == [name]
    assert target.held == {each: data for each, data in ALL.items() if each != name}


def test_what_the_target_did_not_keep_does_not_stand_for_it_the_next_time() -> None:
    for number in range(len(ALL)):
        source, target = pair()
        target.lies = number
        with pytest.raises(Damaged) as caught:
            run(source, target)
        assert caught.value.copy == "target"
        assert FLIPPED not in target.held.values()
        assert is_safe(target)
        run(source, target)
        assert target.held == ALL


def test_a_full_target_is_safe_and_goes_on_once_there_is_room() -> None:
    source, target = pair()
    for number in range(len(ALL)):
        target.full = number
        with pytest.raises(Full):
            run(source, target)
        assert is_safe(target)
    target.full = -1
    assert run(source, target).names == [max(LOGS)]


# Killed between any two steps: each kill is a process that ends itself with SIGKILL.


def make(path: Path, copy_id: bytes, files: dict[str, bytes]) -> DirectoryCopy:
    copy = DirectoryCopy.create(path, VAULT, copy_id, path.name)
    for name, data in files.items():
        copy.put(name, data)
    return copy


def test_killed_at_any_step_the_target_is_safe_and_the_next_run_goes_on(tmp_path: Path) -> None:
    few = {**dict([max(PACKS.items()), min(KEYS.items())]), **PACKS, **dict([log(ONE, 1), log(ONE, 2)])}
    source = make(tmp_path / "source", b"s" * 16, few)
    target = make(tmp_path / "target", b"t" * 16, {})
    for steps in itertools.count():
        child = [sys.executable, str(Path(__file__).with_name("sync_child.py")), str(tmp_path), str(steps)]
        ended = subprocess.run(child, check=False).returncode
        assert is_safe_listing({file.name for file in target.list()})
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        run(source, target)
        assert {file.name: target.fetch(file.name) for file in target.list()} == few
        for name in few:
            target.remove(name)
    assert steps == 3 * len(few)  # the two texts stand there since the first run


def test_a_target_that_is_no_copy_any_more_is_not_written(tmp_path: Path) -> None:
    source, target = make(tmp_path / "source", b"s" * 16, ALL), make(tmp_path / "target", b"t" * 16, {})
    (tmp_path / "target" / "vault.id").unlink()
    with pytest.raises(Unreachable):
        run(source, target)
    assert sorted(path.name for path in (tmp_path / "target").iterdir()) == []
