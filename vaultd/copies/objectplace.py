"""The place of a copy in an object store: made, and found. See `objects` for the copy itself."""

from vaultd.copies.bucket import LIMIT, Address, Bucket, Keys
from vaultd.copies.identity import VaultId
from vaultd.copies.listing import LAST
from vaultd.copies.names import parse_unfinished
from vaultd.copies.objects import ObjectCopy
from vaultd.copies.refusals import Cause, Failed
from vaultd.errors import (
    Damaged,
    Full,
    NotEmpty,
    NoVault,
    ReadOnly,
    Unreachable,
    VaultdError,
    VaultExists,
    WrongPlace,
)


def open_objects(
    address: Address, keys: Keys, expected_copy_id: bytes | None, label: str, limit: float = LIMIT
) -> ObjectCopy:
    """Open the copy at `address`; nothing is written. `limit` as for `Bucket`.

    Raises NoVault (the store answered, and has no `vault.id` there), WrongPlace (another copy than
    expected), TooNew, Damaged (`vault.id` cannot be read as one), Unreachable (no such bucket, keys that
    are refused, or any other error).
    """
    bucket = Bucket(address, keys, limit)
    try:
        data = bucket.read(LAST)
    except Failed as failed:
        if failed.cause is Cause.MISSING:
            raise NoVault(address.url) from None
        raise Unreachable(label, failed.code) from None
    try:
        identity = VaultId.decode(data)
    except Damaged as damaged:
        damaged.copy = label
        raise
    if expected_copy_id not in (None, identity.copy_id):
        raise WrongPlace(address.url, (expected_copy_id or b"").hex(), identity.copy_id.hex())
    return ObjectCopy(bucket, address, identity, label)


def create_objects(address: Address, keys: Keys, vault_id: bytes, copy_id: bytes, label: str) -> ObjectCopy:
    """Make an empty copy below a prefix of a bucket that is there.

    Of two that do so at once on a store without conditions, the later one stays; the earlier is told by
    VaultExists here, or by WrongPlace at its first write. Raises VaultExists, NotEmpty, Full, ReadOnly,
    Unreachable.
    """
    bucket = Bucket(address, keys)
    identity = VaultId(vault_id, copy_id)
    try:
        _refuse_others(bucket, address)
        _write_id(bucket, identity.encode())
        found = bucket.read(LAST)
    except Failed as failed:
        raise _refused(failed, address, label) from None
    if found != identity.encode():
        raise VaultExists(address.url)
    return ObjectCopy(bucket, address, identity, label)


def refuse_taken(address: Address, keys: Keys) -> None:
    """Look, and make nothing. Raises VaultExists, NotEmpty, Unreachable."""
    try:
        _refuse_others(Bucket(address, keys), address)
    except Failed as failed:
        raise _refused(failed, address, address.url) from None


def is_headless(address: Address, keys: Keys) -> bool:
    """Whether packs and records of a vault are there, and no `vault.id`. Raises Unreachable."""
    bucket = Bucket(address, keys)
    try:
        first = [next(bucket.names(folder), None) for folder in ("log/", "packs/")]
        there = [stored and stored.name.split("/")[0] for stored in first]
        return there == ["log", "packs"] and not _has_id(bucket)
    except Failed as failed:
        raise _refused(failed, address, address.url) from None


def _refuse_others(bucket: Bucket, address: Address) -> None:
    for stored in bucket.names():
        if parse_unfinished(stored.name) is None:  # names before `vault.id` are met before it
            raise VaultExists(address.url) if _has_id(bucket) else NotEmpty(address.url.encode())


def _has_id(bucket: Bucket) -> bool:
    try:
        bucket.head(LAST)
    except Failed as failed:
        if failed.cause is Cause.MISSING:
            return False
        raise
    return True


def _write_id(bucket: Bucket, data: bytes) -> None:
    try:
        bucket.write_new(LAST, data)
    except Failed as failed:
        if failed.code not in _NO_CONDITIONS:
            raise
        bucket.write(LAST, memoryview(data))


def _refused(failed: Failed, address: Address, label: str) -> VaultdError:
    if failed.cause is Cause.EXISTS:
        return VaultExists(address.url)
    if failed.cause is Cause.FULL:
        return Full(label)
    if failed.cause is Cause.DENIED and failed.code == "AccessDenied":
        return ReadOnly(label)
    return Unreachable(label, failed.code)


# How stores say that they do not know If-None-Match.
_NO_CONDITIONS = frozenset({"NotImplemented", "HTTP 501", "Unsupported", "InvalidArgument"})
