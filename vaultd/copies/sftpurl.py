"""What `sftp://user@host:port/folder` says, and what the settings say beside it.

A URL may name two files after a "?", as in `sftp://host/folder?key_file=/home/me/key&known_hosts=/home/me/known`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from vaultd.errors import BadUrl

PORT = 22
KNOWN_HOSTS = "~/.ssh/known_hosts"
# No host or user begins with "-" or holds anything that means something to a program that is handed it.
_HOST = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._-]*|[0-9A-Fa-f:.]+")
_USER = re.compile(r"[^\0-\x1f/@:-][^\0-\x1f/@:]*")
_OPTIONS = ("key_file", "known_hosts")


@dataclass(frozen=True, slots=True)
class Address:
    """Who logs in where, and the copy's folder there: absolute, or, without a "/" before it, within the
    folder in which the host puts that user. `user` "" is who runs this.
    """

    user: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def url(self) -> str:
        """As it is shown, in errors for instance."""
        user = f"{quote(self.user)}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port != PORT else ""
        path = quote(self.path if self.path.startswith("/") else f"/~/{self.path}")
        return f"sftp://{user}{host}{port}{path}{'?' + self.query if self.query else ''}"

    @property
    def above(self) -> str:
        """The URL of the folder that it stands in."""
        return replace(self, path=os.path.dirname(self.path)).url


@dataclass(frozen=True, slots=True)
class Access:
    """How we and the host know each other. `key_file` None: the agent's keys, and those in ~/.ssh.

    There is no password anywhere: it would have to lie somewhere for whoever asks at night.
    """

    known_hosts: Path
    key_file: Path | None = None


def parse_url(url: str) -> Address:
    """Raises BadUrl. `/~/` begins what lies in the folder that the host gives the user."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        raise BadUrl(url, "shape") from None
    if parts.password is not None:
        raise BadUrl(url.replace(f":{parts.password}@", ":…@"), "password")
    host, user, path = parts.hostname or "", unquote(parts.username or ""), unquote(parts.path)
    strange = parts.fragment or not _is_query(parts.query) or "\0" in path or not _HOST.fullmatch(host)
    path = "/".join(part for part in path.split("/") if part)
    if strange or (user and not _USER.fullmatch(user)) or ".." in path.split("/") or path in ("", "~"):
        raise BadUrl(url, "shape")
    at_home = path.startswith("~/")
    return Address(user, host, port, path.removeprefix("~/") if at_home else f"/{path}", parts.query)


def _is_query(query: str) -> bool:
    try:
        said = parse_qsl(query, strict_parsing=True, keep_blank_values=True) if query else []
    except ValueError:
        return False
    names = [name for name, value in said if name in _OPTIONS and os.path.isabs(os.path.expanduser(value))]
    return len(names) == len(said) == len(set(names))


def access_of(options: Mapping[str, Any], url: str) -> Access:
    """What a copy's settings say, or its URL after a "?": `key_file` and `known_hosts`, both paths.

    Raises BadUrl ("options").
    """
    found = {name: options[name] for name in _OPTIONS if name in options}
    found |= dict(parse_qsl(urlsplit(url).query))
    if not all(isinstance(value, str) and value for value in found.values()):
        raise BadUrl(url, "options")
    key = found.get("key_file")
    known = Path(os.path.expanduser(found.get("known_hosts", KNOWN_HOSTS)))
    return Access(known, Path(os.path.expanduser(key)) if key else None)
