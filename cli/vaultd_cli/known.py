"""The words for snapshots that this computer remembers, without a key: what completion offers."""

from typing import TYPE_CHECKING

from vaultd.settings import Home, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultd.format.record import Record


def selectors(home: Home) -> list[str]:
    """Names of sources, then short ids of snapshots, the newest first. Nothing is created."""
    from vaultd.tree.selectors import LATEST

    snapshots = [found for found in _records(home) if found[1].kind == "snapshot"]
    snapshots.sort(key=lambda found: found[1].time, reverse=True)
    names = dict.fromkeys(str(record.body["name"]) for _, record in snapshots)
    return [*names, *([LATEST] if names else []), *(identity.hex()[:8] for identity, _ in snapshots)]


def sources(home: Home) -> list[str]:
    """Names of sources of which there are snapshots."""
    return list(dict.fromkeys(str(r.body["name"]) for _, r in _records(home) if r.kind == "snapshot"))


def _records(home: Home) -> "Iterator[tuple[bytes, Record]]":
    import contextlib

    import msgspec

    from vaultd.format.record import decode_record, record_id
    from vaultd.store.state import State

    if not home.state_file.exists():
        return
    with contextlib.closing(State(home.state_file, load(home).vault_id)) as state:
        logs = state.logs()
    for data, _ in logs.values():
        for plain in msgspec.msgpack.decode(data):
            record = decode_record(plain)
            if record.readable:
                yield record_id(plain), record
