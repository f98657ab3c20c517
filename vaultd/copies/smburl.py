"""What `smb://user@host:port/share/folder` says, and how we get in.

The password is in no URL and no argument. It is VAULTD_SMB_PASSWORD of the environment, else the first line
of the file that `password_file` names, in the settings or after a "?" of the URL, else it stands in the
desktop's keyring, as `keyring set vaultd smb://USER@HOST` has stored it.
"""

import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from vaultd.errors import BadPasswordFile, BadUrl, NeedsPassword

PORT = 445
PASSWORD = "VAULTD_SMB_PASSWORD"
_OPTION = "password_file"
_SERVICE = "vaultd"
_HOST = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._-]*|[0-9A-Fa-f:.]+")
# What no name on such a share can hold; "\\" would lead elsewhere.
_NAME = re.compile(r'[^\0-\x1f/\\:*?"<>|]+')


@dataclass(frozen=True, slots=True)
class Address:
    """Who logs in where, and the copy's folder there: `path` begins with the name of the share."""

    user: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def url(self) -> str:
        """As it is shown, in errors for instance."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port != PORT else ""
        query = f"?{self.query}" if self.query else ""
        return f"smb://{quote(self.user)}@{host}{port}{quote(self.path)}{query}"

    @property
    def above(self) -> str:
        """The URL of the folder that it stands in."""
        return replace(self, path=os.path.dirname(self.path)).url


def parse_url(url: str) -> Address:
    """Raises BadUrl."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        raise BadUrl(url, "shape") from None
    if parts.password is not None:
        raise BadUrl(url.replace(f":{parts.password}@", ":…@"), "password")
    host, user = parts.hostname or "", unquote(parts.username or "")
    names = [name for name in unquote(parts.path).split("/") if name]
    sound = _HOST.fullmatch(host) and user.isprintable() and user and not parts.fragment
    # Names that end so lose their end on some servers, and are then others.
    named = all(_NAME.fullmatch(name) and not name.endswith((".", " ")) for name in names)
    if not sound or not named or len(names) < 2 or not _is_query(parts.query):
        raise BadUrl(url, "shape")
    return Address(user, host, port, "/" + "/".join(names), parts.query)


def _is_query(query: str) -> bool:
    said = parse_qsl(query, keep_blank_values=True)
    files = [value for name, value in said if name == _OPTION and os.path.isabs(os.path.expanduser(value))]
    return not query or (len(said) == len(files) == 1)


def password_of(address: Address, options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> str:
    """Raises NeedsPassword (there is none), BadPasswordFile."""
    if given := environ.get(PASSWORD):
        return given
    file = options.get(_OPTION) or dict(parse_qsl(address.query)).get(_OPTION)
    if file:
        return _in_file(Path(str(file)).expanduser())
    place = f"smb://{address.user}@{address.host}"
    if found := _in_keyring(place):
        return found
    raise NeedsPassword(place)


def _in_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise BadPasswordFile(str(path), "open")
            line = file.readline().rstrip("\r\n")
    except OSError as error:
        raise BadPasswordFile(str(path), errno.errorcode.get(error.errno or 0, "")) from None
    except UnicodeDecodeError:
        raise BadPasswordFile(str(path), "shape") from None
    if not line:
        raise BadPasswordFile(str(path), "shape")
    return line


def _in_keyring(place: str) -> str:
    try:
        import keyring

        return keyring.get_password(_SERVICE, place) or ""
    except Exception:  # noqa: BLE001 - one that is not there, or cannot be opened, is none
        return ""
