"""A folder of an SFTP host as one kind of place. Beside the rest it raises HostUnknown, HostChanged and
LoginRefused.
"""

from functools import partial

from vaultd.copies.hostlink import Join
from vaultd.copies.hostplace import HostPlace
from vaultd.copies.locating import Location
from vaultd.copies.sftpjoin import join
from vaultd.copies.sftpurl import Address, access_of, parse_url


def _way(where: Location) -> tuple[Address, Join]:
    address = parse_url(where.url)
    return address, partial(join, address, access_of(where.options, where.url))


SFTP = HostPlace(lambda url: parse_url(url).url, _way)
