"""What nobody needs is let go of once a day."""

from tests.daemon.test_chores import at_once as at_once
from tests.daemon.test_chores import at_work
from tests.daemon.test_chores import computer as computer
from tests.jobs.test_protect import saved
from tests.jobs.vaults import Computer
from tests.waiting import until
from vaultd.jobs.prune import Pruned


def test_what_was_forgotten_is_pruned_once_a_day(computer: Computer) -> None:
    saved(computer, "more")
    first = computer.snapshots()[0]
    with computer.opened(writing=True) as session:
        session.vault.journal.append("forget", {"by": "owner", "snapshots": [first.id]})
    with at_work(computer) as noted:
        assert until(lambda: bool(noted.prunes))
    (found,) = noted.prunes
    assert isinstance(found, Pruned)
    assert (found.condemned, found.removed) == ((0, 0), [])  # it can be taken back for a month
