"""Where vaultd keeps its own files on this computer, and the one of them that a person may edit.

With `--home DIR` or VAULTD_HOME everything lives in that folder. Without, configuration, state and
the socket go to the usual places of the desktop (XDG base directories).

    vault_id = "32 hex digits"
    spool_gib = 20
    limit_upload = 500
    battery = 30
    [[copies]]
    label = "disk"
    url = "/media/disk/vault"
    copy_id = "32 hex digits"
    [[channels]]
    name = "mail"
    url = "mailtos://user:password@host"
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from vaultd.errors import BadSettings, NoVault

ID_BYTES = 16
# A day of photos and videos of a busy family.
SPOOL_GIB = 20
# A laptop that is carried home with that gets there.
BATTERY = 30
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one vault on this computer. Making one creates nothing."""

    config: Path
    state: Path
    runtime: Path

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def device_key_file(self) -> Path:
        return self.config / "device.key"

    @property
    def state_file(self) -> Path:
        """The local database: a cache, which may be deleted at any time."""
        return self.state / "state.db"

    def state_file_of(self, copy_id: bytes) -> Path:
        """The same for a copy other than the first: state says what one copy holds."""
        return self.state / f"state-{copy_id.hex()}.db"

    @property
    def ledger_file(self) -> Path:
        """Which files were read back from which copy; less is known to be safe without it."""
        return self.state / "ledger.db"

    def spool_of(self, copy_id: bytes) -> Path:
        """What was captured while no copy could be reached, and waits for this one; in it are the only bytes
        of that there are.
        """
        return self.state / f"spool-{copy_id.hex()}"

    def pages_of(self, copy_id: bytes) -> Path:
        """The keys and the pages of folders of a copy, to capture without it: a cache, which may be deleted
        at any time.
        """
        return self.state / f"pages-{copy_id.hex()}"

    @property
    def fronts_file(self) -> Path:
        """What the parity files of each copy begin with: a cache, which may be deleted at any time."""
        return self.state / "parity.db"

    @property
    def lock_file(self) -> Path:
        return self.state / "lock"

    @property
    def socket_file(self) -> Path:
        return self.runtime / "socket"

    def make(self) -> None:
        """Create the folders that are not there, for their owner only. Raises OSError."""
        for folder in (self.config, self.state, self.runtime):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def find_home(asked: str | None = None, environ: Mapping[str, str] = os.environ) -> Home:
    """The home that was asked for, else VAULTD_HOME, else the XDG folders."""
    if chosen := asked or environ.get("VAULTD_HOME"):
        folder = Path(chosen).absolute()
        return Home(folder, folder, folder)
    user = environ.get("HOME") or os.path.expanduser("~")
    state = _xdg(environ, "XDG_STATE_HOME", f"{user}/.local/state")
    return Home(
        config=_xdg(environ, "XDG_CONFIG_HOME", f"{user}/.config"),
        state=state,
        runtime=_xdg(environ, "XDG_RUNTIME_DIR", str(state.parent)),
    )


def _xdg(environ: Mapping[str, str], name: str, otherwise: str) -> Path:
    value = environ.get(name, "")
    # The specification says to ignore a relative one.
    return Path(value if os.path.isabs(value) else otherwise, "vaultd")


@dataclass(frozen=True, slots=True)
class Place:
    """One copy as this computer reaches it: what its owner calls it, where it is, the 16 bytes of its id.

    `options` holds what its kind of place needs to be reached (such as `key_file`), and whatever a newer
    vaultd, or its owner, wrote there; all of it is kept.
    """

    label: str
    url: str
    copy_id: bytes
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to tell the owner something; the URL holds what it needs to be let in, and is never shown."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What config.toml says. `unknown` holds what a newer vaultd, or its owner, wrote there; it is kept.

    `spool_gib` is how much may wait on this computer while no copy can be reached, in GiB; 0 is nothing.
    `limit_upload` is how fast copies on other machines are written, in KiB per second; 0 is no limit.
    On a battery that is below `battery` percent the daemon does no chores; 0 is that it always does.
    With `pause_on_metered` it does none while what goes over the connection is paid for.
    """

    vault_id: bytes
    copies: tuple[Place, ...] = ()
    spool_gib: int = SPOOL_GIB
    limit_upload: int = 0
    battery: int = BATTERY
    pause_on_metered: bool = False
    channels: tuple[Channel, ...] = ()
    unknown: dict[str, Any] = field(default_factory=dict)


def load(home: Home) -> Settings:
    """Read config.toml. Raises NoVault (there is none), BadSettings, OSError."""
    import tomllib

    path = home.config_file
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        raise NoVault(str(home.config)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(str(path), str(error)) from error
    try:
        return _from_table(table)
    except _Wrong as error:
        raise BadSettings(str(path), str(error)) from error


def save(home: Home, settings: Settings) -> None:
    """Write config.toml, whole or not at all, durably, readable by its owner only.

    Comments in the file are lost; keys that this version does not know are kept. Raises OSError.
    """
    import tomli_w

    home.make()
    write_whole(home.config_file, tomli_w.dumps(_to_table(settings)).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Replace a small file: on return it survives a power cut, and at no instant is half of it there.

    The file is readable by its owner only. Raises OSError; then the old file stands as it was.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Wrong(ValueError):
    """A key is missing, or its value is not what it must be."""


def _from_table(table: dict[str, Any]) -> Settings:
    rest = dict(table)
    vault_id = _take_id(rest, "vault_id")
    places, channels = _take_tables(rest, "copies"), _take_tables(rest, "channels")
    spool_gib = _take_count(rest, "spool_gib", SPOOL_GIB)
    limit = _take_count(rest, "limit_upload", 0)
    battery = _take_count(rest, "battery", BATTERY)
    metered = _take(rest, "pause_on_metered", bool) if "pause_on_metered" in rest else False
    told = tuple(Channel(_take(each, "name", str), _take(each, "url", str)) for each in channels)
    copies = tuple(_place(place) for place in places)
    return Settings(vault_id, copies, spool_gib, limit, battery, metered, told, rest)


def _place(table: dict[str, Any]) -> Place:
    rest = dict(table)
    return Place(_take(rest, "label", str), _take(rest, "url", str), _take_id(rest, "copy_id"), rest)


def _take(table: dict[str, Any], key: str, kind: type[_T]) -> _T:
    value = table.pop(key, None)
    if not isinstance(value, kind):
        raise _Wrong(key)
    return value


def _take_tables(table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = table.pop(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _Wrong(key)
    return value


def _take_count(table: dict[str, Any], key: str, otherwise: int) -> int:
    value = _take(table, key, int) if key in table else otherwise
    if value < 0 or isinstance(value, bool):
        raise _Wrong(key)
    return value


def _take_id(table: dict[str, Any], key: str) -> bytes:
    try:
        value = bytes.fromhex(_take(table, key, str))
    except ValueError:
        raise _Wrong(key) from None
    if len(value) != ID_BYTES:
        raise _Wrong(key)
    return value


def _to_table(settings: Settings) -> dict[str, Any]:
    copies = [
        {"label": place.label, "url": place.url, "copy_id": place.copy_id.hex()} | place.options
        for place in settings.copies
    ]
    numbers: dict[str, Any] = {} if settings.spool_gib == SPOOL_GIB else {"spool_gib": settings.spool_gib}
    if settings.limit_upload:
        numbers["limit_upload"] = settings.limit_upload
    if settings.battery != BATTERY:
        numbers["battery"] = settings.battery
    if settings.pause_on_metered:
        numbers["pause_on_metered"] = True
    tables: dict[str, Any] = {"copies": copies}
    if settings.channels:
        tables["channels"] = [{"name": each.name, "url": each.url} for each in settings.channels]
    return {"vault_id": settings.vault_id.hex(), **numbers, **settings.unknown, **tables}
