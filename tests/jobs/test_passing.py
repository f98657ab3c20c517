"""Time that has passed: no wrong clock hurries it, and what was lost begins anew."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from tests.jobs.pruned import DAY, HOUR, Time
from tests.jobs.pruned import told as told
from vaultd.jobs.passing import (
    CONDEMNED,
    UNDO,
    Clocks,
    Passing,
    Span,
    passed_between,
    read_clocks,
    undo_is_over,
)
from vaultd.store.ledger import Ledger

RECORD = b"r" * 32
YEARS = 50 * 365 * DAY


@pytest.mark.parametrize(
    ("now", "passed"),
    [
        (Clocks("a", 5 * HOUR, 5 * HOUR), Span(4 * HOUR, 4 * HOUR)),
        (Clocks("a", YEARS, 5 * HOUR), Span(4 * HOUR, 4 * HOUR)),  # set forward
        (Clocks("a", -YEARS, 5 * HOUR), Span(0, 4 * HOUR)),  # set back
        (Clocks("b", 3 * HOUR, HOUR // 2), Span(2 * HOUR, HOUR // 2)),  # started again
        (Clocks("b", YEARS, HOUR // 2), Span(7 * DAY, HOUR // 2)),
        (Clocks("b", -YEARS, HOUR // 2), Span(0, HOUR // 2)),
        (Clocks("", YEARS, YEARS), Span(0, 0)),  # nobody knows
    ],
)
def test_how_much_certainly_passed(now: Clocks, passed: Span) -> None:
    assert passed_between(Clocks("a", HOUR, HOUR), now) == passed


def since(file: Path, record: bytes = RECORD) -> Span:
    with contextlib.closing(Ledger(file)) as ledger:
        return Passing(ledger).since([record])[record]


def test_it_begins_when_this_computer_first_sees_a_record(tmp_path: Path, told: Time) -> None:
    file = tmp_path / "ledger.db"
    assert since(file) == Span(0, 0)
    told.go_on(3 * HOUR)
    assert since(file, b"s" * 32) == Span(0, 0)
    assert since(file) == Span(3 * HOUR, 3 * HOUR)
    told.restart(DAY)
    told.go_on(HOUR, wall=YEARS)
    assert since(file) == Span(3 * HOUR + 7 * DAY, 4 * HOUR)


def test_what_was_lost_or_damaged_begins_anew(tmp_path: Path, told: Time) -> None:
    file = tmp_path / "ledger.db"
    since(file)
    told.go_on(40 * DAY)
    assert since(file).covers(UNDO)
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        (value,) = db.execute("SELECT value FROM sights").fetchone()
        db.execute("UPDATE sights SET value = ?", (value[:-1] + bytes([value[-1] ^ 1]),))
    assert since(file) == Span(0, 0)
    told.go_on(DAY)
    assert since(file) == Span(DAY, DAY)
    file.unlink()
    assert since(file) == Span(0, 0)


def test_time_in_which_it_was_off_is_not_enough() -> None:
    assert not Span(YEARS, UNDO.running - 1).covers(UNDO)
    assert not Span(CONDEMNED.trusted - 1, YEARS).covers(CONDEMNED)
    assert UNDO.covers(UNDO)


def test_what_is_dated_later_can_be_taken_back_for_longer() -> None:
    enough = Span(YEARS, YEARS)
    assert undo_is_over(enough, 0, 30 * DAY)
    assert not undo_is_over(enough, 1, 30 * DAY)
    assert not undo_is_over(Span(0, 0), 0, YEARS)


def test_the_clocks_of_this_computer() -> None:
    before, after = read_clocks(), read_clocks()
    assert before.boot == after.boot
    assert passed_between(before, after).running >= 0
