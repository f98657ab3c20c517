"""Boxes that a newer version wrote."""

from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing
from vaultd.format.box import MAGIC, MODE
from vaultd.format.limits import HEAD, HOLDS


def newer_box(copy: Copy, name: str) -> str:
    """Words for a whole box of a mode or kind that this version does not know; "" for any other file.

    It is not damaged: its bytes are what its name says. Whoever meets one must not delete from the vault.
    """
    try:
        head = copy.fetch(name)[:HEAD]
    except (Damaged, Missing):
        return ""
    if len(head) < HEAD or head[:8] != MAGIC or (head[8] in HOLDS and head[9] == MODE):
        return ""
    return f"box kind {head[8]} mode {head[9]}"
