"""Make a new vault and its first copy, or attach this computer to one that exists."""

import contextlib
import os
from pathlib import Path

import blake3

from vaultd.copies import texts
from vaultd.copies.directory import DirectoryCopy
from vaultd.credentials import Credential, Passphrase
from vaultd.errors import NotAFolder, NoVault, Unreachable, VaultExists
from vaultd.format.keys import Keys, new_vault_id
from vaultd.jobs.keys import add_slot
from vaultd.jobs.opening import Session, begin_writing, unlock
from vaultd.settings import Home, Place, Settings, save
from vaultd.store.lock import writer_lock
from vaultd.store.state import State
from vaultd.store.vault import Vault


def refuse_second_vault(home: Home) -> None:
    """Raises VaultExists where this home has a vault already."""
    if home.config_file.exists():
        raise VaultExists(str(home.config_file))


def refuse_place(place: Path) -> None:
    """Raises VaultExists where a vault that was begun to be used stands at `place`, before anybody is
    asked anything.
    """
    try:
        copy = DirectoryCopy.open(place, None, "")
    except (NoVault, NotAFolder, Unreachable):
        return  # `create_vault` says what is wrong with the place itself
    with contextlib.closing(copy):
        if _is_used(copy):
            raise VaultExists(str(place))


def create_vault(
    home: Home, place: Path, master: bytes, passphrase: Passphrase, label: str, *, strong: bool = False
) -> None:
    """Make a vault with this master key, its first copy at `place`, and this home's settings.

    The settings are written last. An attempt that was cut off either left no record on the copy, and the
    next one takes the place over, or made a vault that `attach` opens with the passphrase or the recovery
    code. Raises VaultExists, NotEmpty, Busy, and what `put` raises.
    """
    refuse_second_vault(home)
    with writer_lock(home.lock_file), contextlib.closing(_new_copy(place, label)) as copy:
        keys = Keys.from_master(master, copy.vault_id)
        texts.refresh(copy)
        settings = Settings(keys.vault_id, (Place(label, str(place.absolute()), copy.copy_id),))
        with contextlib.closing(State(home.state_file, keys.vault_id)) as state:
            session = Session(home, settings, Vault(copy, keys, state))
            session.vault.sync()
            add_slot(session, passphrase, label, strong=strong, before_record=begin_writing)
            session.vault.journal.append("copy-added", _copy_added(copy))
        save(home, settings)


def _new_copy(place: Path, label: str) -> DirectoryCopy:
    try:
        return DirectoryCopy.create(place, new_vault_id(), os.urandom(16), label)
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
