"""What is pruned from copies in object stores: a strict one, and a weak one."""

from collections.abc import Callable

import pytest

from tests.copies.radosgw import ACCESS, SECRET
from tests.copies.stores import BUCKET, Store, strict, weak
from tests.jobs.pruned import DAY, HOUR, Time, pruned
from tests.jobs.pruned import told as told
from tests.jobs.test_prune import World
from tests.jobs.test_prune import world as world
from tests.jobs.vaults import Computer
from vaultd.copies.locating import Location
from vaultd.jobs.elsewhere import copy_at
from vaultd.jobs.enrolling import add_copy
from vaultd.jobs.felt import digest_of
from vaultd.jobs.opening import open_other
from vaultd.jobs.protect import protect
from vaultd.progress import Silent
from vaultd.tree.marking import mark
from vaultd.tree.standing import standing


def packs_in(computer: Computer, label: str) -> set[bytes]:
    with computer.opened() as session:
        place = next(each for each in session.settings.copies if each.label == label)
        with copy_at(session, place) as copy:
            return {digest_of(file.name) for file in copy.list("packs/")}


@pytest.mark.parametrize("make", [strict, weak])
def test_what_nobody_needs_goes_from_a_bucket(world: World, told: Time, make: Callable[[], Store]) -> None:
    store, keys = make(), world.top / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    keys.chmod(0o600)
    url = f"s3://{BUCKET}/prune/{world.top.name}?endpoint={store.endpoint}&keys={keys}"
    with world.computer.opened(writing=True) as session:
        add_copy(session, Location(url), "bucket")
        protect(session, Silent(), lambda: None)
    world.forget_first()
    gone = set(world.first.body.packs)
    assert packs_in(world.computer, "bucket") >= gone
    for span in (0, 31 * DAY, 25 * HOUR):
        told.go_on(span)
        found = pruned(world.computer)
    assert [each.place.label for each in found.removed] == ["bucket", "main"]
    assert not found.left_over
    assert not packs_in(world.computer, "bucket") & gone
    with world.computer.opened() as session:
        (place,) = session.others
        with open_other(session, place) as vault:
            assert vault.troubles == []
            mark(
                vault,
                standing(vault.journal, {each for each, _ in vault.journal.of_kind("forget")}),
                lambda: None,
            )
