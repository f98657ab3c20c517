"""A check by two processes finds what one would find, in the same words, whatever becomes of the second."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import Damaged, Missing
from vaultd.format.box import verify_box
from vaultd.format.limits import KIND_LOG
from vaultd.jobs import check_files
from vaultd.jobs.check import Report, check
from vaultd.progress import Silent
from vaultd.store.verifier import Verifier


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Verifier]]:
    """The second processes, which end with the check."""
    started: list[Verifier] = []

    class Noted(Verifier):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            started.append(self)

    monkeypatch.setattr(check_files, "Verifier", Noted)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    yield started
    assert all(each._process.poll() is not None for each in started)
    assert not [each for each in threading.enumerate() if each.name.startswith("check")]


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """Four packs: each snapshot adds one for its files and one for its pages."""
    (tmp_path / "source").mkdir()
    computer = new_vault(tmp_path)
    computer.add(tmp_path / "source")
    for number in range(2):
        for each in range(50):
            (tmp_path / "source" / f"{number}-{each}").write_bytes(os.urandom(3000))
        computer.save("source", force=True)
    return computer


def packs(computer: Computer) -> list[Path]:
    return sorted((computer.copy / "packs").rglob("??*/*"), key=lambda path: path.stat().st_size)


def two(monkeypatch: pytest.MonkeyPatch, computer: Computer) -> Report:
    with monkeypatch.context() as patch:
        patch.setattr(check_files, "_MANY_BYTES", 0)
        return computer.checked()


def said(report: Report) -> tuple[object, ...]:
    damage = [(type(error), vars(error)) for error in report.damage]
    lost = [(each.path, type(each.error), vars(each.error), each.deleted) for each in report.lost]
    return report.files, report.bytes, report.snapshots, damage, lost, report.lost_count, report.unknown


def test_a_small_vault_is_checked_by_one(computer: Computer, started: list[Verifier]) -> None:
    assert computer.checked().sound
    assert not started


def test_a_sound_vault_is_opened_by_the_second_process(
    computer: Computer, started: list[Verifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def noted(box: bytes, keys: object, kind: int) -> object:
        opened.append(kind)
        return verify_box(box, keys, kind)  # type: ignore[arg-type]

    alone = computer.checked()
    monkeypatch.setattr(check_files, "verify_box", noted)
    # What it would have taken is not taken by the one that leads, which is busy with the trees.
    finish = check_files.Files.finish

    def later(files: check_files.Files, stop: object) -> None:
        assert files._second is not None
        files._second.wait(lambda: None)
        finish(files, stop)  # type: ignore[arg-type]

    monkeypatch.setattr(check_files.Files, "finish", later)
    report = two(monkeypatch, computer)
    assert report.sound
    assert said(report) == said(alone)
    assert len(started) == 1
    assert not set(opened) - {KIND_LOG}


@pytest.mark.parametrize("how", ["flip", "cut", "lengthen", "remove", "swap", "index"])
def test_damage_is_found_and_told_as_by_one(
    computer: Computer, started: list[Verifier], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    *others, largest = packs(computer)
    if how == "flip":
        flip(largest)
    elif how == "cut":
        os.truncate(largest, 1000)
    elif how == "lengthen":
        with largest.open("ab") as file:
            file.write(b"more")
    elif how == "remove":
        largest.unlink()
    elif how == "swap":
        largest.write_bytes(others[0].read_bytes())
    else:
        flip(next((computer.copy / "index").rglob("??*/*"), largest))
    by_two = two(monkeypatch, computer)
    assert not by_two.sound
    assert isinstance(by_two.damage[0], Damaged | Missing)
    assert said(by_two) == said(computer.checked())
    assert len(started) == 1


@pytest.mark.parametrize("what", ["killed", "lies", "silent"])
def test_no_clean_bill_where_the_second_process_fails(
    computer: Computer, started: list[Verifier], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    verify = Verifier.verify

    def failing(asked: Verifier, start: int, length: int, kind: int) -> bytes | None:
        if what == "killed":
            asked._process.kill()
            asked._process.wait()
            return verify(asked, start, length, kind)
        return bytes(32) if what == "lies" else None

    monkeypatch.setattr(Verifier, "verify", failing)
    assert two(monkeypatch, computer).sound
    flip(packs(computer)[-1])
    report = two(monkeypatch, computer)
    assert [type(error) for error in report.damage] == [Damaged]
    assert report.lost_count
    assert len(started) == 2


def test_where_none_can_be_started_one_does_it(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(check_files, "Verifier", refused)
    flip(packs(computer)[-1])
    assert two(monkeypatch, computer).lost_count


@pytest.mark.parametrize("after", [1, 20, 150])
def test_interrupted_it_leaves_no_process_and_no_thread(
    computer: Computer, started: list[Verifier], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    left = iter(range(after))

    def stop() -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(check_files, "_MANY_BYTES", 0)
    with computer.opened() as session, pytest.raises(KeyboardInterrupt):
        check(session.vault, Silent(), stop, read_data=True)
    assert len(started) == 1
    assert not multiprocessing.active_children()
