"""Make a new vault and its first copy, or attach this computer to one that exists."""

import contextlib
import os

from vaultd.copies import locating, texts
from vaultd.copies.contract import Copy
from vaultd.copies.locating import Location
from vaultd.credentials import Credential, Passphrase
from vaultd.errors import InUse, NotAFolder, NoVault, SamePlace, Unreachable, VaultExists
from vaultd.format.keys import Keys, new_vault_id
from vaultd.jobs.beginning import begin_writing
from vaultd.jobs.enrolling import copy_added
from vaultd.jobs.keys import add_slot
from vaultd.jobs.parity import stands_in, with_parity
from vaultd.jobs.places import refuse_same_place, refuse_unwritable
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.session import Session
from vaultd.jobs.unlocking import unlock
from vaultd.progress import Silent
from vaultd.settings import Home, Place, Settings, save
from vaultd.store.lock import writer_lock
from vaultd.store.state import State
from vaultd.store.vault import Vault

SECOND = "second"


def refuse_second_vault(home: Home) -> None:
    """Raises InUse where this home has a vault already."""
    if home.config_file.exists():
        raise InUse(str(home.config_file))


def refuse_place(where: Location) -> None:
    """Raises VaultExists where a vault that was begun to be used stands at `where`, NotEmpty, NotAFolder,
    Full, ReadOnly, before anybody is asked anything; of a place that is elsewhere whatever says that it
    cannot be reached.
    """
    try:
        copy = locating.open_copy(where, None, "")
    except (NoVault, NotAFolder, Unreachable):
        locating.refuse_taken(where)
        refuse_unwritable(where)
        return
    with contextlib.closing(copy):
        if _is_used(copy):
            raise VaultExists(where.url)
    refuse_unwritable(where)


def refuse_second_place(first: Location, second: Location) -> None:
    """Raises SamePlace, Overlap (one lies in the other), and what `refuse_place` raises."""
    refuse_same_place(first, second)
    refuse_place(second)


def create_vault(
    home: Home,
    where: Location,
    master: bytes,
    passphrase: Passphrase,
    label: str,
    *,
    strong: bool = False,
    second: Location | None = None,
) -> Reached:
    """Make a vault with this master key, its first copy at `where`, and this home's settings; and a second
    copy, which may be behind when this returns.

    The settings are written when the first copy is complete. An attempt that was cut off either left no
    record on it, and the next one takes the places over, or made a vault that `attach` opens with the
    passphrase or the recovery code. Raises InUse, VaultExists, NotEmpty, SamePlace, Busy, and what `put`
    raises.
    """
    refuse_second_vault(home)
    with contextlib.ExitStack() as stack:
        stack.enter_context(writer_lock(home.lock_file))
        first = stack.enter_context(contextlib.closing(_new_copy(where, label, new_vault_id())))
        enrolled = [(first, where)]
        if second is not None:
            enrolled.append((stack.enter_context(contextlib.closing(_second_copy(second, first))), second))
        keys = Keys.from_master(master, first.vault_id)
        settings = Settings(keys.vault_id, tuple(_place(copy, place) for copy, place in enrolled))
        state = stack.enter_context(contextlib.closing(State(home.state_file, keys.vault_id)))
        session = Session(home, settings, Vault(first, keys, state))
        session.vault.sync()
        for copy, _ in enrolled:
            texts.refresh(copy)
        add_slot(session, passphrase, label, strong=strong, before_record=begin_writing)
        for copy, _ in enrolled:
            session.vault.journal.append("copy-added", copy_added(copy))
        save(home, settings)
        return protect(session, Silent(), _never)


def _never() -> None:
    """Nobody stops so few files."""


def _place(copy: Copy, where: Location) -> Place:
    return Place(copy.label, where.url, copy.copy_id, dict(where.options))


def _second_copy(where: Location, first: Copy) -> Copy:
    label = SECOND if first.label != SECOND else f"{SECOND}-2"
    copy = _new_copy(where, label, first.vault_id)
    try:
        if copy.copy_id == first.copy_id:  # by another path, such as a bind mount
            raise SamePlace(where.url)
        if copy.vault_id != first.vault_id:  # of an init that was cut off, and had other places
            raise VaultExists(where.url)
    except BaseException:
        copy.close()
        raise
    return copy


def _new_copy(where: Location, label: str, vault_id: bytes) -> Copy:
    try:
        return locating.create_copy(where, vault_id, os.urandom(16), label)
    except VaultExists:
        copy = locating.open_copy(where, None, label)
    try:
        if _is_used(copy):
            raise VaultExists(where.url)
        # An init that was cut off: nothing was ever sealed with the keys in these slots, and nobody must
        # try them.
        for slot in list(copy.list("keys/")):
            copy.quarantine(slot.name, whole=True)
    except BaseException:
        copy.close()
        raise
    return copy


def _is_used(copy: Copy) -> bool:
    return any(copy.list("log/")) or any(copy.list("packs/"))


def attach(
    home: Home, where: Location, credential: Credential, label: str, key: str | None = None
) -> Settings:
    """Make this home one of an existing vault. Nothing is written to the copy, which may be read-only; parity
    that it has is kept up from then on.

    Raises InUse, NoVault, NotAFolder, WrongKey, BadRecoveryCode, NoSuchKey, NoKeys, Damaged,
    Unreachable, BadUrl.
    """
    refuse_second_vault(home)
    with contextlib.closing(locating.open_copy(where, None, label)) as copy:
        keys = unlock(copy, credential, key)
        place = with_parity(_place(copy, where), on=stands_in(copy))
    settings = Settings(keys.vault_id, (place,))
    save(home, settings)
    return settings
