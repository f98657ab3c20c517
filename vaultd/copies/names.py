"""What the names in a copy say: the digest, what was set aside, what is not finished."""

import re

from vaultd.ids import TEXTS, parse

QUARANTINE = "quarantine"
REPLACEABLE = ("README.txt", "FORMAT.md")
_FOLDER = re.compile("keys|index|packs|log|parity|quarantine|packs/[0-9a-f]{2}|log/[0-9a-f]{16}")
_UNFINISHED = re.compile(r"(.+)\.([0-9a-f]{16})\.([0-9a-f]{16})\.tmp")
_QUARANTINED = re.compile(r"quarantine/[a-z0-9+-]+\.[0-9a-f]{16}")


def digest_of(name: str) -> bytes:
    """The BLAKE3 (32 bytes) that a content-named file must have. ValueError for every other shape."""
    if (parsed := parse(name)) is None:
        raise ValueError(name)
    return parsed.digest


def check_readable(name: str) -> None:
    """ValueError unless `name` is one that `get` takes; so no name can lead out of the copy."""
    if parse(name) is None and name not in TEXTS and not is_quarantined(name):
        raise ValueError(name)


def is_quarantined(name: str) -> bool:
    return _QUARANTINED.fullmatch(name) is not None


def is_folder(name: str) -> bool:
    return _FOLDER.fullmatch(name) is not None


def split(name: str) -> tuple[str, str]:
    """The folder ("" at the top) and the last component."""
    folder, _, leaf = name.rpartition("/")
    return folder, leaf


def unfinished_name(name: str, device: str, token: str) -> str:
    """Where `name` is written before it is whole; `token` is 16 hex digits that nobody else uses."""
    return f"{name}.{device}.{token}.tmp"


def parse_unfinished(name: str) -> tuple[str, str] | None:
    """Device and token of an unfinished write; None for anything else, however similar."""
    match = _UNFINISHED.fullmatch(name)
    if match is None or (parse(match[1]) is None and match[1] not in TEXTS):
        return None
    return match[2], match[3]


def quarantine_name(name: str, token: str) -> str:
    """A flat name that keeps the old one, and differs each time the same file is set aside."""
    return f"{QUARANTINE}/{name.replace('/', '+')}.{token}"
