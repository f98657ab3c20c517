"""Open a vault: find its copy, unlock it, learn what it holds, and for writers, take the device's lock
and place in the log.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vaultd.copies import locating
from vaultd.copies.contract import Copy
from vaultd.copies.directory import NO_DEVICE
from vaultd.copies.spooled import Spooled
from vaultd.credentials import Credential
from vaultd.errors import (
    CopyGone,
    Missing,
    NoSuchKey,
    NoVault,
    VaultdError,
    WrongKey,
)
from vaultd.format.keys import Keys
from vaultd.jobs.beginning import begin_writing
from vaultd.jobs.devices import remembered_devices
from vaultd.jobs.felt import count_as_unread, may_be_gone, refuse_lossy_by, removed_slots
from vaultd.jobs.places import location, refuse_read_only
from vaultd.jobs.session import Lacks, Session
from vaultd.jobs.spool import deliver, kept_here, note_waiting, with_spool
from vaultd.jobs.unlocking import Tried, unlock_with_slot
from vaultd.jobs.usable import NOT_NOW, first
from vaultd.settings import Home, Place, Settings, load
from vaultd.store.lock import writer_lock
from vaultd.store.logs import remembered_records
from vaultd.store.state import State
from vaultd.store.vault import Vault


def open_place(home: Home, place: Place) -> Copy:
    """One copy of the settings. Raises CopyGone, WrongPlace, NotAFolder, TooNew, Damaged, Unreachable."""
    device = next(iter(remembered_devices(home)), None)
    name = device.hex() if device else NO_DEVICE
    try:
        return locating.open_copy(location(place), place.copy_id, place.label, name)
    except NoVault as error:
        raise CopyGone(error.place, place.label) from error


def open_copy(home: Home, settings: Settings) -> Copy:
    """The first copy that can be opened. Raises NoVault, and what `open_place` raises."""
    return first(settings.copies, home, lambda place: open_place(home, place))[0]


@contextlib.contextmanager
def open_vault(
    home: Home,
    credential: Credential,
    key: str | None = None,
    *,
    writing: bool = False,
    away: bool = False,
    avoid: Mapping[bytes, VaultdError] = MappingProxyType({}),
) -> Iterator[Session]:
    """Open the vault of this home from the first copy that can be used and holds what this computer wrote
    last; where none does, from the first that can be used. It is let go of at the end.

    `key` names the one slot to try; `writing` asks for a copy that can be written. With `away`, where no copy
    can be used, it is opened from what is kept of one here, if that is enough. Copies to `avoid`, by their
    ids, are not used, for the reason that is given. Raises NoVault, CopyGone, WrongPlace, ReadOnly,
    Unreachable, WrongKey, NoSuchKey.
    """
    settings = load(home)
    devices = remembered_devices(home)
    tried = Tried(key)
    (vault, slot, delivered), passed_over = first(
        settings.copies,
        home,
        lambda place: _unlocked(home, settings, _unless(place, avoid), credential, tried, writing),
        lambda: _without_copies(home, settings, credential, tried) if away else None,
    )
    session = Session(home, settings, vault, devices, passed_over=passed_over, slot=slot, delivered=delivered)
    try:
        _refuse_removed(session)
        if devices and not vault.journal.agrees(devices[0]):
            _change_to_newest(session, writing)
        if passed_over or (devices and not session.vault.journal.agrees(devices[0])):
            session.lacks = _lacks(session)
        yield session
    finally:
        if session.also:
            session.also.let_go()
        session.vault.close()


def _unless(place: Place, avoid: Mapping[bytes, VaultdError]) -> Place:
    if place.copy_id in avoid:
        raise avoid[place.copy_id]
    return place


def _refuse_removed(session: Session) -> None:
    """Where the first copies have no slot for this credential, it was lost there, or was removed, and a copy
    that was away meanwhile has it still. Raises WrongKey for one that was removed.
    """
    for place, why in session.passed_over:
        if isinstance(why, WrongKey | NoSuchKey):
            with contextlib.suppress(*NOT_NOW), open_other(session, place) as vault:
                if f"keys/{session.slot}" in removed_slots(vault.journal):
                    raise why


def _change_to_newest(session: Session, writing: bool) -> None:
    """Use a copy that has this device's last record, if one can be used: what was written there while the
    first one was away comes to the first one from there.
    """
    away = [place for place, _ in session.passed_over]
    for place in session.others:
        if place in away:
            continue
        with contextlib.suppress(*NOT_NOW):
            if writing:
                refuse_read_only(place)
            other = _opened(session, place)
            if other.journal.agrees(session.device):
                if writing:
                    session.delivered = _made_ready(session.home, session.settings, other)
                session.vault.close()
                session.vault = other
                return
            other.close()


def _lacks(session: Session) -> Lacks:
    known: dict[bytes, str] = {}
    for place in session.others:
        file = _state_file(session.home, session.settings, place.copy_id)
        if file.exists():
            with contextlib.closing(State(file, session.vault.keys.vault_id)) as state:
                known |= {identity: record.kind for identity, record in remembered_records(state).items()}
    kinds = [kind for identity, kind in known.items() if identity not in session.vault.journal.records]
    return Lacks(len(kinds), kinds.count("snapshot"))


def _unlocked(
    home: Home, settings: Settings, place: Place, credential: Credential, tried: Tried, writing: bool
) -> tuple[Vault, str, int]:
    if writing:
        refuse_read_only(place)
    copy = _with_what_waits(home, place)
    with _closed_on_failure(copy):
        try:
            keys, slot = unlock_with_slot(copy, credential, tried)
        finally:
            count_as_unread(home, copy.copy_id, tried.wrong)
        vault = _synced(home, settings, copy, keys)
    return vault, slot, _made_ready(home, settings, vault) if writing else 0


def _made_ready(home: Home, settings: Settings, vault: Vault) -> int:
    """For writing: refuse a copy that lost much, and bring to it what waits for it here. How many files that
    was; where it fails the vault is closed.
    """
    with _closed_on_failure(vault):
        # The only copy there is is written whatever it lost: what is saved again is in it again.
        if len(settings.copies) > 1:
            refuse_lossy_by(home, vault.copy, may_be_gone(vault.journal))
        if isinstance(vault.copy, Spooled):
            delivered = deliver(home, vault.copy, lambda: None)
            note_waiting(vault.copy, vault.state)
            # Nothing else has it: what lies in it is stored anew while its source still has that.
            vault.index.suspect([error.name for error in delivered.damage], ())
            return len(delivered.names)
    return 0


def _with_what_waits(home: Home, place: Place) -> Copy:
    copy = open_place(home, place)
    with _closed_on_failure(copy):
        return with_spool(home, place, copy)


@contextlib.contextmanager
def _closed_on_failure(opened: Copy | Vault) -> Iterator[None]:
    try:
        yield
    except BaseException:
        opened.close()
        raise


def _without_copies(
    home: Home, settings: Settings, credential: Credential, tried: Tried
) -> tuple[Vault, str, int] | None:
    """From what is kept here of a copy that holds what this computer wrote last, as far as is known."""
    devices = remembered_devices(home)
    for place in settings.copies if devices else ():
        with contextlib.suppress(*NOT_NOW, NoSuchKey, WrongKey):
            vault, slot = _from_kept(home, settings, place, credential, tried)
            if vault.journal.agrees(devices[0]):
                return vault, slot, 0
            vault.close()
    return None


def _from_kept(
    home: Home, settings: Settings, place: Place, credential: Credential, tried: Tried
) -> tuple[Vault, str]:
    with contextlib.closing(State(_state_file(home, settings, place.copy_id), settings.vault_id)) as state:
        copy = kept_here(home, settings, place, state)
    with _closed_on_failure(copy):
        keys, slot = unlock_with_slot(copy, credential, tried)
        return _synced(home, settings, copy, keys, away=True), slot


def _synced(home: Home, settings: Settings, copy: Copy, keys: Keys, *, away: bool = False) -> Vault:
    """The vault as this copy holds it, each copy with a state of its own."""
    file = _state_file(home, settings, copy.copy_id)
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(contextlib.closing(State(file, keys.vault_id)))
        own = state
        if file != home.state_file:
            own = stack.enter_context(contextlib.closing(State(home.state_file, keys.vault_id)))
        vault = Vault(copy, keys, state, own, away=away)
        vault.sync()
        stack.pop_all()
    count_as_unread(home, copy.copy_id, vault.troubles)
    return vault


def _state_file(home: Home, settings: Settings, copy_id: bytes) -> Path:
    is_first = copy_id == settings.copies[0].copy_id
    return home.state_file if is_first else home.state_file_of(copy_id)


@contextlib.contextmanager
def open_other(session: Session, place: Place) -> Iterator[Vault]:
    """The same vault as another of its copies holds it. Raises what `open_place` raises, and Unreachable."""
    with contextlib.closing(_opened(session, place)) as vault:
        yield vault


def _opened(session: Session, place: Place) -> Vault:
    copy = _with_what_waits(session.home, place)
    with _closed_on_failure(copy):
        return _synced(session.home, session.settings, copy, session.vault.keys)


def open_another(session: Session, settings: Settings) -> Vault:
    """The vault of a session that writes, from the first copy of `settings` that can be used and holds what
    this computer wrote last. Raises what is wrong with the first of them where none does.
    """

    def opener(place: Place) -> Vault:
        refuse_read_only(place)
        vault = _opened(replace(session, settings=settings), place)
        if not vault.journal.agrees(session.device):
            vault.close()
            raise Missing(f"log/{session.device.hex()}", place.label)
        _made_ready(session.home, settings, vault)
        return vault

    return first(settings.copies, session.home, opener)[0]


@contextlib.contextmanager
def open_for_writing(
    home: Home,
    credential: Credential,
    key: str | None = None,
    *,
    away: bool = False,
    avoid: Mapping[bytes, VaultdError] = MappingProxyType({}),
) -> Iterator[Session]:
    """The same with the device's writer lock held, and a place in the log. Raises Busy at once where it
    is taken.
    """
    load(home)
    opened = open_vault(home, credential, key, writing=True, away=away, avoid=avoid)
    with writer_lock(home.lock_file), opened as session:
        begin_writing(session)
        yield session
