"""An object store as one kind of place; see `locating.Kind`, and `cloud` for its URL."""

from vaultd.copies import objectplace
from vaultd.copies.bucket import Address, Keys
from vaultd.copies.cloud import address_of, keys_of
from vaultd.copies.contract import Copy
from vaultd.copies.locating import Location


def check_url(url: str) -> str:
    address_of(url, {})
    return url


def open_copy(where: Location, expected_copy_id: bytes | None, label: str, _device: str) -> Copy:
    """Raises NeedsStoreKeys and BadStoreKeys too. No unfinished write is ever named by a device."""
    return objectplace.open_objects(*_reached(where), expected_copy_id, label)


def create_copy(where: Location, vault_id: bytes, copy_id: bytes, label: str, _device: str) -> Copy:
    return objectplace.create_objects(*_reached(where), vault_id, copy_id, label)


def refuse_taken(where: Location) -> None:
    objectplace.refuse_taken(*_reached(where))


def is_headless(where: Location) -> bool:
    return objectplace.is_headless(*_reached(where))


def _reached(where: Location) -> tuple[Address, Keys]:
    return address_of(where.url, where.options), keys_of(where.url, where.options)
