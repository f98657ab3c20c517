"""What a copy must hold, by what the log says, and does not."""

from collections.abc import Iterator

import blake3

from vaultd import ids
from vaultd.copies.contract import Stored
from vaultd.errors import Damaged, Missing, VaultdError
from vaultd.jobs.felt import packs_wanted
from vaultd.store.vault import Vault


def wrong_identity(vault: Vault) -> Iterator[VaultdError]:
    """`vault.id` has no name to hash to; what was enrolled says what it must be."""
    added = [record.body for _, record in vault.journal.of_kind("copy-added")]
    enrolled = [body["vault_id"] for body in added if body["copy"] == vault.copy.copy_id]
    try:
        found = blake3.blake3(vault.copy.get("vault.id")).digest()
    except (Damaged, Missing) as error:
        yield error
        return
    if enrolled and found not in enrolled:
        yield Damaged("vault.id", vault.copy.label, "digest")


def missing_slots(vault: Vault, files: list[Stored]) -> Iterator[VaultdError]:
    """Slots that were added and are gone: who removes one says so first."""
    there = {file.name for file in files}
    removed = {record.body["slot"] for _, record in vault.journal.of_kind("key-removed")}
    for _, record in vault.journal.of_kind("key-added"):
        slot = record.body["slot"]
        if slot not in removed and ids.key_name(slot) not in there:
            yield Missing(ids.key_name(slot), vault.copy.label)


def missing_packs(vault: Vault, files: list[Stored]) -> Iterator[VaultdError]:
    """Packs that somebody says were added, and that are gone without leave. Where all that lay in them is in
    other packs by now nobody asks: nothing is missed.
    """
    there = {file.name for file in files}
    for name in map(ids.pack_name, packs_wanted(vault.journal)):
        if name not in there:
            yield Missing(name, vault.copy.label)
