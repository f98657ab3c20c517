"""What is worth a notice, and when: time is an argument."""

from pathlib import Path

import pytest

from vaultd.daemon.noticed import GRACE, Noticed

HOUR = 3600.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notices.json"


def test_what_holds_is_worth_one_notice_after_its_grace(file: Path) -> None:
    noticed = Noticed(file)
    noticed.holds("source-gone", "photos", {}, 0.0)
    assert noticed.due(23 * HOUR) == []
    noticed.holds("source-gone", "photos", {}, 23 * HOUR)
    (due,) = noticed.due(25 * HOUR)
    assert (due.what, due.about, due.facts) == ("source-gone", "photos", {"hours": 25})
    noticed.written(due)
    noticed.holds("source-gone", "photos", {}, 90 * HOUR)
    assert noticed.due(99 * HOUR) == []


def test_what_ends_in_time_is_worth_none_and_may_come_again(file: Path) -> None:
    noticed = Noticed(file)
    noticed.holds("copy-away", "nas", {}, 0.0)
    noticed.ends("copy-away", "nas")
    noticed.ends("copy-away", "nas")
    assert noticed.due(GRACE["copy-away"] + 1) == []
    noticed.holds("copy-away", "nas", {}, 1000 * HOUR)
    assert noticed.due(1000 * HOUR + GRACE["copy-away"] - 1) == []
    assert len(noticed.due(1000 * HOUR + GRACE["copy-away"])) == 1


def test_each_is_counted_by_itself(file: Path) -> None:
    noticed = Noticed(file)
    noticed.holds("source-unreadable", "photos", {"files": 3}, 0.0)
    noticed.holds("source-unreadable", "chats", {"files": 4}, 0.0)
    assert [(each.about, each.facts["files"]) for each in noticed.due(0.0)] == [("photos", 3), ("chats", 4)]


def test_a_daemon_that_was_killed_goes_on_where_it_was(file: Path) -> None:
    first = Noticed(file)
    first.holds("source-gone", "photos", {}, 0.0)
    first.happened("damage", "disk", {"files": 2})
    first.happened("damage", "disk", {"files": 2})
    second = Noticed(file)
    assert [each.what for each in second.due(25 * HOUR)] == ["damage", "source-gone"]
    for each in second.due(25 * HOUR):
        second.written(each)
    assert Noticed(file).due(999 * HOUR) == []


def test_a_clock_that_was_set_back_begins_anew_and_never_tells_too_early(file: Path) -> None:
    noticed = Noticed(file)
    noticed.holds("source-gone", "photos", {}, 1000 * HOUR)
    noticed.holds("source-gone", "photos", {}, 5 * HOUR)
    assert noticed.due(20 * HOUR) == []
    assert len(noticed.due(29 * HOUR)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"due": 3}', b'{"held": [{"what": 1}]}', b"\xff" * 9]
)
def test_a_damaged_file_is_as_none(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    noticed = Noticed(file)
    assert noticed.due(0.0) == []
    noticed.happened("drill", "disk", {})
    assert len(Noticed(file).due(0.0)) == 1


def test_where_nothing_can_be_written_it_is_known_all_the_same(tmp_path: Path) -> None:
    noticed = Noticed(tmp_path / "nosuch" / "notices.json")
    noticed.happened("drill", "disk", {})
    assert len(noticed.due(0.0)) == 1
