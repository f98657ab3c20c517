"""What is due when, whatever the clock and the file that remembers say; and who gives way to whom."""

import os
import threading
from pathlib import Path

import pytest

from vaultd.daemon.calm import battery, give_way
from vaultd.daemon.schedule import AGAIN, DAILY, Schedule

DAY = 1_000 * DAILY


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chores.json"


def test_what_was_never_done_is_due_and_then_a_day_later(file: Path) -> None:
    schedule = Schedule(file, ("a",))
    assert schedule.due(DAY) == "a"
    schedule.done("a", DAY)
    assert schedule.due(DAY + DAILY - 1) is None
    assert Schedule(file, ("a",)).due(DAY + DAILY - 1) is None
    assert Schedule(file, ("a",)).due(DAY + DAILY) == "a"


def test_what_has_waited_longest_is_next(file: Path) -> None:
    schedule = Schedule(file, ("a", "b", "c"))
    schedule.done("a", DAY)
    schedule.done("b", DAY - 1)
    assert schedule.due(DAY + 2 * DAILY) == "c"
    schedule.done("c", DAY)
    assert schedule.due(DAY + 2 * DAILY) == "b"


def test_what_is_not_at_its_end_lets_others_go_first_and_is_gone_on_with(file: Path) -> None:
    schedule = Schedule(file, ("a", "b"))
    schedule.later("a", DAY)
    assert schedule.due(DAY) == "b"
    schedule.done("b", DAY)
    assert schedule.due(DAY) is None
    assert schedule.due(DAY + AGAIN) == "a"


def test_a_clock_that_was_wrong_puts_nothing_off(file: Path) -> None:
    """By a year ahead, and then set right."""
    schedule = Schedule(file, ("a",))
    schedule.done("a", DAY + 365 * DAILY)
    schedule.later("a", DAY + 365 * DAILY)
    assert schedule.due(DAY) == "a"
    assert Schedule(file, ("a",)).due(DAY) == "a"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": "x"}', '{"a": null}', "\udcff", '{"b": 1}', '{"a": NaN}']
)
def test_what_cannot_be_read_makes_all_due(file: Path, text: str) -> None:
    file.write_text(text, errors="surrogateescape")
    assert Schedule(file, ("a",)).due(DAY) == "a"


def test_a_thread_that_gives_way_leaves_the_others_as_they_were() -> None:
    seen = []

    def work() -> None:
        give_way()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        child = threading.Thread(
            target=lambda: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        )
        child.start()
        child.join()

    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [15, 15]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_only_a_battery_of_this_computer_that_runs_down_counts(tmp_path: Path) -> None:
    def add(name: str, **files: str) -> None:
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text + "\n")

    assert battery(tmp_path) is None
    add("AC", type="Mains", online="1")
    add("hid", type="Battery", scope="Device", status="Discharging", capacity="3")
    add("full", type="Battery", status="Charging", capacity="5")
    add("odd", type="Battery", status="Discharging", capacity="?")
    assert battery(tmp_path) is None
    add("BAT0", type="Battery", status="Discharging", capacity="80")
    add("BAT1", type="Battery", status="Discharging", capacity="29")
    assert battery(tmp_path) == 29
