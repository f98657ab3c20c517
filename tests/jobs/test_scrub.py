"""A check that reads a part: what it reads is told as it goes, damage in it is told and mended, and what
comes or goes meanwhile is no damage.
"""

import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from blake3 import blake3

from tests.damage import flip
from tests.jobs.scrubs import DAY, checked, set_time, times, two_copies_unread
from tests.jobs.test_protect import files, only, packs
from tests.jobs.vaults import Computer
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Damaged, Missing
from vaultd.jobs import scrub
from vaultd.jobs.check import check, check_copies
from vaultd.jobs.felt import digest_of
from vaultd.jobs.scrub import Part, Scrub
from vaultd.jobs.status import look_at_copies
from vaultd.progress import Silent
from vaultd.store.ledger import Ledger


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    return two_copies_unread(tmp_path, monkeypatch)


def test_all_that_was_read_is_in_the_ledger(computer: Computer) -> None:
    report = checked(computer)
    held = files(computer.copy)
    assert times(computer).keys() == {digest_of(name) for name in held}
    assert report.read == (len(held), sum(map(len, held.values())))
    assert (report.left, report.unread) == ((0, 0), 0)


def test_parts_go_on_where_the_last_one_ended(computer: Computer, fetched: list[str]) -> None:
    held, runs = files(computer.copy), 0
    while (report := checked(computer, size=1)).unread:
        runs += 1
        assert report.read[0] == 1
        assert report.left[0] == len(held) - 1
    assert sorted(fetched) == sorted(held)
    assert runs == len(held) - 1
    checked(computer, size=1)
    assert fetched[-1] == fetched[0]


def test_only_what_is_old_enough_is_read(computer: Computer, fetched: list[str]) -> None:
    checked(computer)
    one, other, *_ = sorted(files(computer.copy))
    set_time(computer, one, time.time_ns() - 31 * DAY)
    set_time(computer, other, time.time_ns() - 29 * DAY)
    fetched.clear()
    report = checked(computer, max_age=30 * DAY)
    assert fetched == [one]
    assert report.left == (0, 0)
    assert report.read_since == times(computer)[digest_of(other)]


def test_a_time_in_the_future_is_none(computer: Computer, fetched: list[str]) -> None:
    checked(computer)
    name = sorted(files(computer.copy))[3]
    set_time(computer, name, time.time_ns() + DAY)
    with computer.opened() as session:
        assert look_at_copies(session)[0].unread == 1
    fetched.clear()
    checked(computer, max_age=30 * DAY)
    assert fetched == [name]
    assert checked(computer, max_age=30 * DAY).unread == 0


def test_when_the_time_is_up_the_rest_is_only_looked_at(computer: Computer, fetched: list[str]) -> None:
    held = files(computer.copy)
    report = checked(computer, seconds=0)
    assert len(fetched) == 1
    assert (report.read[0], report.left[0]) == (1, len(held) - 1)
    assert report.sound
    packs(computer.copy)[-1].write_bytes(b"")
    assert not checked(computer, seconds=0, heals=False).sound


def test_time_is_shared_by_the_copies_that_are_left(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    begin = scrub.Budget.begin

    def noted(budget: scrub.Budget) -> None:
        left.append(budget._copies)
        begin(budget)

    monkeypatch.setattr(scrub.Budget, "begin", noted)

    def check_both() -> list[int]:
        left.clear()
        with computer.opened() as session:
            places = reversed(session.settings.copies)
            list(check_copies(session, places, Silent(), lambda: None, read_data=True, part=Part(seconds=9)))
        return left

    assert check_both() == [1, 0]
    (computer.copy.parent / "second").rename(computer.copy.parent / "away")
    assert check_both() == [0]


def test_damage_in_the_part_is_told_and_mended(computer: Computer) -> None:
    harmed = packs(computer.copy)[3]
    before = harmed.read_bytes()
    checked(computer)
    flip(harmed)
    name = str(harmed.relative_to(computer.copy))
    set_time(computer, name, 1)
    looked = checked(computer, size=1, heals=False)
    assert [(type(error), error.name) for error in looked.damage] == [(Damaged, name)]  # type: ignore[attr-defined]
    assert digest_of(name) not in times(computer)
    assert looked.unread == 1
    mended = checked(computer, size=1)
    assert (mended.sound, mended.healed, harmed.read_bytes()) == (True, [name], before)
    assert digest_of(name) in times(computer)


def test_it_finds_what_hashing_every_file_finds(computer: Computer) -> None:
    """As anybody can with `b3sum`, without a key."""
    for path in (*packs(computer.copy)[:2], *sorted((computer.copy / "log").rglob("*-*"))[-1:]):
        flip(path)
    held = files(computer.copy)
    wrong = {name for name, data in held.items() if blake3(data).digest() != digest_of(name)}
    assert len(wrong) == 3
    report = checked(computer, heals=False)
    assert {getattr(error, "name", "") for error in report.damage} == wrong
    assert times(computer).keys() == {digest_of(name) for name in held.keys() - wrong}


def test_what_is_damaged_is_not_told_as_read_at_any_time(computer: Computer) -> None:
    """Whoever is killed before it is taken out of the ledger must not have put it in."""
    harmed = packs(computer.copy)[3]
    flip(harmed)
    with computer.opened() as session, closing(Ledger(computer.home.ledger_file)) as ledger:
        report = check(session.vault, Silent(), lambda: None, scrub=Scrub(ledger, Part(), 1))
    assert len(report.damage) == 1
    assert times(computer).keys() == {digest_of(name) for name in report.names} - {digest_of(harmed.name)}


def test_damage_outside_the_part_is_not_called_read(computer: Computer) -> None:
    checked(computer)
    harmed = max(packs(computer.copy), key=lambda path: path.stat().st_size)  # no pages, which all are read
    flip(harmed)
    assert checked(computer, size=1, heals=False).sound
    assert checked(computer, heals=False).damage


def test_a_file_that_goes_meanwhile_is_no_damage_unless_it_is_needed(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index file is a cache; what lies in a pack is not."""
    checked(computer)
    going: list[Path] = [*(computer.copy / "index").iterdir()][:1]
    drop = DirectoryCopy.drop_cached

    def gone_first(copy: DirectoryCopy, name: str) -> None:
        while going:
            going.pop().unlink(missing_ok=True)
        drop(copy, name)

    monkeypatch.setattr(DirectoryCopy, "drop_cached", gone_first)
    assert going
    assert checked(computer, heals=False).damage == []
    pack = packs(computer.copy)[0]
    going.append(pack)
    found = checked(computer, heals=False)
    assert [type(error) for error in found.damage] == [Missing]
    assert found.lost_count


def test_a_file_that_comes_meanwhile_is_no_damage(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = only(computer.copy, tmp_path / "elsewhere", computer.key)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "file").write_bytes(os.urandom(2000))
    listing = DirectoryCopy.list
    writes = [True]

    def wrote_before(copy: DirectoryCopy, prefix: str = "") -> object:
        if not prefix and writes:
            writes.clear()
            other.add(tmp_path / "more")
            other.save("more")
        return listing(copy, prefix)

    monkeypatch.setattr(DirectoryCopy, "list", wrote_before)
    report = checked(computer, heals=False)
    assert not writes
    assert report.sound
    assert report.unread == 0
