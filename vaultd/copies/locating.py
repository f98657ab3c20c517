"""Where a copy stands, as its owner writes it, and the one place that knows which kind of copy that is.

A place is the path of a folder, or `file://` before one, or a URL of a kind in `_kind`. What its kind needs
beside the URL (the file of a key, for instance; never a secret itself) stands in the settings as options.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from vaultd.copies.contract import Copy
from vaultd.copies.directory import NO_DEVICE
from vaultd.copies.identity import host_of, mount_of, same_disk
from vaultd.errors import BadUrl, NeedsExtra

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Location:
    """`url` as the settings keep it: an absolute path, or scheme://…; `options` as in `settings.Place`."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scheme(self) -> str:
        """In small letters; "" for a folder of this computer."""
        match = _URL.match(self.url)
        return match[1].lower() if match and match[1].lower() != "file" else ""

    @property
    def folder(self) -> Path | None:
        """The folder; None where it is not one of this computer's."""
        return None if self.scheme else Path(self.url.removeprefix("file://"))

    @property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "") if self.scheme else ""


class Kind(Protocol):
    """What a module must offer for a kind of place. All of it raises BadUrl for a URL that it cannot read."""

    def check_url(self, url: str) -> str:
        """The URL as the settings keep it. Nothing is asked of the network. Raises BadUrl."""
        ...

    def open_copy(self, where: Location, expected_copy_id: bytes | None, label: str, device: str) -> Copy:
        """As `DirectoryCopy.open`. Nothing is written."""
        ...

    def create_copy(self, where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str) -> Copy:
        """As `DirectoryCopy.create`."""
        ...

    def refuse_taken(self, where: Location) -> None:
        """Look, and make nothing. Raises what `create_copy` would: VaultExists, NotEmpty, NotAFolder."""
        ...

    def is_headless(self, where: Location) -> bool:
        """Whether files of a vault are there, and no `vault.id`. Raises Unreachable."""
        ...


def locate(given: str) -> Location:
    """What somebody typed, or wrote into the settings. Raises BadUrl."""
    where = Location(given)
    if where.folder is not None:
        return Location(str(where.folder.expanduser().absolute()))
    kind = _kind(where)
    # Whoever lists processes sees the words of a command, and the settings are no place for it either.
    if without_password(given) != given:
        raise BadUrl(without_password(given), "password")
    return Location(kind.check_url(given))


def open_copy(where: Location, expected_copy_id: bytes | None, label: str, device: str = NO_DEVICE) -> Copy:
    """The copy at `where`, of whatever kind. Raises what `DirectoryCopy.open` raises, and BadUrl."""
    return _kind(where).open_copy(where, expected_copy_id, label, device)


def create_copy(
    where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str = NO_DEVICE
) -> Copy:
    """Make an empty copy at `where`. Raises what `DirectoryCopy.create` raises, and BadUrl."""
    return _kind(where).create_copy(where, vault_id, copy_id, label, device)


def refuse_taken(where: Location) -> None:
    """Raises what `create_copy` would refuse: VaultExists, NotEmpty, NotAFolder; and Unreachable."""
    _kind(where).refuse_taken(where)


def is_headless(where: Location) -> bool:
    """Whether files of a vault are there, and no `vault.id`. Raises Unreachable, BadUrl."""
    return _kind(where).is_headless(where)


def is_one_place(one: Location, other: Location) -> bool:
    """Whether one failure may take both: one file system, or one host, of which nothing more is known, by
    whatever way it is reached.

    Raises OSError where a folder is not there.
    """
    if one.folder is not None and other.folder is not None:
        # `vault.id` is what stands on the disk, and not on the mount point without it.
        return same_disk(one.folder / "vault.id", other.folder / "vault.id")
    if "s3" in (one.scheme, other.scheme):
        return (one.scheme, one.host) == (other.scheme, other.host)  # the name of a bucket is no host
    return _host(one) == _host(other) != ""


def _host(where: Location) -> str:
    if where.folder is None:
        return where.host
    mount = mount_of(where.folder)
    return host_of(mount) if mount is not None else ""


def _kind(where: Location) -> Kind:
    """The module for this kind of place, which is imported here and nowhere else."""
    match where.scheme:
        case "":
            from vaultd.copies import folderplace

            return folderplace
        case "sftp":
            return _sftp()
        case "smb":
            return _smb()
        case "s3":
            from vaultd.copies import cloudplace

            return cloudplace
    raise BadUrl(without_password(where.url), "scheme")


def _sftp() -> Kind:
    try:
        from vaultd.copies.sftpplace import SFTP
    except ModuleNotFoundError as error:
        if error.name != "asyncssh":
            raise
        raise NeedsExtra("sftp") from None
    return SFTP


def _smb() -> Kind:
    try:
        from vaultd.copies.smbplace import SMB
    except ModuleNotFoundError as error:
        if error.name not in ("smbclient", "smbprotocol"):
            raise
        raise NeedsExtra("smb") from None
    return SMB


def without_password(url: str) -> str:
    """The URL as it may be shown: what was typed by mistake is not repeated."""
    return re.sub(r"(?<=//)([^/@]*?):[^/]*@", r"\1:…@", url)
