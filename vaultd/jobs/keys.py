"""Key slots: the ways in. A slot that was written is opened again before anything relies on it."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import blake3

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.credentials import KeyFile, Passphrase
from vaultd.errors import Ambiguous, BadUsage, Damaged, LastKey, Missing, NoSuchKey, Refused, WrongKey
from vaultd.format.record import KeyAddedBody
from vaultd.format.slot import (
    KDF_ARGON2ID,
    format_key_file,
    open_slot,
    parse_key_file,
    parse_slot,
    seal_slot,
)
from vaultd.jobs import ownkey
from vaultd.jobs.felt import removed_slots
from vaultd.jobs.session import Session

SHORT = 8


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """A slot as it stands on the copy: `slot` 64 hex digits; `kdf` 1 passphrase, 2 key file; `label` and
    `added_ns` as the journal tells; `opened` that the vault was opened with it just now.
    """

    slot: str
    kdf: int
    m_kib: int
    label: str
    added_ns: int | None
    opened: bool

    @property
    def id(self) -> str:
        """As much of `slot` as people see and type."""
        return self.slot[:SHORT]


def list_slots(session: Session) -> list[SlotInfo]:
    """The slots that can be read. Damaged ones are `check`'s to tell."""
    added = {record.body["slot"]: record for _, record in session.vault.journal.of_kind("key-added")}
    found = []
    for name, data in _read_slots(session.vault.copy):
        slot = parse_slot(data)
        record = added.get(bytes.fromhex(name))
        label = KeyAddedBody.from_map(record.body).label if record else ""
        at, opened = record.time if record else None, name == session.slot
        found.append(SlotInfo(name, slot.kdf, slot.m_kib, label, at, opened))
    return found


def _read_slots(copy: Copy) -> list[tuple[str, bytes]]:
    slots = []
    for stored in sorted(copy.list("keys/"), key=lambda stored: stored.name):
        try:
            data = copy.fetch(stored.name)
            parse_slot(data)
        except (Damaged, Missing, Refused):
            continue
        slots.append((stored.name.removeprefix("keys/"), data))
    return slots


def add_slot(
    session: Session,
    credential: Passphrase | KeyFile,
    label: str,
    *,
    strong: bool = False,
    before_record: Callable[[Session], None] = lambda _: None,
) -> str:
    """Add a way in, and return the slot's id (64 hex digits). The slot is read back and opened before it
    is recorded.
    """
    data = seal_slot(
        session.vault.keys,
        passphrase=credential.text if isinstance(credential, Passphrase) else None,
        key_file=parse_key_file(credential.content.decode("ascii", "replace"))
        if isinstance(credential, KeyFile)
        else None,
        label=label,
        created_ns=time.time_ns(),
        strong=strong,
    )
    digest = blake3.blake3(data).digest()
    session.vault.copy.put(ids.key_name(digest), data)
    session.vault.copy.read_back(ids.key_name(digest))
    _opens(session.vault.copy.fetch(ids.key_name(digest)), credential)
    before_record(session)
    session.vault.journal.append("key-added", {"kdf": parse_slot(data).kdf, "label": label, "slot": digest})
    return digest.hex()


def _opens(data: bytes, credential: Passphrase | KeyFile) -> None:
    if isinstance(credential, Passphrase):
        open_slot(data, passphrase=credential.text)
    else:
        open_slot(data, key_file=parse_key_file(credential.content.decode("ascii", "replace")))


def remove_slot(session: Session, key: str) -> str:
    """Remove the slot whose id starts so, damaged or not, where another one can be read on the copy; return
    its id.

    The record comes first: a slot that is gone without one would look like damage. Raises NoSuchKey,
    Ambiguous, LastKey.
    """
    slots = dict(_read_slots(session.vault.copy))
    names = sorted(stored.name.removeprefix("keys/") for stored in session.vault.copy.list("keys/"))
    chosen = [name for name in names if name.startswith(key.lower())]
    if not chosen:
        raise NoSuchKey(key)
    if len(chosen) > 1:
        raise Ambiguous(key, tuple(name[:SHORT] for name in chosen))
    digest = bytes.fromhex(chosen[0])
    others = [name for name in slots if name != chosen[0] and not _is_removed(session, bytes.fromhex(name))]
    if not others:
        raise LastKey(chosen[0][:SHORT])
    session.vault.copy.read_back(ids.key_name(bytes.fromhex(others[0])))
    answers = [
        identity
        for identity, record in session.vault.journal.of_kind("key-added")
        if record.body["slot"] == digest
    ]
    session.vault.journal.append("key-removed", {"answers": answers, "slot": digest})
    session.vault.copy.remove(ids.key_name(digest))
    _forget_device_key(session, slots.get(chosen[0], b""))
    return chosen[0]


def _forget_device_key(session: Session, slot: bytes) -> None:
    """The key that `key unlock` left on this computer goes with its slot."""
    credential = ownkey.own_key(session.home)
    if credential is not None:
        with contextlib.suppress(WrongKey, Refused):
            _opens(slot, credential)
            ownkey.drop(session.home)


def drop_removed_slots(session: Session, copy: Copy) -> None:
    """Take the slots that records say are removed off another copy, which holds those records already and
    keeps a slot that was read back.
    """
    removed = removed_slots(session.vault.journal) & {file.name for file in copy.list("keys/")}
    if not removed:
        return
    kept = sorted({f"keys/{name}" for name, _ in _read_slots(copy)} - removed)
    if not kept:
        return
    copy.read_back(kept[0])
    for name in removed:
        copy.remove(name)


def _is_removed(session: Session, digest: bytes) -> bool:
    return any(record.body["slot"] == digest for _, record in session.vault.journal.of_kind("key-removed"))


def passphrase_to_change(session: Session, key: str | None = None) -> SlotInfo:
    """The slot whose passphrase is meant: of this id, else the one that opened the vault, else the only one.

    Raises NoSuchKey, Ambiguous (more than one id begins so), BadUsage (it must be said which, or is none).
    """
    slots = list_slots(session)
    if key is not None:
        return _passphrase_of_id(slots, key)
    found = [slot for slot in slots if slot.kdf == KDF_ARGON2ID]
    chosen = [slot for slot in found if slot.opened] or found
    if len(chosen) != 1:
        raise BadUsage("which-passphrase", ", ".join(slot.id for slot in found) or "-")
    return chosen[0]


def _passphrase_of_id(slots: list[SlotInfo], key: str) -> SlotInfo:
    found = [slot for slot in slots if slot.slot.startswith(key.lower())]
    if not found:
        raise NoSuchKey(key)
    if len(found) > 1:
        raise Ambiguous(key, tuple(slot.id for slot in found))
    if found[0].kdf != KDF_ARGON2ID:
        raise BadUsage("not-a-passphrase", found[0].id)
    return found[0]


def change_passphrase(
    session: Session, old: SlotInfo, new: Passphrase, label: str = "", *, strong: bool = False
) -> str:
    """A new slot, opened once, and only then the old one's removal. Without a label the old one stays."""
    added = add_slot(session, new, label or old.label, strong=strong)
    remove_slot(session, old.slot)
    return added


def unlock_computer(session: Session, label: str, *, keyring: bool = False) -> str:
    """Leave a key on this computer, in a file or in the keyring, so that it opens the vault without asking;
    return the slot's id.

    Whoever can read the file can open the vault. `remove_slot` undoes it. Raises NeedsExtra, KeyringRefused
    before anything is changed, and what `add_slot` raises.
    """
    text = format_key_file(os.urandom(32))
    if keyring:
        ownkey.put_in_keyring(session.home, text)
    added = add_slot(session, KeyFile(text.encode()), label)
    if keyring:
        ownkey.use_keyring(session.home)
    else:
        ownkey.leave_in_file(session.home, text)
    return added
