"""Open a key slot, or try a recovery code: from a credential to the keys of a vault."""

import contextlib
from dataclasses import dataclass, field

from vaultd.copies.contract import Copy
from vaultd.credentials import Credential, KeyFile, Passphrase, RecoveryCode
from vaultd.errors import Damaged, Missing, NoKeys, NoSuchKey, NoVault, Refused, VaultdError, WrongKey
from vaultd.format.box import BoxHead
from vaultd.format.keys import Keys
from vaultd.format.limits import HEAD, KIND_LOG, MAX_SLOTS
from vaultd.format.slot import KDF_ARGON2ID, KDF_KEY_FILE, open_slot, parse_key_file, parse_slot
from vaultd.format.words import parse_recovery_code


def unlock(copy: Copy, credential: Credential, key: str | None = None) -> Keys:
    """The vault's keys. Costs one Argon2 for each passphrase slot that is tried, and none for the other
    credentials.

    Raises WrongKey, NoSuchKey, NoKeys (no slot is whole), Damaged (the one that `key` names),
    BadRecoveryCode, NoVault (nothing there was ever sealed).
    """
    return unlock_with_slot(copy, credential, Tried(key))[0]


@dataclass(slots=True)
class Tried:
    """Names of the slots, of whichever copy, that were tried in vain: each is the same on every copy. `key`
    is the one to try, or None: all; `wrong` says what could not be read of the last copy.
    """

    key: str | None = None
    names: set[str] = field(default_factory=set)
    wrong: list[VaultdError] = field(default_factory=list)


def unlock_with_slot(copy: Copy, credential: Credential, tried: Tried) -> tuple[Keys, str]:
    """The same, and the name of the slot that it was (64 hex digits), empty for a recovery code. What was
    `tried` costs no more.
    """
    if isinstance(credential, RecoveryCode):
        return _by_recovery_code(copy, parse_recovery_code(credential.words)), ""
    kdf = KDF_KEY_FILE if isinstance(credential, KeyFile) else KDF_ARGON2ID
    for name, data in _slots(copy, kdf, tried):
        with contextlib.suppress(WrongKey):
            return _open(data, credential), name.removeprefix("keys/")
        tried.names.add(name)
    raise WrongKey(len(tried.wrong))


def _open(data: bytes, credential: Credential) -> Keys:
    if isinstance(credential, Passphrase):
        return open_slot(data, passphrase=credential.text)[0]
    assert isinstance(credential, KeyFile)  # a recovery code needs no slot
    return open_slot(data, key_file=parse_key_file(credential.content.decode("ascii", "replace")))[0]


def _slots(copy: Copy, kdf: int, tried: Tried) -> list[tuple[str, bytes]]:
    tried.wrong = []
    names = sorted(stored.name for stored in copy.list("keys/"))
    if not names and not any(copy.list("log/")):
        raise NoVault(copy.label)
    if tried.key is not None:
        names = [name for name in names if name.removeprefix("keys/").startswith(tried.key.lower())]
        if not names:
            raise NoSuchKey(tried.key)
    whole: list[tuple[int, str, bytes]] = []
    for name in names:
        try:
            data = copy.fetch(name)
            whole.append((parse_slot(data).kdf, name, data))
        except Refused as error:
            tried.wrong.append(Damaged(name, copy.label, error.reason))
        except (Damaged, Missing) as error:
            tried.wrong.append(error)
    if not whole:
        raise (
            tried.wrong[0] if tried.key is not None and tried.wrong else NoKeys(copy.label, len(tried.wrong))
        )
    found = [(name, data) for its_kdf, name, data in whole if its_kdf == kdf]
    return [slot for slot in found[:MAX_SLOTS] if slot[0] not in tried.names]


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
