"""What vaultd.format says of a vector: the word that it refuses with, `unknown`, or `read`."""

from collections.abc import Callable

from blake3 import blake3

from tests.vectors.readers import READ, UNKNOWN, kinds
from tests.vectors.vectors import Vector
from vaultd import ids
from vaultd.errors import Refused, WrongKey
from vaultd.format import box, index, lists, page, record, slot
from vaultd.format.keys import Keys


def by_program(vector: Vector) -> str:
    """Read the bytes as the program would. Whole vaults are not for this."""
    try:
        unknown = _READERS[vector.structure](vector)
    except Refused as why:
        return why.reason
    except WrongKey:
        return "commit"
    return UNKNOWN if unknown else READ


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
