"""The files of a copy whose loss would be felt, and how many may be gone before that is no rot any more."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from itertools import chain

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, LostTooMuch, Missing, RolledBack, VaultdError
from vaultd.format.keeping import CondemnBody
from vaultd.settings import Home
from vaultd.store.journal import Journal
from vaultd.store.ledger import Ledger
from vaultd.tree.purging import Purging
from vaultd.tree.snapshots import every_snapshot

# An index file is a cache, and can be made anew from the packs.
_FELT = ("log/", "keys/", "packs/")
CACHES = ("index/", "parity/")
# A handful of bad files is rot, and is mended: the larger of three, and one in a thousand.
_HANDFUL, _ONE_IN = 3, 1000


def removed_slots(journal: Journal) -> frozenset[str]:
    """Names of the key slots that records say are removed: no copy needs them, and none gets them again."""
    return frozenset(ids.key_name(record.body["slot"]) for _, record in journal.of_kind("key-removed"))


def let_go(journal: Journal) -> frozenset[str]:
    """Names of all that records say no copy needs: slots that are removed, and packs for which leave to
    remove them is in force. Where one still stands it is neither counted nor copied.
    """
    return removed_slots(journal) | frozenset(map(ids.pack_name, journal.derived(Purging).purged))


def may_be_gone(journal: Journal) -> frozenset[str]:
    """The same, and packs for which such a leave was ever given: where one is gone it was not lost."""
    packs = (pack for purge in journal.derived(Purging).purges for pack in purge.packs)
    return removed_slots(journal) | frozenset(map(ids.pack_name, packs))


def packs_wanted(journal: Journal) -> dict[bytes, None]:
    """Hashes of all packs that were ever added on purpose, and for which no leave to remove them is in
    force; each once, in the order in which they came.
    """
    added = (pack for each in every_snapshot(journal) for pack in each.body.packs)
    instead = (
        pack
        for _, record in journal.of_kind(CondemnBody.WORD)
        for pack in CondemnBody.from_map(record.body).instead
    )
    purged = journal.derived(Purging).purged
    return {pack: None for pack in chain(added, instead) if pack not in purged}


def felt(copy: Copy, leave: frozenset[str]) -> dict[bytes, str]:
    """Every file whose loss would be felt, but for the names in `leave`: hash to name. Raises Unreachable."""
    names = [file.name for folder in _FELT for file in copy.list(folder)]
    return {digest_of(name): name for name in only_felt(names) if name not in leave}


def only_felt(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(_FELT)]


def caches(names: Iterable[str]) -> list[str]:
    """The others: what can be made anew from them."""
    return [name for name in names if name.startswith(CACHES)]


def digest_of(name: str) -> bytes:
    """The hash that a file is named by, 32 bytes."""
    return bytes.fromhex(name[-64:])


def name_of(error: VaultdError, *, parity: bool = False) -> str:
    """The name by its hash of what is damaged or missing: of a parity file, or of any other. "" otherwise."""
    name = getattr(error, "name", "")
    parsed = ids.parse(name) if isinstance(error, Damaged | Missing) else None
    return name if parsed is not None and (parsed.folder == "parity") == parity else ""


def handful(of: int) -> int:
    """How many bad files of so many are taken for rot."""
    return max(_HANDFUL, of // _ONE_IN)


def refuse_lossy(ledger: Ledger, copy: Copy, leave: frozenset[str]) -> None:
    """Raises LostTooMuch where more than a handful of the files that were read back from a copy are not there
    any more, and RolledBack where the end of its log is not. A copy that was away lacks what it never had,
    and that is nothing lost; nor is a record that stands in one file with later ones by now.
    """
    once = ledger.matched(copy.copy_id) - {digest_of(name) for name in leave}
    there = felt(copy, leave) if once else {}
    lost = len(once - there.keys())
    if lost > handful(len(once)) and lost - _merged(there.values()) > handful(len(once)):
        raise LostTooMuch(copy.label, lost, len(once))
    if lost:
        _refuse_older(ledger, copy, there)


def _refuse_older(ledger: Ledger, copy: Copy, there: dict[bytes, str]) -> None:
    """An older state of a copy may lack few files, and looks whole. What was read back last of a log
    tells.
    """
    now = heads_of(there.values())
    for device, (seq, digest) in sorted(ledger.heads(copy.copy_id).items()):
        has = now.get(device, (0, b""))[0]
        if has < seq and digest not in there:
            raise RolledBack(copy.label, seq - has, seq)


def forget_gone(ledger: Ledger, copy: Copy, may_be: frozenset[str]) -> None:
    """What was read back from a copy, and was removed there with leave, counts as read back no more: should
    somebody need it again it is not missed there, but brought. Raises Unreachable.
    """
    if named := ledger.matched(copy.copy_id) & {digest_of(name) for name in may_be}:
        there = {digest_of(file.name) for folder in _FELT for file in copy.list(folder)}
        ledger.forget(copy.copy_id, named - there)


def heads_of(names: Iterable[str]) -> dict[bytes, tuple[int, bytes]]:
    """Of each device the number and the hash of the last file of its log."""
    heads = dict[bytes, tuple[int, bytes]]()
    for name in names:
        file = ids.parse(name)
        if file is not None and file.folder == "log":
            heads[file.device] = max(heads.get(file.device, (0, b"")), (file.seq, digest_of(name)))
    return heads


def refuse_lossy_by(home: Home, copy: Copy, leave: frozenset[str]) -> None:
    """The same by the ledger of this computer, for who has not opened it. Raises LostTooMuch."""
    with contextlib.closing(Ledger(home.ledger_file)) as ledger:
        refuse_lossy(ledger, copy, leave)


def _merged(names: Iterable[str]) -> int:
    """How many records of the log have no file of their own, as far as names tell: each device's up to its
    last one.
    """
    files = Counter[bytes]()
    last = dict[bytes, int]()
    for name in map(ids.parse, names):
        if name is not None and name.folder == "log":
            files[name.device] += 1
            last[name.device] = max(last.get(name.device, 0), name.seq)
    return sum(last.values()) - files.total()


def count_as_unread(home: Home, copy_id: bytes, troubles: Iterable[VaultdError]) -> None:
    """What was found damaged on a copy counts as read back from it no more. What is gone stays in the ledger:
    by that it is known to have been there.
    """
    names = [error.name for error in troubles if isinstance(error, Damaged) and ids.parse(error.name)]
    if names:
        with contextlib.closing(Ledger(home.ledger_file)) as ledger:
            ledger.forget(copy_id, map(digest_of, names))
