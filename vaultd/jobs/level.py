"""The levels of safety: what they are called, and what each of them needs."""

from collections.abc import Iterable, Mapping
from itertools import combinations

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.copies.identity import same_disk
from vaultd.jobs.opening import Session, identity_path
from vaultd.settings import Place, Settings
from vaultd.store.ledger import Ledger

CAPTURED, SAVED, PROTECTED = "captured", "saved", "protected"
# An index file is a cache, and can be made anew from the packs.
_FELT = ("log/", "keys/", "packs/")


def highest(settings: Settings) -> str:
    """What the configured copies can reach: `protected` takes two places."""
    apart = (not on_one_disk(one, other) for one, other in combinations(settings.copies, 2))
    return PROTECTED if any(apart) else SAVED


def on_one_disk(one: Place, other: Place) -> bool:
    """Whether both stand on one file system; of a copy that is not there it is not said."""
    try:
        return same_disk(identity_path(one), identity_path(other))
    except OSError:
        return False


def removed_slots(session: Session) -> frozenset[str]:
    """Names of the key slots that records say are removed: no copy needs them, and none gets them again."""
    records = session.vault.journal.of_kind("key-removed")
    return frozenset(ids.key_name(record.body["slot"]) for _, record in records)


def felt(copy: Copy, leave: frozenset[str]) -> dict[bytes, str]:
    """Every file whose loss would be felt, but for the names in `leave`: hash to name. Raises Unreachable."""
    names = [file.name for folder in _FELT for file in copy.list(folder)]
    return {digest_of(name): name for name in only_felt(names) if name not in leave}


def only_felt(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(_FELT)]


def digest_of(name: str) -> bytes:
    """The hash that a file is named by, 32 bytes."""
    return bytes.fromhex(name[-64:])


def protects(ledger: Ledger, held: Mapping[bytes, set[bytes]], leave: frozenset[str]) -> bool:
    """Whether copies hold the same, and all of it was read back from each; `held` are what is felt of each,
    by its id. What was once read back and is gone from all of them is missed as well.
    """
    ignored = {digest_of(name) for name in leave}
    sets = [*held.values(), *(ledger.matched(copy_id) - ignored for copy_id in held)]
    return all(each == sets[0] for each in sets)
