"""The log of a copy as local state remembers it, so that no file of it is read twice."""

import contextlib
from collections.abc import Iterable

import blake3
import msgspec

from vaultd.errors import Refused
from vaultd.format.record import Record, decode_record, record_id
from vaultd.store.state import State, StateLost


def remembered_records(state: State) -> dict[bytes, Record]:
    """The records of a copy as they were when it was last opened, without the copy."""
    found = {}
    for plains in remembered_logs(state).values():
        for plain in plains:
            with contextlib.suppress(Refused):
                found[record_id(plain)] = decode_record(plain)
    return found


def remembered_logs(state: State) -> dict[str, list[bytes]]:
    """The records, as they were written, of each log file that was read before; a row that is not as it was
    put there is left out.
    """
    try:
        logs = state.logs()
    except StateLost:
        return {}
    return {
        name: msgspec.msgpack.decode(data)
        for name, (data, check) in logs.items()
        if _check_sum(data) == check
    }


def packed(plains: Iterable[bytes]) -> tuple[bytes, bytes]:
    """The records of one file as state keeps them, and their check sum."""
    data = msgspec.msgpack.encode(list(plains))
    return data, _check_sum(data)


def _check_sum(data: bytes) -> bytes:
    return blake3.blake3(data).digest(16)
