"""Open a key slot, or try a recovery code: from a credential to the keys of a vault."""

import contextlib

from vaultd.copies.contract import Copy
from vaultd.credentials import Credential, KeyFile, Passphrase, RecoveryCode
from vaultd.errors import Damaged, Missing, NoSuchKey, NoVault, Refused, VaultdError, WrongKey
from vaultd.format.box import BoxHead
from vaultd.format.keys import Keys
from vaultd.format.limits import HEAD, KIND_LOG, MAX_SLOTS
from vaultd.format.slot import KDF_ARGON2ID, KDF_KEY_FILE, open_slot, parse_key_file, parse_slot
from vaultd.format.words import parse_recovery_code


def unlock(copy: Copy, credential: Credential, key: str | None = None) -> Keys:
    """The vault's keys. Costs one Argon2 for each passphrase slot that is tried, and none for the other
    credentials.

    Raises WrongKey, NoSuchKey, BadRecoveryCode, NoVault (no slots, and no box to try a recovery code on).
    """
    return unlock_with_slot(copy, credential, key)[0]


def unlock_with_slot(copy: Copy, credential: Credential, key: str | None = None) -> tuple[Keys, str]:
    """The same, and the name of the slot that it was (64 hex digits), empty for a recovery code."""
    if isinstance(credential, RecoveryCode):
        return _by_recovery_code(copy, parse_recovery_code(credential.words)), ""
    slots = _slots(copy, KDF_KEY_FILE if isinstance(credential, KeyFile) else KDF_ARGON2ID, key)
    for name, data in slots:
        with contextlib.suppress(WrongKey):
            return _open(data, credential), name.removeprefix("keys/")
    raise WrongKey


def _open(data: bytes, credential: Credential) -> Keys:
    if isinstance(credential, Passphrase):
        return open_slot(data, passphrase=credential.text)[0]
    assert isinstance(credential, KeyFile)  # a recovery code needs no slot
    return open_slot(data, key_file=parse_key_file(credential.content.decode("ascii", "replace")))[0]


def _slots(copy: Copy, kdf: int, key: str | None) -> list[tuple[str, bytes]]:
    names = sorted(stored.name for stored in copy.list("keys/"))
    if not names:
        raise NoVault(copy.label)
    if key is not None:
        names = [name for name in names if name.removeprefix("keys/").startswith(key.lower())]
        if not names:
            raise NoSuchKey(key)
    found: list[tuple[str, bytes]] = []
    failure: VaultdError | None = None
    for name in names:
        try:
            data = copy.fetch(name)
            if parse_slot(data).kdf == kdf:
                found.append((name, data))
        except Refused as error:
            failure = Damaged(name, copy.label, error.reason)
        except (Damaged, Missing) as error:
            failure = error
    if not found and failure is not None:
        raise failure
    return found[:MAX_SLOTS]


def _by_recovery_code(copy: Copy, master: bytes) -> Keys:
    """The code needs no slot: it is tried on a box of the log, whose head also tells the vault's id."""
    failure: VaultdError = NoVault(copy.label)
    for stored in copy.list("log/"):
        try:
            head = copy.get(stored.name, 0, HEAD)
            keys = Keys.from_master(master, head[16:32])
            BoxHead.parse(head, keys, KIND_LOG)
        except Refused as error:
            failure = (
                WrongKey() if error.reason == "commit" else Damaged(stored.name, copy.label, error.reason)
            )
        except Missing as error:
            failure = error
        else:
            return keys
    raise failure
