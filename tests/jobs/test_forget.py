"""Snapshots are forgotten and brought back; the last version of every file stays in any case."""

import os
import time
from pathlib import Path

import msgspec
import pytest

from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import FromTheFuture, HeldSnapshot, LeavesNothing, NotWhole, TooMuchAtOnce, TooNew
from vaultd.jobs.forget import forget, forget_by_rules, plan_by_rules, refuse_forgetting, refuse_too_much
from vaultd.jobs.hold import find_holds, hold_files, hold_snapshots, let_go
from vaultd.jobs.session import Session
from vaultd.jobs.sources import Wanted, add_source, keep_by
from vaultd.jobs.trash import bring_back, list_trash
from vaultd.tree.retention import DAY_NS, USUAL, Rules
from vaultd.tree.snapshots import Snapshot, every_snapshot, list_snapshots
from vaultd.tree.sources import find_source, list_sources


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def computer(tmp_path: Path, photos: Path) -> Computer:
    made = new_vault(tmp_path)
    made.add(photos, "photos")
    return made


def save(computer: Computer, photos: Path, **files: str | None) -> Snapshot:
    """Write these files, or remove those that are None, and take a snapshot."""
    for name, text in files.items():
        if text is None:
            (photos / name).unlink()
        else:
            (photos / name).write_text(text)
    return computer.save("photos").snapshot


def by_rules(computer: Computer, rules: Rules | None, now: int | None = None) -> list[Snapshot]:
    with computer.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        plan = plan_by_rules(session, source, rules, time.time_ns() if now is None else now)
        forget_by_rules(session, plan)
        return list(plan.thinned.gone)


def test_what_lived_ten_minutes_a_year_ago_is_still_there(
    computer: Computer, photos: Path, tmp_path: Path
) -> None:
    save(computer, photos, stays="1")
    save(computer, photos, short="here for ten minutes")
    save(computer, photos, short=None)
    for n in range(4):
        save(computer, photos, stays=f"{n}")
    assert len(by_rules(computer, Rules(last=1))) == 6
    assert len(computer.snapshots()) == 1
    restored = tmp_path / "restored"
    computer.give_back(restored, deleted=True)
    assert (restored / "short").read_text() == "here for ten minutes"
    assert computer.checked().sound


def test_a_forgotten_snapshot_is_not_listed_and_comes_back_whole(
    computer: Computer, photos: Path, tmp_path: Path
) -> None:
    save(computer, photos, a="1")
    second = save(computer, photos, a="2")
    third = save(computer, photos, a="3")
    with computer.opened(writing=True) as session:
        forget(session, [second])
        assert [each.id for each in list_snapshots(session.vault.journal)][1:] == [third.id]
        assert [each.snapshot.id for each in list_trash(session)] == [second.id]
        assert len(every_snapshot(session.vault.journal)) == 3
    assert computer.recover("list", computer.copy).stdout.count("photos") == 2
    with computer.opened(writing=True) as session:
        bring_back(session, list_trash(session))
    assert [each.id for each in computer.snapshots()][1:] == [second.id, third.id]
    computer.give_back(tmp_path / "restored", second.short)
    assert (tmp_path / "restored" / "a").read_text() == "2"


def test_the_next_snapshot_goes_on_from_what_stands(computer: Computer, photos: Path, tmp_path: Path) -> None:
    first = save(computer, photos, a="1", gone="x")
    second = save(computer, photos, gone=None)
    third = save(computer, photos, a="3")
    with computer.opened(writing=True) as session:
        forget(session, [third, second])
    fourth = save(computer, photos, a="4")
    assert fourth.body.parents == [first.id]
    computer.give_back(tmp_path / "restored", deleted=True)
    assert (tmp_path / "restored" / "gone").read_text() == "x"


def test_between_two_that_stand_forgotten_ones_are_passed_over(computer: Computer, photos: Path) -> None:
    made = [save(computer, photos, a=str(n)) for n in range(5)]
    with computer.opened(writing=True) as session:
        forget(session, made[1:4])
        last = list_snapshots(session.vault.journal)[-1]
    assert last.parents == (made[0].id,)
    assert last.body.parents == [made[3].id]


def test_the_only_complete_one_needs_the_name_of_its_source(computer: Computer, photos: Path) -> None:
    one = save(computer, photos, a="1")
    with computer.opened(writing=True) as session:
        with pytest.raises(LeavesNothing):
            refuse_forgetting(session, [one])
        refuse_forgetting(session, [one], {"photos"})


def test_what_is_held_is_not_forgotten_by_name_or_rule(computer: Computer, photos: Path) -> None:
    made = [save(computer, photos, a=str(n)) for n in range(4)]
    with computer.opened(writing=True) as session:
        held = hold_snapshots(session, [made[1]], "that day")
        with pytest.raises(HeldSnapshot):
            refuse_forgetting(session, [made[0], made[1]])
    assert [each.id for each in by_rules(computer, Rules(last=1))] == [made[0].id, made[2].id]
    with computer.opened(writing=True) as session:
        let_go(session, find_holds(session, [held.short]))
        refuse_forgetting(session, [made[1]])


def test_every_version_of_files_that_are_held_stays(computer: Computer, photos: Path, tmp_path: Path) -> None:
    (photos / "mum").mkdir()
    made = []
    for n in range(6):
        (photos / "mum" / "chat").write_text(f"version {n // 2}")
        made.append(save(computer, photos, other=str(n)))
    with computer.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        hold_files(session, source, "mum/", "all of it")
        with pytest.raises(HeldSnapshot):
            refuse_forgetting(session, [made[1]])
        refuse_forgetting(session, [made[0]])
    by_rules(computer, Rules(last=1))
    assert [each.id for each in computer.snapshots()] == [made[1].id, made[3].id, made[5].id]
    for n, snapshot in enumerate(computer.snapshots()):
        computer.give_back(tmp_path / str(n), snapshot.short)
        assert (tmp_path / str(n) / "mum" / "chat").read_text() == f"version {n}"


def test_each_source_has_its_own_rules_and_keeps_them(computer: Computer, photos: Path) -> None:
    for n in range(4):
        save(computer, photos, a=str(n))
    assert by_rules(computer, None) == []
    with computer.opened(writing=True) as session:
        keep_by(session, "photos", Rules(last=2))
        added = add_source(session, Wanted(os.fsencode(photos), kind="photos"))
        assert Rules.of(added.body.keep) == Rules(last=2)
    assert len(by_rules(computer, None)) == 2
    with computer.opened(writing=True) as session:
        assert Rules.of(keep_by(session, "photos", USUAL).body.keep) == USUAL


@pytest.mark.parametrize("years", [-50, -1, 1, 50])
def test_a_clock_that_jumps_takes_nothing(computer: Computer, photos: Path, years: int) -> None:
    for n in range(8):
        save(computer, photos, a=str(n))
    now = time.time_ns() + years * 365 * DAY_NS
    if years < 0:
        with pytest.raises(FromTheFuture):
            by_rules(computer, None, now)
    else:
        assert by_rules(computer, None, now) == []


def test_a_snapshot_of_the_future_stops_the_rules(computer: Computer, photos: Path) -> None:
    last = save(computer, photos, a="1")
    body = msgspec.structs.replace(last.body, started=last.body.started + 400 * DAY_NS, parents=[last.id])
    with computer.opened(writing=True) as session:
        session.vault.journal.append("snapshot", body.to_map())
    with pytest.raises(FromTheFuture):
        by_rules(computer, None)


def test_more_than_a_fifth_at_once_is_for_the_owner(computer: Computer, photos: Path) -> None:
    for n in range(8):
        save(computer, photos, a=str(n))
    with computer.opened() as session:
        source = find_source(list_sources(session.vault.journal), "photos")
        with pytest.raises(TooMuchAtOnce):
            refuse_too_much(plan_by_rules(session, source, Rules(last=1), time.time_ns()))
        refuse_too_much(plan_by_rules(session, source, Rules(last=7), time.time_ns()))


def test_what_is_unknown_or_missing_stops_all_forgetting(computer: Computer, photos: Path) -> None:
    one = save(computer, photos, a="1")
    save(computer, photos, a="2")
    with computer.opened(writing=True) as session:
        session.vault.journal.append("something newer", {})
    with computer.opened(writing=True) as session, pytest.raises(TooNew):
        refuse_forgetting(session, [one])
    with pytest.raises(TooNew):
        by_rules(computer, Rules(last=1))


def test_what_is_gone_in_part_is_not_brought_back(computer: Computer, photos: Path) -> None:
    first = save(computer, photos, a="only here" * 1000)
    save(computer, photos, a="2")
    for pack in first.body.packs:
        (computer.copy / f"packs/{pack.hex()[:2]}/{pack.hex()}").unlink()
    with computer.opened(writing=True) as session:
        forget(session, [first])
        with pytest.raises(NotWhole):
            bring_back(session, list_trash(session))
        assert len(list_trash(session)) == 1


def test_hold_and_forget_on_two_computers_at_once_is_a_hold(
    computer: Computer, photos: Path, tmp_path: Path
) -> None:
    first = save(computer, photos, a="1")
    save(computer, photos, a="2")
    other = computer.another(tmp_path / "other")

    def forgets(session: Session) -> None:
        forget(session, [first])

    with other.opened(writing=True) as theirs:
        with computer.opened(writing=True) as mine:
            forgets(mine)
        hold_snapshots(theirs, [first], "mine")
    assert first.id in {each.id for each in computer.snapshots()}
