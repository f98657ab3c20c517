"""What a check that reads must not lose, and must not say: where it is cut off, where a file cannot be read,
and where a file is not on the copy yet.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from vaultd_cli.commands.check import _as_json

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.parity_vaults import turned
from tests.jobs.scrubs import DAY, checked, note_reading, set_time, times
from tests.jobs.test_captured import Lonely
from tests.jobs.test_protect import brought_up, files, packs, saved, two_copies
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Damaged, Missing, Unreachable, Unreadable
from vaultd.jobs.check import Report, check, check_copies
from vaultd.jobs.check_parity import _unwanted
from vaultd.jobs.felt import digest_of
from vaultd.jobs.level import PROTECTED
from vaultd.jobs.scrub import Part, Scrub
from vaultd.jobs.status import look_at_copies
from vaultd.progress import Silent
from vaultd.store.ledger import Ledger


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """One copy with two snapshots, all of which was read."""
    computer = new_vault(tmp_path)
    (tmp_path / "photos").mkdir()
    computer.add(tmp_path / "photos", "photos")
    for name in "ab":
        (tmp_path / "photos" / name).write_bytes(os.urandom(3000))
        computer.save("photos")
    assert checked(computer).unread == 0
    return computer


def name_in(computer: Computer, path: Path) -> str:
    return str(path.relative_to(computer.copy))


def stop_after(count: int) -> Callable[[], None]:
    left = [count]

    def stop() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    return stop


def test_damage_that_was_found_is_remembered_by_a_check_that_is_cut_off(computer: Computer) -> None:
    """It is the next one's first, and nothing is stored by reference to it meanwhile."""
    harmed = max(packs(computer.copy), key=lambda path: path.stat().st_size)
    flip(harmed)
    name = name_in(computer, harmed)
    set_time(computer, name, 1)  # the first to be read
    with (
        computer.opened() as session,
        closing(Ledger(computer.home.ledger_file)) as ledger,
        pytest.raises(KeyboardInterrupt),
    ):
        check(session.vault, Silent(), stop_after(1), scrub=Scrub(ledger, Part(), 1))
    assert digest_of(name) not in times(computer)
    before = len(packs(computer.copy))
    computer.save("photos", force=True)
    assert len(packs(computer.copy)) > before
    assert [each.name for each in checked(computer, max_age=DAY, heals=False).damage] == [name]  # type: ignore[attr-defined]


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of files whose sectors the disk does not give."""
    bad: set[str] = set()

    def failing(which: str) -> None:
        real = getattr(DirectoryCopy, which)

        def read(copy: DirectoryCopy, name: str, *how: object) -> object:
            if name in bad:
                raise Unreachable(copy.label, "EIO")
            return real(copy, name, *how)

        monkeypatch.setattr(DirectoryCopy, which, read)

    for which in ("get", "get_into", "fetch", "read_back"):
        failing(which)
    return bad


def test_what_cannot_be_read_keeps_nothing_else_from_being_read(
    computer: Computer, unreadable: set[str]
) -> None:
    """Not even a pack of pages."""
    for path in packs(computer.copy):
        computer.home.ledger_file.unlink()
        name = name_in(computer, path)
        unreadable.add(name)
        report = checked(computer)
        assert [(type(error), error.name) for error in report.damage] == [(Unreadable, name)]  # type: ignore[attr-defined]
        assert times(computer).keys() == {digest_of(each) for each in files(computer.copy)} - {
            digest_of(name)
        }
        assert (report.left[0], report.unread, report.sound, report.walked) == (1, 1, False, False)
        unreadable.clear()
        assert checked(computer).unread == 0


def test_what_cannot_be_read_now_is_forgotten_no_more_than_told(
    computer: Computer, unreadable: set[str]
) -> None:
    name, known = name_in(computer, packs(computer.copy)[0]), times(computer)
    unreadable.add(name)
    checked(computer)
    assert times(computer)[digest_of(name)] == known[digest_of(name)]


def test_a_copy_that_gives_nothing_is_no_copy_with_bad_sectors(
    computer: Computer, unreadable: set[str]
) -> None:
    known = times(computer)
    with computer.opened() as session:
        unreadable.update({"vault.id", *files(computer.copy)})
        ((_, found),) = check_copies(session, session.settings.copies, Silent(), lambda: None, read_data=True)
    assert type(found) is Unreachable
    unreadable.clear()
    assert times(computer) == known  # nothing is known of any file


def test_what_is_listed_and_cannot_be_had_is_missing(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = max(packs(computer.copy), key=lambda path: path.stat().st_size)
    name, opened = name_in(computer, largest), DirectoryCopy._open

    def without(copy: DirectoryCopy, asked: str) -> object:
        if asked == name:
            raise Missing(asked, copy.label)
        return opened(copy, asked)

    monkeypatch.setattr(DirectoryCopy, "_open", without)
    report = checked(computer, heals=False)
    assert [(type(error), error.name) for error in report.damage] == [(Missing, name)]  # type: ignore[attr-defined]


def test_a_copy_that_goes_at_the_end_takes_no_finding_with_it(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(packs(computer.copy)[0])
    listing, strangers = DirectoryCopy.list, DirectoryCopy.strangers

    def gone(copy: DirectoryCopy, prefix: str = "") -> object:
        if not prefix:
            raise Unreachable(copy.label, "EIO")
        return listing(copy, prefix)

    def then_gone(copy: DirectoryCopy) -> object:
        monkeypatch.setattr(DirectoryCopy, "list", gone)
        return strangers(copy)

    monkeypatch.setattr(DirectoryCopy, "strangers", then_gone)
    report = checked(computer, heals=False)
    assert [type(error) for error in report.damage] == [Damaged]
    assert report.unread == 1


def test_what_waits_on_this_computer_was_not_read_from_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = Lonely(tmp_path)
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "new").write_bytes(os.urandom(5000))
    computer.save("photos", away=True)
    lonely.bring_back()
    waiting = {str(path.relative_to(lonely.spool)) for path in lonely.waiting()}
    read = note_reading(monkeypatch)
    report = checked(computer)
    assert report.read[0] == len(files(computer.copy)) + len(waiting)
    assert set(read[-len(waiting) :]) == waiting
    assert times(computer).keys() == {digest_of(name) for name in files(computer.copy)}
    assert report.unread == len(waiting)
    with computer.opened(writing=True) as session:
        assert session.delivered
    assert {digest_of(name) for name in waiting} <= times(computer).keys()


def test_parity_is_read_as_anything_else_is(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    turned(computer, "main", on=True)
    names = {name_in(computer, path) for path in (computer.copy / "parity").rglob("*") if path.is_file()}
    assert names
    with computer.opened() as session:
        assert look_at_copies(session)[0].unread == 0  # it was read back when it was written
    read = note_reading(monkeypatch)
    assert checked(computer).unread == 0
    assert names <= set(read)
    harmed = min(names)
    flip(computer.copy / harmed)
    set_time(computer, harmed, 1)
    report = checked(computer, size=1, heals=False)
    assert [(type(error), error.name) for error in report.damage] == [(Damaged, harmed)]  # type: ignore[attr-defined]
    assert digest_of(harmed) not in times(computer)
    mended = checked(computer, size=1)
    assert (mended.sound, mended.unread) == (True, 0)


def test_a_cache_that_cannot_be_read_keeps_no_copy_behind(
    tmp_path: Path, disk: Disk, unreadable: set[str]
) -> None:
    computer = two_copies(tmp_path, disk.path / "second")
    turned(computer, "main", on=True)
    saved(computer, "a")
    parity = [path for path in (computer.copy / "parity").rglob("*") if path.is_file()]
    computer.home.ledger_file.unlink()
    unreadable.add(name_in(computer, parity[0]))
    reached = brought_up(computer)
    assert (reached.behind, reached.level) == ([], PROTECTED)
    with computer.opened() as session:
        assert look_at_copies(session)[0].unread == 1


def test_no_pack_is_given_up_where_not_all_paths_could_be_looked_at(computer: Computer) -> None:
    turned(computer, "main", on=True)
    gone = packs(computer.copy)[0]
    gone.unlink()
    with computer.opened() as session:
        copy = session.vault.copy
        assert _unwanted(session, copy, Report()) == {digest_of(gone.name)}
        assert _unwanted(session, copy, Report(walked=False)) == set()


def test_a_program_is_told_that_the_paths_are_not_known() -> None:
    report = Report(walked=False, damage=[Unreadable("main", "EIO", "packs/x")])
    assert (_as_json(report, "main", True)["lost_count"], report.sound) == (None, False)
    assert _as_json(Report(), "main", True)["lost_count"] == 0
