"""The levels of safety: what they are called, and what each of them needs."""

from collections.abc import Mapping
from itertools import combinations

from vaultd.copies.identity import is_memory
from vaultd.copies.locating import is_one_place
from vaultd.errors import VaultdError
from vaultd.jobs.check_trees import lost_paths
from vaultd.jobs.felt import digest_of, packs_wanted
from vaultd.jobs.places import folder_of, location
from vaultd.settings import Place, Settings
from vaultd.store.ledger import Ledger
from vaultd.store.vault import Vault

CAPTURED, SAVED, PROTECTED = "captured", "saved", "protected"


def highest(settings: Settings) -> str:
    """What the configured copies can reach: `protected` takes two places."""
    return PROTECTED if any(are_apart(*pair) for pair in combinations(settings.copies, 2)) else SAVED


def are_apart(one: Place, other: Place) -> bool:
    """Whether no single failure takes both; a copy in memory is apart from none, since a lost minute of power
    takes it.
    """
    return not (on_one_disk(one, other) or in_memory(one) or in_memory(other))


def in_memory(place: Place) -> bool:
    """Whether a copy is gone when this computer is switched off."""
    folder = folder_of(place)
    return folder is not None and is_memory(folder)


def on_one_disk(one: Place, other: Place) -> bool:
    """Whether both stand on one file system, or on one host; of a copy that is not there it is not said."""
    try:
        return is_one_place(location(one), location(other))
    except OSError:
        return False


def protects(ledger: Ledger, held: Mapping[bytes, set[bytes]], leave: frozenset[str]) -> bool:
    """Whether copies hold the same, and all of it was read back from each; `held` are what is felt of each,
    by its id. What was once read back and is gone from all of them is missed as well.
    """
    ignored = {digest_of(name) for name in leave}
    sets = [*held.values(), *(ledger.matched(copy_id) - ignored for copy_id in held)]
    return all(each == sets[0] for each in sets)


def gives_back_all(vault: Vault, held: set[bytes]) -> bool:
    """Whether every snapshot of a copy, which holds these files, can be had from it. Packs that were
    added tell at once; only where one of them is gone the trees are walked, since what lay in it may lie in
    another one. False too where the copy does not answer.
    """
    if packs_wanted(vault.journal).keys() <= held:
        return True
    try:
        vault.index.sync()  # it may know of a pack that was written, and never arrived
        return next(lost_paths(vault, set(), lambda: None), None) is None
    except VaultdError:
        return False
