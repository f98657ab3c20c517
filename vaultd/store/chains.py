"""Records as chains, one for each device."""

import contextlib
import gc
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from vaultd.format.record import Record


def chains_of(records: Mapping[bytes, Record]) -> dict[bytes, list[tuple[bytes, Record]]]:
    """Every device's records, by number; a number stands twice where a chain forked."""
    chains: dict[bytes, list[tuple[bytes, Record]]] = {}
    for identity, record in sorted(records.items(), key=lambda item: (item[1].seq, item[0])):
        chains.setdefault(record.device, []).append((identity, record))
    return chains


class Records(Protocol):
    """Whatever has records by their ids."""

    @property
    def records(self) -> Mapping[bytes, Record]: ...


def chains_in(log: Records) -> dict[bytes, list[tuple[bytes, Record]]]:
    """The chains of all its records."""
    return chains_of(log.records)


def by_number(chain: list[tuple[bytes, Record]]) -> Iterable[tuple[int, set[bytes], set[bytes | None]]]:
    """Per number in a chain: the ids of the records that bear it, and the ids that they say stand before."""
    for seq, group in itertools.groupby(chain, key=lambda item: item[1].seq):
        records = list(group)
        yield seq, {identity for identity, _ in records}, {record.prev for _, record in records}


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Records hold no cycles, and looking for some among 40,000 of them, again and again while they are made,
    took two fifths of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
