"""What stands below a copy's prefix in an object store, and the proof that the end was not cut off."""

from collections.abc import Iterator

from vaultd.copies.bucket import Bucket
from vaultd.copies.contract import Stored
from vaultd.copies.names import QUARANTINE, is_folder, parse_unfinished
from vaultd.copies.refusals import Cause, Failed
from vaultd.ids import TEXTS, parse

LAST = "vault.id"


def listed(bucket: Bucket, prefix: str) -> Iterator[Stored]:
    """Every object whose name starts with `prefix`, which sorts before `vault.id`.

    Stores list in the order of names, and `vault.id` sorts after all that a copy holds. So the listing is
    not asked to end with `prefix`, but read until a name beyond it is met, and `vault.id` is met at the
    latest. What ends before that was cut short, or is no copy. Raises Failed, perhaps after some names.
    """
    proven = False
    for stored in bucket.names(_just_before(prefix)):
        proven = proven or stored.name == LAST
        if stored.name.startswith(prefix):
            yield stored
        elif stored.name > prefix:
            return
    if not proven:
        raise Failed(Cause.OTHER, "listing")


def stranger(name: str) -> str:
    """What of `name` is not ours: all of it, or the outermost folder that is not; "" where it is ours.

    Some tools make an object for a folder, whose name ends in a slash.
    """
    if parse(name) or name in TEXTS or parse_unfinished(name) or name.startswith(QUARANTINE + "/"):
        return ""
    parts = name.rstrip("/").split("/")
    for depth in range(1, len(parts)):
        folder = "/".join(parts[:depth])
        if not is_folder(folder):
            return folder
    whole = name.rstrip("/")
    return "" if name.endswith("/") and is_folder(whole) else whole


def _just_before(prefix: str) -> str:
    """A name that sorts before everything with `prefix`, and after nearly everything else before it."""
    return prefix[:-1] + chr(ord(prefix[-1]) - 1) + "~" if prefix else ""
