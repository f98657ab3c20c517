"""Names of the files of a copy, and nothing else about them.

docs/format.md, section 1, is the source of every shape here.
"""

import re
from dataclasses import dataclass

_HEX64 = "[0-9a-f]{64}"
_FLAT = re.compile(f"(keys|index|parity)/({_HEX64})")
_PACK = re.compile(f"packs/([0-9a-f]{{2}})/({_HEX64})")
_LOG = re.compile(f"log/([0-9a-f]{{16}})/([0-9]{{10}})-({_HEX64})")
TEXTS = ("vault.id", "README.txt", "FORMAT.md")


@dataclass(frozen=True, slots=True)
class FileName:
    """A name taken apart: `folder` is keys, packs, index, log or parity; `digest` the BLAKE3 (32 bytes) of
    the file's bytes.

    `device` (8 bytes) and `seq` are set for log files only.
    """

    folder: str
    digest: bytes
    device: bytes = b""
    seq: int = 0


def parse(name: str) -> FileName | None:
    """Take a copy's file name apart; None where the shape is not one of ours (the texts included)."""
    if match := _PACK.fullmatch(name):
        return FileName("packs", bytes.fromhex(match[2])) if match[2].startswith(match[1]) else None
    if match := _FLAT.fullmatch(name):
        return FileName(match[1], bytes.fromhex(match[2]))
    if match := _LOG.fullmatch(name):
        return FileName("log", bytes.fromhex(match[3]), bytes.fromhex(match[1]), int(match[2]))
    return None


def pack_name(digest: bytes) -> str:
    return f"packs/{digest[:1].hex()}/{digest.hex()}"


def key_name(digest: bytes) -> str:
    return f"keys/{digest.hex()}"


def index_name(digest: bytes) -> str:
    return f"index/{digest.hex()}"


def parity_name(digest: bytes) -> str:
    return f"parity/{digest.hex()}"


def log_name(device: bytes, seq: int, digest: bytes) -> str:
    return f"log/{device.hex()}/{seq:010}-{digest.hex()}"
