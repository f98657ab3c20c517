"""Records as chains, one for each device."""

import itertools
from collections.abc import Iterable, Mapping

from vaultd.format.record import Record


def chains_of(records: Mapping[bytes, Record]) -> dict[bytes, list[tuple[bytes, Record]]]:
    """Every device's records, by number; a number stands twice where a chain forked."""
    chains: dict[bytes, list[tuple[bytes, Record]]] = {}
    for identity, record in sorted(records.items(), key=lambda item: (item[1].seq, item[0])):
        chains.setdefault(record.device, []).append((identity, record))
    return chains


def by_number(chain: list[tuple[bytes, Record]]) -> Iterable[tuple[int, set[bytes], set[bytes | None]]]:
    """Per number in a chain: the ids of the records that bear it, and the ids that they say stand before."""
    for seq, group in itertools.groupby(chain, key=lambda item: item[1].seq):
        records = list(group)
        yield seq, {identity for identity, _ in records}, {record.prev for _, record in records}
