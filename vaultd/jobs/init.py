"""Make a new vault and its first copy, or attach this computer to one that exists."""

import contextlib
import os
from pathlib import Path

import blake3

from vaultd.copies import texts
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.place import refuse_taken
from vaultd.credentials import Credential, Passphrase
from vaultd.errors import NotAFolder, NoVault, Overlap, SamePlace, Unreachable, VaultExists
from vaultd.format.keys import Keys, new_vault_id
from vaultd.jobs.keys import add_slot
from vaultd.jobs.opening import Session, begin_writing
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.unlocking import unlock
from vaultd.progress import Silent
from vaultd.settings import Home, Place, Settings, save
from vaultd.store.lock import writer_lock
from vaultd.store.state import State
from vaultd.store.vault import Vault

SECOND = "second"


def refuse_second_vault(home: Home) -> None:
    """Raises VaultExists where this home has a vault already."""
    if home.config_file.exists():
        raise VaultExists(str(home.config_file))


def refuse_place(place: Path) -> None:
    """Raises VaultExists where a vault that was begun to be used stands at `place`, NotEmpty, NotAFolder,
    before anybody is asked anything.
    """
    try:
        copy = DirectoryCopy.open(place, None, "")
    except (NoVault, NotAFolder, Unreachable):
        refuse_taken(place)
        return
    with contextlib.closing(copy):
        if _is_used(copy):
            raise VaultExists(str(place))


def refuse_second_place(first: Path, second: Path) -> None:
    """Raises SamePlace, Overlap (one lies in the other), and what `refuse_place` raises."""
    one, other = first.resolve(), second.resolve()
    if one == other:
        raise SamePlace(str(second))
    if one in other.parents or other in one.parents:
        raise Overlap(os.fsencode(second), os.fsencode(first))
    refuse_place(second)


def create_vault(
    home: Home,
    place: Path,
    master: bytes,
    passphrase: Passphrase,
    label: str,
    *,
    strong: bool = False,
    second: Path | None = None,
) -> Reached:
    """Make a vault with this master key, its first copy at `place`, and this home's settings; and a second
    copy, which may be behind when this returns.

    The settings are written when the first copy is complete. An attempt that was cut off either left no
    record on it, and the next one takes the places over, or made a vault that `attach` opens with the
    passphrase or the recovery code. Raises VaultExists, NotEmpty, SamePlace, Busy, and what `put` raises.
    """
    refuse_second_vault(home)
    with contextlib.ExitStack() as stack:
        stack.enter_context(writer_lock(home.lock_file))
        first = stack.enter_context(contextlib.closing(_new_copy(place, label, new_vault_id())))
        enrolled = [(first, place)]
        if second is not None:
            enrolled.append((stack.enter_context(contextlib.closing(_second_copy(second, first))), second))
        keys = Keys.from_master(master, first.vault_id)
        places = tuple(Place(copy.label, str(path.absolute()), copy.copy_id) for copy, path in enrolled)
        settings = Settings(keys.vault_id, places)
        state = stack.enter_context(contextlib.closing(State(home.state_file, keys.vault_id)))
        session = Session(home, settings, Vault(first, keys, state))
        session.vault.sync()
        for copy, _ in enrolled:
            texts.refresh(copy)
        add_slot(session, passphrase, label, strong=strong, before_record=begin_writing)
        for copy, _ in enrolled:
            session.vault.journal.append("copy-added", _copy_added(copy))
        save(home, settings)
        return protect(session, Silent(), _never)


def _never() -> None:
    """Nobody stops so few files."""


def _second_copy(place: Path, first: DirectoryCopy) -> DirectoryCopy:
    label = SECOND if first.label != SECOND else f"{SECOND}-2"
    copy = _new_copy(place, label, first.vault_id)
    try:
        if copy.copy_id == first.copy_id:  # by another path, such as a bind mount
            raise SamePlace(str(place))
        if copy.vault_id != first.vault_id:  # of an init that was cut off, and had other places
            raise VaultExists(str(place))
    except BaseException:
        copy.close()
        raise
    return copy


def _new_copy(place: Path, label: str, vault_id: bytes) -> DirectoryCopy:
    try:
        return DirectoryCopy.create(place, vault_id, os.urandom(16), label)
    except VaultExists:
        copy = DirectoryCopy.open(place, None, label)
    try:
        if _is_used(copy):
            raise VaultExists(str(place))
        # An init that was cut off: nothing was ever sealed with the keys in these slots, and nobody must
        # try them.
        for slot in list(copy.list("keys/")):
            copy.quarantine(slot.name, whole=True)
    except BaseException:
        copy.close()
        raise
    return copy


def _is_used(copy: DirectoryCopy) -> bool:
    return any(copy.list("log/")) or any(copy.list("packs/"))


def _copy_added(copy: DirectoryCopy) -> dict[str, object]:
    identity = blake3.blake3(copy.get("vault.id")).digest()
    return {"copy": copy.copy_id, "label": copy.label, "vault_id": identity}


def attach(home: Home, place: Path, credential: Credential, label: str, key: str | None = None) -> Settings:
    """Make this home one of an existing vault. Nothing is written to the copy, which may be read-only.

    Raises VaultExists, NoVault, NotAFolder, WrongKey, BadRecoveryCode, NoSuchKey, Unreachable.
    """
    refuse_second_vault(home)
    with contextlib.closing(DirectoryCopy.open(place, None, label)) as copy:
        keys = unlock(copy, credential, key)
        settings = Settings(keys.vault_id, (Place(label, str(place.absolute()), copy.copy_id),))
    save(home, settings)
    return settings
