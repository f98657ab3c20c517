"""What looks like a wipe is held, and what was there before it is given back byte for byte."""

from pathlib import Path

import pytest

from tests.guarded import (
    YEAR,
    Attack,
    Guardian,
    begin_anew,
    encrypt_and_rename,
    encrypt_in_part,
    encrypt_in_place,
    files,
    make_chat,
    make_pictures,
    picture,
    put_thumbnails,
    wipe,
)
from vaultd.errors import Full, OnHold, SourceEmpty
from vaultd.guard.trips import DAY, HOUR, MINUTE
from vaultd.jobs import incidents
from vaultd.jobs.forget import plan_by_rules
from vaultd.jobs.guardclock import clock_is_wrong
from vaultd.jobs.incidents import accept
from vaultd.tree.forgotten import list_holds
from vaultd.tree.incidents import CLOCK, open_incidents, sources_on_hold
from vaultd.tree.notices import open_notices
from vaultd.tree.sources import find_source, list_sources


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guardian:
    made = Guardian(tmp_path, monkeypatch)
    make_pictures(made.folder)
    made.save()
    made.save(16 * DAY)
    return made


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guardian:
    made = Guardian(tmp_path, monkeypatch, kind="chat")
    make_chat(made.folder)
    made.save()
    made.save(DAY)
    return made


def remove_a_third(top: Path) -> None:
    for path in files(top)[::3]:
        path.unlink()


ATTACKS: list[tuple[Attack, str]] = [
    (remove_a_third, "deleted"),
    (encrypt_in_place, "encrypted"),
    (encrypt_and_rename, "renamed"),
    (encrypt_in_part, "encrypted"),
    (put_thumbnails, "shrunk"),
]


@pytest.mark.parametrize(("attack", "rule"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_it_is_held_and_given_back(photos: Guardian, attack: Attack, rule: str) -> None:
    kept = photos.kept()
    attack(photos.folder)
    guarded = photos.save(HOUR)
    assert guarded.incident is not None
    assert rule in guarded.incident.rules
    assert photos.gives_back(kept)
    with photos.computer.opened() as session:
        (hold,) = list_holds(session.vault.journal)
        assert hold.body.snapshots == [guarded.incident.good]
        (notice,) = open_notices(session.vault.journal)
        assert (notice.body.what, notice.body.about) == ("incident", "photos")
        assert guarded.incident.source in sources_on_hold(session.vault.journal)


def test_a_few_files_that_are_encrypted_are_not_hidden_by_many_that_are_edited(photos: Guardian) -> None:
    encrypt_in_place(photos.folder, share=0.3)
    for number, path in enumerate(files(photos.folder)[18:30]):
        path.write_bytes(picture(500 + number))
    assert photos.save(HOUR).incident is not None


def test_a_folder_is_emptied_that_is_little_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Guardian(tmp_path, monkeypatch)
    make_pictures(made.folder, 320, folders=8)
    made.save()
    for path in files(made.folder / "2019")[:31]:
        path.unlink()
    guarded = made.save(HOUR)
    # 31 of 320 are less than a tenth: it is the folder that tells.
    assert guarded.incident is None
    for path in files(made.folder / "2019")[:1]:
        path.unlink()
    guarded = made.save(HOUR)
    assert guarded.incident is not None
    assert "emptied" in guarded.incident.rules


def test_everything_at_once_leaves_an_empty_folder_and_no_snapshot(photos: Guardian) -> None:
    kept = photos.kept()
    wipe(photos.folder)
    for _ in range(3):
        with pytest.raises(SourceEmpty):
            photos.save(HOUR)
    (incident,) = photos.incidents()
    assert incident.rules == ["deleted", "emptied"]
    assert photos.gives_back(kept)


def test_slowly_over_an_hour_it_goes_back_to_before_the_first(photos: Guardian) -> None:
    (photos.folder / "2019" / "IMG_0000.jpg").unlink()  # by its owner, in the morning
    photos.save(12 * HOUR)
    kept = photos.kept()
    for number, path in enumerate(files(photos.folder)[:10]):
        path.unlink()
        photos.save(6 * MINUTE if number else 2 * HOUR)
    for path in files(photos.folder)[:20]:
        path.unlink()
    assert photos.save(5 * MINUTE).incident is not None
    # The one in the morning was lost more than an hour before the others.
    assert photos.gives_back(kept)


def test_one_in_a_hundred_each_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Guardian(tmp_path, monkeypatch)
    for number in range(100):
        (made.folder / f"{number:02}.txt").write_text(f"letter {number}")
    made.save()
    kept = made.kept()
    for day in range(32):
        (made.folder / f"{day:02}.txt").unlink()
        guarded = made.save(DAY)
        if guarded.incident is not None:
            break
    assert day == 29
    assert guarded.incident is not None
    assert guarded.incident.rules == ["dripped"]
    assert made.gives_back(kept)


def test_messages_begun_anew(chat: Guardian) -> None:
    kept = chat.kept()
    begin_anew(chat.folder)
    guarded = chat.save(HOUR)
    assert guarded.incident is not None
    assert guarded.incident.rules == ["chat"]
    assert chat.gives_back(kept)


def test_messages_that_are_gone(chat: Guardian) -> None:
    kept = chat.kept()
    (chat.folder / "db_storage" / "contact.db").unlink()
    guarded = chat.save(HOUR)
    assert guarded.incident is not None
    assert guarded.incident.rules == ["chat"]
    assert chat.gives_back(kept)


def test_a_clock_that_jumps_stops_the_rules(photos: Guardian) -> None:
    source = "photos"
    with photos.computer.opened() as session:
        assert not clock_is_wrong(session)
    photos.now += 2 * YEAR
    with photos.computer.opened() as session:
        known = find_source(list_sources(session.vault.journal), source)
        assert clock_is_wrong(session)
        with pytest.raises(OnHold):
            plan_by_rules(session, known, None, photos.now)
    (photos.folder / "new").write_text("new")
    guarded = photos.save()
    assert guarded.incident is not None
    assert guarded.incident.rules == [CLOCK]
    with photos.computer.opened() as session:
        assert sources_on_hold(session.vault.journal).everything
        with pytest.raises(OnHold):
            plan_by_rules(session, known, None, photos.now)


def test_no_time_that_passes_takes_anything_of_it(photos: Guardian) -> None:
    remove_a_third(photos.folder)
    photos.save(HOUR)
    (photos.folder / "new").write_text("new")
    photos.save(100 * DAY)
    photos.now, photos.ran = photos.now + 10 * YEAR, photos.ran + 10 * YEAR
    with photos.computer.opened() as session:
        assert not clock_is_wrong(session)
        known = find_source(list_sources(session.vault.journal), "photos")
        with pytest.raises(OnHold):
            plan_by_rules(session, known, None, photos.now)


def test_further_findings_go_into_the_open_incident_and_make_no_flood(photos: Guardian) -> None:
    remove_a_third(photos.folder)
    photos.save(HOUR)
    for _ in range(5):
        for path in files(photos.folder)[:5]:
            path.unlink()
        photos.save(HOUR)
    (incident,) = photos.incidents()
    assert len(incident.updates) <= 2
    with photos.computer.opened() as session:
        assert len(open_notices(session.vault.journal)) == len(incident.updates)
    encrypt_in_place(photos.folder)
    photos.save(HOUR)
    (incident,) = photos.incidents()
    assert "encrypted" in incident.rules


def test_once_its_owner_has_looked_it_is_not_found_again(photos: Guardian) -> None:
    remove_a_third(photos.folder)
    photos.save(HOUR)
    with photos.computer.opened(writing=True) as session:
        accept(session, open_incidents(session.vault.journal))
        assert list_holds(session.vault.journal) == []
        assert open_notices(session.vault.journal) == []
    files(photos.folder)[0].unlink()
    assert photos.save(HOUR).incident is None
    for path in files(photos.folder)[::2]:
        path.unlink()
    assert photos.save(HOUR).incident is not None
    assert [each.is_open for each in photos.incidents()] == [False, True]


def test_an_empty_folder_that_was_accepted_is_not_found_again(photos: Guardian) -> None:
    wipe(photos.folder)
    with pytest.raises(SourceEmpty):
        photos.save(HOUR)
    with photos.computer.opened(writing=True) as session:
        accept(session, open_incidents(session.vault.journal))
    with pytest.raises(SourceEmpty):
        photos.save(HOUR)
    photos.save(HOUR, force=True)
    assert [each.is_open for each in photos.incidents()] == [False]


@pytest.mark.parametrize("broken", ["_write", "write_notice"])
def test_cut_short_at_any_record_it_is_made_whole_the_next_time(
    photos: Guardian, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: object) -> bytes:
        raise Full("disk")

    kept = photos.kept()
    remove_a_third(photos.folder)
    with monkeypatch.context() as patched:
        patched.setattr(incidents, broken, full)
        assert isinstance(photos.save(HOUR).error, Full)
    photos.save(MINUTE, unless_same=True)
    with photos.computer.opened() as session:
        assert len(list_holds(session.vault.journal)) == 1
        assert len(open_incidents(session.vault.journal)) == 1
        assert [notice.body.what for notice in open_notices(session.vault.journal)] == ["incident"]
    assert photos.gives_back(kept)
