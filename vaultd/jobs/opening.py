"""Open a vault: find its copy, unlock it, learn what it holds, and for writers, take the device's lock
and place in the log.
"""

import contextlib
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vaultd.copies.contract import Copy
from vaultd.copies.directory import NO_DEVICE, DirectoryCopy
from vaultd.credentials import Credential, KeyFile, Passphrase, RecoveryCode
from vaultd.errors import (
    CopyGone,
    Damaged,
    Headless,
    Missing,
    NoSuchKey,
    NotAFolder,
    NoVault,
    Refused,
    Unreachable,
    VaultdError,
    WrongKey,
    WrongPlace,
)
from vaultd.format.box import BoxHead
from vaultd.format.keys import Keys
from vaultd.format.limits import HEAD, KIND_LOG
from vaultd.format.slot import KDF_ARGON2ID, KDF_KEY_FILE, open_slot, parse_key_file, parse_slot
from vaultd.format.words import parse_recovery_code
from vaultd.settings import Home, Place, Settings, load, write_whole
from vaultd.store.lock import writer_lock
from vaultd.store.state import State
from vaultd.store.vault import Vault

# A vault with more slots than this is not one of ours; each wrong one costs an Argon2.
MAX_SLOTS = 16
Opened = TypeVar("Opened")


@dataclass(slots=True)
class Session:
    """An open vault and where this computer keeps its own files.

    `device` is the id under which this computer wrote last, or writes now; `replaced` the one that it has
    just given up. `passed_over` are copies that stand before the one in use and cannot be used now.
    """

    home: Home
    settings: Settings
    vault: Vault
    device: bytes = b""
    replaced: bytes | None = None
    passed_over: tuple[tuple[Place, VaultdError], ...] = ()

    @property
    def others(self) -> tuple[Place, ...]:
        """The copies of the settings but for the one in use."""
        return tuple(place for place in self.settings.copies if place.copy_id != self.vault.copy.copy_id)


def copy_path(place: Place) -> Path:
    """The folder of a copy's URL."""
    return Path(place.url.removeprefix("file://"))


def identity_path(place: Place) -> Path:
    """The file that a copy is known by: what stands on the disk, and not on the mount point without it."""
    return copy_path(place) / "vault.id"


def open_place(home: Home, place: Place) -> Copy:
    """One copy of the settings. Raises CopyGone, WrongPlace, NotAFolder, TooNew, Damaged, Unreachable."""
    device = (_remembered_device(home) or b"").hex() or NO_DEVICE
    try:
        return DirectoryCopy.open(copy_path(place), place.copy_id, place.label, device)
    except NoVault as error:
        raise CopyGone(error.place, place.label) from error


def open_copy(home: Home, settings: Settings) -> Copy:
    """The first copy of the settings that can be opened. Raises NoVault, and what `open_place` raises."""
    return _first(settings.copies, home, lambda place: open_place(home, place))[0]


def _first(
    places: Sequence[Place], home: Home, opener: Callable[[Place], Opened]
) -> tuple[Opened, tuple[tuple[Place, VaultdError], ...]]:
    """What `opener` made of the first place that can be used, and the places before it. Raises what it
    raised for the first of all where none can be.
    """
    passed_over: list[tuple[Place, VaultdError]] = []
    for place in places:
        try:
            return opener(place), tuple(passed_over)
        except (CopyGone, NoVault, WrongPlace, NotAFolder, Unreachable, Damaged, Missing) as error:
            passed_over.append((place, error))
    raise passed_over[0][1] if passed_over else NoVault(str(home.config))


def seems_a_vault(path: Path) -> None:
    """Look before anybody is asked for a secret.

    Raises NoVault, Headless, NotAFolder, TooNew, Damaged, Unreachable.
    """
    try:
        DirectoryCopy.open(path, None, "").close()
    except NoVault:
        if (path / "packs").is_dir() and (path / "log").is_dir():
            raise Headless(str(path)) from None
        raise


def device_credential(home: Home) -> KeyFile | None:
    """The key that `key unlock` left on this computer, if it did."""
    try:
        return KeyFile(home.device_key_file.read_bytes())
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def open_vault(
    home: Home, credential: Credential, key: str | None = None, *, writing: bool = False
) -> Iterator[Session]:
    """Open the vault of this home, from the first copy that can be read; for `writing` from the first
    copy alone, which others follow. It is let go of at the end.

    `key` names the one slot to try. Raises NoVault, CopyGone, WrongPlace, Unreachable, WrongKey, NoSuchKey.
    """
    settings = load(home)
    places = settings.copies[:1] if writing else settings.copies
    vault, passed_over = _first(places, home, lambda place: _unlocked(home, settings, place, credential, key))
    with contextlib.closing(vault):
        device = _remembered_device(home) or b""
        yield Session(home, settings, vault, device, passed_over=passed_over)


def _unlocked(home: Home, settings: Settings, place: Place, credential: Credential, key: str | None) -> Vault:
    copy = open_place(home, place)
    try:
        return _synced(home, settings, copy, unlock(copy, credential, key))
    except BaseException:
        copy.close()
        raise


def _synced(home: Home, settings: Settings, copy: Copy, keys: Keys) -> Vault:
    """The vault as this copy holds it, each copy with a state of its own."""
    is_first = copy.copy_id == settings.copies[0].copy_id
    state = State(home.state_file if is_first else home.state_file_of(copy.copy_id), keys.vault_id)
    vault = Vault(copy, keys, state)
    try:
        vault.sync()
    except BaseException:
        state.close()
        raise
    return vault


@contextlib.contextmanager
def open_other(session: Session, place: Place) -> Iterator[Vault]:
    """The same vault as another of its copies holds it. Raises what `open_place` raises, and Unreachable."""
    with contextlib.closing(open_place(session.home, place)) as copy:
        vault = _synced(session.home, session.settings, copy, session.vault.keys)
        with contextlib.closing(vault):
            yield vault


@contextlib.contextmanager
def open_for_writing(home: Home, credential: Credential, key: str | None = None) -> Iterator[Session]:
    """The same with the device's writer lock held, and a place in the log. Raises Busy at once where it
    is taken.
    """
    load(home)
    with writer_lock(home.lock_file), open_vault(home, credential, key, writing=True) as session:
        begin_writing(session)
        yield session


def begin_writing(session: Session) -> None:
    """Take this device's place in the log: its own, or a new one that says which it replaces."""
    journal, home = session.vault.journal, session.home
    remembered = _remembered_device(home)
    session.device, session.replaced = journal.device(remembered)
    session.vault.copy.sweep((remembered or session.device).hex())
    journal.begin(session.device)
    if session.device != remembered:
        journal.append("device", {"name": platform.node(), "replaces": session.replaced})
        write_whole(_device_file(home), session.device.hex().encode() + b"\n")


def _device_file(home: Home) -> Path:
    return home.state / "device"


def _remembered_device(home: Home) -> bytes | None:
    try:
        device = bytes.fromhex(_device_file(home).read_text().strip())
    except (FileNotFoundError, ValueError):
        return None
    return device if len(device) == 8 else None


# Unlocking.


def unlock(copy: Copy, credential: Credential, key: str | None = None) -> Keys:
    """The vault's keys. Costs one Argon2 for each passphrase slot that is tried, and none for the other
    credentials.

    Raises WrongKey, NoSuchKey, BadRecoveryCode, NoVault (no slots, and no box to try a recovery code on).
    """
    if isinstance(credential, RecoveryCode):
        return _by_recovery_code(copy, parse_recovery_code(credential.words))
    slots = _slots(copy, KDF_KEY_FILE if isinstance(credential, KeyFile) else KDF_ARGON2ID, key)
    for data in slots:
        with contextlib.suppress(WrongKey):
            return _open(data, credential)
    raise WrongKey


def _open(data: bytes, credential: Credential) -> Keys:
    if isinstance(credential, Passphrase):
        return open_slot(data, passphrase=credential.text)[0]
    assert isinstance(credential, KeyFile)  # a recovery code needs no slot
    return open_slot(data, key_file=parse_key_file(credential.content.decode("ascii", "replace")))[0]


def _slots(copy: Copy, kdf: int, key: str | None) -> list[bytes]:
    names = sorted(stored.name for stored in copy.list("keys/"))
    if not names:
        raise NoVault(copy.label)
    if key is not None:
        names = [name for name in names if name.removeprefix("keys/").startswith(key.lower())]
        if not names:
            raise NoSuchKey(key)
    found: list[bytes] = []
    failure: VaultdError | None = None
    for name in names:
        try:
            data = copy.fetch(name)
            if parse_slot(data).kdf == kdf:
                found.append(data)
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
