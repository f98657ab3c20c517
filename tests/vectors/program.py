"""What the program says of a vector: the word that it refuses with, `unknown`, or `read`."""

import os
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3

from tests.vectors.readers import READ, UNKNOWN, kinds
from tests.vectors.vectors import Vector
from vaultd import ids
from vaultd.copies.locating import Location
from vaultd.credentials import RecoveryCode
from vaultd.errors import Refused, WrongKey
from vaultd.format import box, index, lists, page, record, slot
from vaultd.format.keys import Keys
from vaultd.jobs.check import check
from vaultd.jobs.init import attach
from vaultd.jobs.opening import open_vault
from vaultd.jobs.restore import Options, plan_restore, restore
from vaultd.progress import Silent
from vaultd.settings import find_home
from vaultd.tree.selectors import select
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View


def by_program(vector: Vector) -> str:
    """Read the bytes as the program would. Whole vaults are not for this."""
    try:
        unknown = _READERS[vector.structure](vector)
    except Refused as why:
        return why.reason
    except WrongKey:
        return "commit"
    return UNKNOWN if unknown else READ


def restore_by_program(copy: Path, home: Path, master: str, out: Path) -> tuple[bool, bool]:
    """Restore the one snapshot of a copy: was there damage, and does a check find something unknown?"""
    where, credential = find_home(str(home)), RecoveryCode(master)
    attach(where, Location(str(copy)), credential, "hostile")
    with open_vault(where, credential) as session:
        snapshot = select(list_snapshots(session.vault.journal), "latest")
        view = View(session.vault, snapshot.body.root, snapshot.body.attic)
        restored = restore(
            plan_restore(view, b"", os.fsencode(out), Options()), session.vault.keys, Silent(), lambda: False
        )
        report = check(session.vault, Silent(), lambda: None)
    return restored.damage, bool(report.unknown)


def _keys(vector: Vector) -> Keys:
    return Keys.from_master(bytes.fromhex(vector.more["master"]), bytes.fromhex(vector.more["vault-id"]))


def _slot(vector: Vector) -> object:
    key_file = bytes.fromhex(vector.more["key-file"]) if "key-file" in vector.more else None
    _, bundle = slot.open_slot(vector.data, passphrase=vector.more.get("passphrase"), key_file=key_file)
    return bundle.unknown


def _box(vector: Vector) -> None:
    box.open_box(vector.data, _keys(vector), kinds(vector))


def _page(vector: Vector) -> object:
    return page.decode_page(vector.data, attic="attic" in vector.more).unknown


def _list(vector: Vector) -> None:
    lists.decode_list(vector.data)


def _record(vector: Vector) -> object:
    found = record.decode_record(vector.data)
    if not found.readable:
        raise Refused("needs")
    return found.unknown


def _index(vector: Vector) -> object:
    return index.decode_index(vector.data).unknown


def _log(vector: Vector) -> None:
    name = ids.parse(vector.more["file"])
    assert name is not None
    if blake3(vector.data).digest() != name.digest:
        raise Refused("digest")
    plain = [blob for _, blob in box.open_box(vector.data, _keys(vector), kinds(vector))]
    record.check_log_name([record.decode_record(blob) for blob in plain], name.device, name.seq)


_READERS: dict[str, Callable[[Vector], object]] = {
    "slot": _slot,
    "box": _box,
    "page": _page,
    "list": _list,
    "record": _record,
    "index": _index,
    "log-file": _log,
}
