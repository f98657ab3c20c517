"""What the log of the copy in use and that of another one say together, before anything is copied."""

import contextlib
from collections.abc import Mapping, Sequence

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing, Refused
from vaultd.format.box import open_box
from vaultd.format.limits import KIND_LOG
from vaultd.format.record import Record, decode_record, record_id
from vaultd.jobs.felt import let_go, removed_slots
from vaultd.store.vault import Vault
from vaultd.tree.purging import Purging


class _Both:
    """The records of both."""

    def __init__(self, records: Mapping[bytes, Record]) -> None:
        self.records = records


def let_go_by_both(vault: Vault, copy: Copy) -> frozenset[str]:
    """What no copy needs, by the log in use and what only `copy` has of it. A copy that was away may bring a
    snapshot that needs what everybody else has let go of: that comes with it. Where something of its log
    cannot be read, nothing but key slots is taken for let go of. Raises Unreachable.
    """
    if not vault.journal.derived(Purging).purges:
        return let_go(vault.journal)  # nothing is left out: what is copied too much does no harm
    here = {file.name for file in vault.copy.list("log/")}
    more = dict[bytes, Record]()
    for name in sorted(file.name for file in copy.list("log/") if file.name not in here):
        with contextlib.suppress(Damaged, Missing, Refused):
            more |= _records(vault, copy, name)
            continue
        return removed_slots(vault.journal)
    if more.keys() <= vault.journal.records.keys():
        return let_go(vault.journal)
    both = Purging(_Both({**vault.journal.records, **more}))
    return removed_slots(vault.journal) | frozenset(map(ids.pack_name, both.purged))


def _records(vault: Vault, copy: Copy, name: str) -> dict[bytes, Record]:
    boxed: Sequence[tuple[object, bytes]] = list(open_box(copy.fetch(name), vault.keys, KIND_LOG))
    return {record_id(plain): decode_record(plain) for _, plain in boxed}
