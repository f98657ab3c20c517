"""What a computer keeps of a copy to capture without it, and what waits here to be brought to it.

The pages of folders are all that a snapshot reads of what is saved already; they are kept beside the state,
sealed, as the copy has them. Where no copy can be reached, what is new is written to the spool, and a writer
that reaches the copy again brings it there before anything else.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import blake3

from vaultd import ids
from vaultd.copies.contract import Copy, is_right, put_and_read_back
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.spooled import Spooled
from vaultd.errors import NoVault, Unreachable
from vaultd.jobs.felt import digest_of, removed_slots
from vaultd.jobs.scrub import note
from vaultd.jobs.session import Session
from vaultd.progress import Silent
from vaultd.settings import Home, Place, Settings
from vaultd.store.ledger import Ledger
from vaultd.store.state import State, StateLost

if TYPE_CHECKING:
    from vaultd.jobs.sync import CaughtUp

_GIB = 1 << 30
# Pages are about a hundredth of what they tell of.
_PAGES_MOST = 2 * _GIB


def with_spool(home: Home, place: Place, copy: Copy) -> Copy:
    """The copy, and what waits for it on this computer, if anything does."""
    spool = _opened(home.spool_of(place.copy_id), place)
    if spool is None:
        return copy
    spooled = Spooled(place.label, place.copy_id, spool, there=copy)
    if spooled.waiting():
        return spooled
    spool.close()
    return copy


def deliver(home: Home, spooled: Spooled, stop: Callable[[], None]) -> "CaughtUp":
    """Bring what waits to its copy, which is there, and let go of it here once it was read back from there.
    What stops it, the next one goes on from. Raises what `catch_up` raises, and Unreachable.
    """
    from vaultd.jobs.sync import catch_up  # with its threads; whoever only looks needs none

    copy = spooled.there
    if copy is None:
        raise Unreachable(spooled.label, "away")
    done = catch_up(spooled.spool, copy, Silent(), stop)
    with contextlib.closing(Ledger(home.ledger_file)) as ledger:
        note(ledger, copy.copy_id, done.names)
    proven, there = set(done.names), {file.name for file in copy.list()}
    for file in spooled.waiting():
        if file.name in there:
            if file.name not in proven and not is_right(copy, file.name):
                put_and_read_back(copy, file.name, spooled.spool.fetch(file.name))
            spooled.brought(file.name)
    return done


def waiting_for(home: Home, place: Place) -> int:
    """How many files are on this computer only, until that copy can be reached."""
    spool = _opened(home.spool_of(place.copy_id), place)
    if spool is None:
        return 0
    with contextlib.closing(spool):
        return sum(1 for _ in spool.list())


def kept_here(home: Home, settings: Settings, place: Place, state: State) -> Spooled:
    """The copy as this computer last saw it, to capture without it. Raises Unreachable where nothing is kept
    of it, or nothing may wait.
    """
    kept = _opened(home.pages_of(place.copy_id), place)
    if kept is None or not settings.spool_gib:
        raise Unreachable(place.label, "away")
    spool = _made(home.spool_of(place.copy_id), kept.vault_id, place)
    try:
        known = _last_seen(state)
    except StateLost:
        raise Unreachable(place.label, "away") from None
    most = settings.spool_gib * _GIB
    return Spooled(place.label, place.copy_id, spool, kept=kept, known=known, most=most)


def _last_seen(state: State) -> dict[str, int]:
    """Names and lengths of what the copy held. What waited here was never on it: if somebody has taken it
    away, it is nowhere.
    """
    waited = state.spooled()
    known = {ids.pack_name(digest): size for digest, size in state.packs().items() if digest not in waited}
    return known | {name: len(records) for name, (records, _) in state.logs().items()}


def note_waiting(copy: Spooled, state: State) -> None:
    """Remember which packs wait on this computer, so that it is known if they are gone."""
    packs = [file.name for file in copy.waiting() if file.name.startswith("packs/")]
    state.put_spooled(map(digest_of, packs))


def keep_pages(session: Session) -> None:
    """Keep the keys and the pages of the copy in use here, for when it is away. Raises what reading and
    writing raise: then less is kept.
    """
    vault, place = session.vault, session.place
    if isinstance(vault.copy, Spooled):
        note_waiting(vault.copy, vault.state)
    if not session.settings.spool_gib or session.away:
        return
    folder = session.home.pages_of(place.copy_id)
    with contextlib.closing(_made(folder, vault.keys.vault_id, place)) as kept:
        _keep_keys(kept, vault.copy, removed_slots(vault.journal))
        packs, mark = vault.state.packs_of_trees()
        here = {file.name: file.size for file in kept.list("packs/")} if packs else {}
        used = sum(here.values())
        for digest, size in packs.items():
            name = ids.pack_name(digest)
            if name not in here and used + size <= _PAGES_MOST:
                kept.put(name, vault.copy.fetch(name))
                used += size
        vault.state.mark_trees(mark)


def captured(session: Session) -> frozenset[bytes]:
    """Ids of the snapshots that are on this computer only."""
    copy = session.vault.copy
    if not isinstance(copy, Spooled):
        return frozenset()
    numbers = {(file.device, file.seq) for each in copy.waiting() if (file := ids.parse(each.name))}
    snapshots = session.vault.journal.of_kind("snapshot")
    return frozenset(identity for identity, record in snapshots if (record.device, record.seq) in numbers)


def _keep_keys(kept: Copy, copy: Copy, removed: frozenset[str]) -> None:
    here = {file.name for file in kept.list("keys/")}
    there = {file.name for file in copy.list("keys/")} - removed
    for name in there - here:
        kept.put(name, copy.fetch(name))
    for name in here & removed:
        kept.remove(name)


def _opened(folder: Path, place: Place) -> DirectoryCopy | None:
    if not folder.is_dir():
        return None
    with contextlib.suppress(NoVault):
        return DirectoryCopy.open(folder, _own_id(folder, place), place.label)
    return None


def _made(folder: Path, vault_id: bytes, place: Place) -> DirectoryCopy:
    found = _opened(folder, place)
    return found or DirectoryCopy.create(folder, vault_id, _own_id(folder, place), place.label)


def _own_id(folder: Path, place: Place) -> bytes:
    """A folder here is not the copy itself, and never taken for it."""
    return blake3.blake3(folder.name[:5].encode() + place.copy_id).digest(16)
