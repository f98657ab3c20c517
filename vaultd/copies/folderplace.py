"""A folder of this computer as one kind of place; see `locating.Kind`."""

import os
from pathlib import Path

from vaultd.copies import place
from vaultd.copies.contract import Copy
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.locating import Location


def check_url(url: str) -> str:
    return url


def open_copy(where: Location, expected_copy_id: bytes | None, label: str, device: str) -> Copy:
    return DirectoryCopy.open(_folder(where), expected_copy_id, label, device)


def create_copy(where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str) -> Copy:
    return DirectoryCopy.create(_folder(where), vault_id, copy_id, label, device)


def refuse_taken(where: Location) -> None:
    place.refuse_taken(_folder(where))


def is_headless(where: Location) -> bool:
    return all(os.path.isdir(_folder(where) / name) for name in ("packs", "log"))


def _folder(where: Location) -> Path:
    assert where.folder is not None  # `locating` sends nothing else here
    return where.folder
