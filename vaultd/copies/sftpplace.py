"""A folder of an SFTP host as one kind of place; see `locating.Kind`."""

from functools import partial

from vaultd.copies import hostplace
from vaultd.copies.contract import Copy
from vaultd.copies.hostlink import LIMIT, Join
from vaultd.copies.locating import Location
from vaultd.copies.sftpjoin import join
from vaultd.copies.sftpurl import Address, access_of, parse_url


def check_url(url: str) -> str:
    return parse_url(url).url


def open_copy(
    where: Location, expected_copy_id: bytes | None, label: str, device: str, limit: float = LIMIT
) -> Copy:
    """As `DirectoryCopy.open`, and HostUnknown, HostChanged, LoginRefused. `limit` is that of `Link`."""
    return hostplace.open_on_host(*_way(where), expected_copy_id, label, device, limit)


def create_copy(where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str) -> Copy:
    return hostplace.create_on_host(*_way(where), vault_id, copy_id, label, device)


def refuse_taken(where: Location) -> None:
    hostplace.refuse_taken_on_host(*_way(where))


def is_headless(where: Location) -> bool:
    return hostplace.is_headless_on_host(*_way(where))


def _way(where: Location) -> tuple[Address, Join]:
    address = parse_url(where.url)
    return address, partial(join, address, access_of(where.options, where.url))
