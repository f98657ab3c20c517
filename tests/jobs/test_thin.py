"""Sources are thinned by their own rules, without anybody watching, and not when something is odd."""

from pathlib import Path

import msgspec

from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import FromTheFuture, TooMuchAtOnce
from vaultd.jobs.forget import Plan
from vaultd.jobs.sources import keep_by
from vaultd.jobs.thin import Stopped, thin_sources
from vaultd.tree.retention import DAY_NS, Rules


def with_snapshots(tmp_path: Path, count: int, rules: Rules) -> Computer:
    computer, folder = new_vault(tmp_path), tmp_path / "photos"
    folder.mkdir()
    computer.add(folder, "photos")
    for n in range(count):
        (folder / "a").write_text(str(n))
        computer.save("photos")
    with computer.opened(writing=True) as session:
        keep_by(session, "photos", rules)
    return computer


def thinned(computer: Computer) -> list[Plan | Stopped]:
    with computer.opened() as session:
        return [found for _, found in thin_sources(session, lambda: None)]


def test_what_no_rule_keeps_goes_and_the_next_time_nothing_does(tmp_path: Path) -> None:
    computer = with_snapshots(tmp_path, 10, Rules(last=8))
    for gone in (2, 0):
        (plan,) = thinned(computer)
        assert isinstance(plan, Plan)
        assert len(plan.thinned.gone) == gone
    assert len(computer.snapshots()) == 8


def test_too_many_at_once_are_for_the_owner(tmp_path: Path) -> None:
    computer = with_snapshots(tmp_path, 10, Rules(last=1))
    (found,) = thinned(computer)
    assert isinstance(found, TooMuchAtOnce)
    assert len(computer.snapshots()) == 10


def test_one_from_the_future_stops_all(tmp_path: Path) -> None:
    computer = with_snapshots(tmp_path, 10, Rules(last=8))
    last = computer.snapshots()[-1]
    body = msgspec.structs.replace(last.body, started=last.body.started + 3 * DAY_NS, parents=[last.id])
    with computer.opened(writing=True) as session:
        session.vault.journal.append("snapshot", body.to_map())
    (found,) = thinned(computer)
    assert isinstance(found, FromTheFuture)
    assert len(computer.snapshots()) == 11


def test_a_source_that_is_saved_no_more_keeps_all(tmp_path: Path) -> None:
    from vaultd.jobs.sources import remove_source

    computer = with_snapshots(tmp_path, 10, Rules(last=8))
    with computer.opened(writing=True) as session:
        remove_source(session, "photos")
    assert thinned(computer) == []
    assert len(computer.snapshots()) == 10
