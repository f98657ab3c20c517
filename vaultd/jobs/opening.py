"""Open a vault: find its copy, unlock it, learn what it holds, and for writers, take the device's lock
and place in the log.
"""

import contextlib
import os
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vaultd.copies.contract import Copy
from vaultd.copies.directory import NO_DEVICE, DirectoryCopy
from vaultd.credentials import Credential, KeyFile
from vaultd.errors import (
    CopyGone,
    Damaged,
    Headless,
    Missing,
    NotAFolder,
    NoVault,
    ReadOnly,
    Unreachable,
    VaultdError,
    WrongPlace,
)
from vaultd.format.keys import Keys
from vaultd.jobs.unlocking import unlock_with_slot
from vaultd.settings import Home, Place, Settings, load, write_whole
from vaultd.store.journal import remembered_records
from vaultd.store.lock import writer_lock
from vaultd.store.state import State
from vaultd.store.vault import Vault

# Why a copy cannot be used now, though another one may be.
_NOT_NOW = (CopyGone, NoVault, WrongPlace, NotAFolder, Unreachable, Damaged, Missing, ReadOnly)
_DEVICE_LINE = re.compile(rb"[0-9a-f]{16}")
Opened = TypeVar("Opened")


@dataclass(frozen=True, slots=True)
class Lacks:
    """How many records that this computer has seen on other copies the copy in use does not hold, and how
    many of them are snapshots.
    """

    records: int = 0
    snapshots: int = 0


@dataclass(slots=True)
class Session:
    """An open vault and where this computer keeps its own files.

    `devices` are the ids under which this computer wrote, the last one first; `replaced` the one that it has
    just given up. `passed_over` are copies that stand before the one in use and cannot be used now.
    `slot` is the name of the key slot that opened the vault (64 hex digits), empty for a recovery code.
    """

    home: Home
    settings: Settings
    vault: Vault
    devices: tuple[bytes, ...] = ()
    replaced: bytes | None = None
    passed_over: tuple[tuple[Place, VaultdError], ...] = ()
    slot: str = ""
    lacks: Lacks = Lacks()

    @property
    def device(self) -> bytes:
        """The id under which this computer wrote last, or writes now; b"" where it never wrote."""
        return self.devices[0] if self.devices else b""

    @property
    def place(self) -> Place:
        """The copy in use, as the settings name it."""
        return next(place for place in self.settings.copies if place.copy_id == self.vault.copy.copy_id)

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
    device = next(iter(_remembered_devices(home)), None)
    name = device.hex() if device else NO_DEVICE
    try:
        return DirectoryCopy.open(copy_path(place), place.copy_id, place.label, name)
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
        except _NOT_NOW as error:
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
    """Open the vault of this home from the first copy that can be used and holds what this computer wrote
    last; where none does, from the first that can be used. It is let go of at the end.

    `key` names the one slot to try; `writing` asks for a copy that can be written. Raises NoVault, CopyGone,
    WrongPlace, ReadOnly, Unreachable, WrongKey, NoSuchKey.
    """
    settings = load(home)
    devices = _remembered_devices(home)
    (vault, slot), passed_over = _first(
        settings.copies, home, lambda place: _unlocked(home, settings, place, credential, key, writing)
    )
    session = Session(home, settings, vault, devices, passed_over=passed_over, slot=slot)
    try:
        if devices and not vault.journal.agrees(devices[0]):
            _change_to_newest(session, writing)
        if passed_over or (devices and not session.vault.journal.agrees(devices[0])):
            session.lacks = _lacks(session)
        yield session
    finally:
        session.vault.close()


def _change_to_newest(session: Session, writing: bool) -> None:
    """Use a copy that has this device's last record, if one can be used: what was written there while the
    first one was away comes to the first one from there.
    """
    away = [place for place, _ in session.passed_over]
    for place in session.others:
        if place in away:
            continue
        with contextlib.suppress(*_NOT_NOW):
            if writing:
                _refuse_read_only(place)
            other = _opened(session, place)
            if other.journal.agrees(session.device):
                session.vault.close()
                session.vault = other
                return
            other.close()


def _refuse_read_only(place: Place) -> None:
    """Raises ReadOnly: a disk that begins to fail is often mounted anew so that nothing is written to it."""
    path = copy_path(place)
    if path.is_dir() and not os.access(path, os.W_OK):
        raise ReadOnly(str(path))


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
    home: Home, settings: Settings, place: Place, credential: Credential, key: str | None, writing: bool
) -> tuple[Vault, str]:
    if writing:
        _refuse_read_only(place)
    copy = open_place(home, place)
    try:
        keys, slot = unlock_with_slot(copy, credential, key)
        return _synced(home, settings, copy, keys), slot
    except BaseException:
        copy.close()
        raise


def _synced(home: Home, settings: Settings, copy: Copy, keys: Keys) -> Vault:
    """The vault as this copy holds it, each copy with a state of its own."""
    file = _state_file(home, settings, copy.copy_id)
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(contextlib.closing(State(file, keys.vault_id)))
        own = state
        if file != home.state_file:
            own = stack.enter_context(contextlib.closing(State(home.state_file, keys.vault_id)))
        vault = Vault(copy, keys, state, own)
        vault.sync()
        stack.pop_all()
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
    copy = open_place(session.home, place)
    try:
        return _synced(session.home, session.settings, copy, session.vault.keys)
    except BaseException:
        copy.close()
        raise


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
    before = _remembered_devices(home)
    device, session.replaced = journal.device(before[0] if before else None)
    session.devices = tuple(dict.fromkeys((device, *before)))
    session.vault.copy.sweep((session.replaced or device).hex())
    journal.begin(device)
    if device not in before:
        journal.append("device", {"name": platform.node(), "replaces": session.replaced})
        # The earlier ones stay: the record that says what this one replaces may stand on one copy alone.
        write_whole(_device_file(home), b"".join(each.hex().encode() + b"\n" for each in session.devices))


def _device_file(home: Home) -> Path:
    return home.state / "device"


def _remembered_devices(home: Home) -> tuple[bytes, ...]:
    """The ids under which this computer wrote, the last one first."""
    try:
        lines = _device_file(home).read_bytes().split()
    except FileNotFoundError:
        return ()
    return tuple(bytes.fromhex(line.decode()) for line in lines if _DEVICE_LINE.fullmatch(line))
