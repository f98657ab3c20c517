"""Take packs off a copy that leave was given for, once it is shown that nothing needs them on that copy."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing, NotSure, Refused, VaultdError
from vaultd.jobs.elsewhere import copy_at
from vaultd.jobs.felt import count_as_unread, digest_of, may_be_gone, refuse_lossy
from vaultd.jobs.judging import Judging
from vaultd.jobs.opening import open_other
from vaultd.jobs.parity import cover_copy, has_parity
from vaultd.jobs.scrub import note
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.store.ledger import Ledger
from vaultd.store.vault import Vault
from vaultd.tree.purging import Purging

# So many are removed, or read back, before the ledger is told.
_TOLD_TOGETHER = 64


@dataclass(slots=True)
class Removed:
    """What became of one copy: so many packs and bytes were removed from it, or would be; `needed` stay,
    since something there needs them; `error` says why the rest was left for later.
    """

    place: Place
    packs: int = 0
    bytes: int = 0
    needed: int = 0
    error: VaultdError | None = None


@dataclass(slots=True)
class Unlinking:
    """Over the copies of a session that writes, and has brought them all up. `judging` is over what was
    marked.
    """

    session: Session
    ledger: Ledger
    judging: Judging
    progress: Progress
    stop: Callable[[], None]
    dry: bool = False
    done: list[Removed] = field(default_factory=list)

    def run(self, behind: dict[bytes, VaultdError | None]) -> list[Removed]:
        """Go over the copies, the one in use last; those that are `behind`, by their ids, are left for
        later. Never raises for what is wrong with one: that is told.
        """
        for place in (*self.session.others, self.session.place):
            removed = Removed(place)
            try:
                if self._stands_on(place):
                    if place.copy_id in behind:
                        raise behind[place.copy_id] or NotSure("behind", place.label)
                    with self._opened(place) as vault:
                        self._clear(place, vault, removed)
            except VaultdError as error:
                removed.error = error
            if removed.error or removed.packs or removed.needed:
                self.done.append(removed)
        return self.done

    @property
    def _going(self) -> frozenset[bytes]:
        return self.session.vault.journal.derived(Purging).removable

    def _stands_on(self, place: Place) -> bool:
        """Whether anything is there that may go."""
        if not self._going:
            return False
        with copy_at(self.session, place) as copy:
            return any(digest_of(file.name) in self._going for file in copy.list("packs/"))

    @contextlib.contextmanager
    def _opened(self, place: Place) -> Iterator[Vault]:
        if place == self.session.place:
            yield self.session.vault
            return
        with open_other(self.session, place) as vault:
            yield vault

    def _clear(self, place: Place, vault: Vault, removed: Removed) -> None:
        copy, used = vault.copy, self.session.vault
        purged = used.journal.derived(Purging).purged
        listed = {digest_of(file.name): file.size for file in copy.list("packs/")}
        going = sorted(self._going & listed.keys())
        if not going:
            return
        self._refuse_unlike(vault)
        if not self.dry:
            refuse_lossy(self.ledger, copy, may_be_gone(used.journal))
            self._read_all(vault, set(self.judging.sizes) - purged, listed)
            self._renew_parity(place, copy, purged)
        self._judge(vault, going, listed, removed)

    def _refuse_unlike(self, vault: Vault) -> None:
        """Where the log of this copy says anything else than the one that was marked by, nothing goes."""
        refuse_unsure(vault)
        if vault.journal.records.keys() != self.session.vault.journal.records.keys():
            raise NotSure("behind", vault.copy.label)

    def _read_all(self, vault: Vault, wanted: set[bytes], listed: Collection[bytes]) -> None:
        """All that stays must be there, and right, as read back from this very copy."""
        copy = vault.copy
        if lacking := wanted - set(listed):
            raise NotSure("damage", ids.pack_name(min(lacking)))
        names = sorted(map(ids.pack_name, wanted - self.ledger.matched(copy.copy_id)))
        self.progress.stage("read-back")
        self.progress.total(files=len(names))
        for begin in range(0, len(names), _TOLD_TOGETHER):
            some = names[begin : begin + _TOLD_TOGETHER]
            for name in some:
                self.stop()
                self._read_back(vault, name)
                self.progress.add(files=1)
            note(self.ledger, copy.copy_id, some)

    def _read_back(self, vault: Vault, name: str) -> None:
        try:
            vault.copy.read_back(name)
        except (Damaged, Missing) as error:
            count_as_unread(self.session.home, vault.copy.copy_id, [error])
            vault.index.suspect([name], ())
            raise

    def _renew_parity(self, place: Place, copy: Copy, purged: Collection[bytes]) -> None:
        """Other packs may be rebuilt by one that goes: first there is parity that does without it."""
        if has_parity(place):
            covered = cover_copy(self.session.home, place, copy, self.progress, self.stop, removed=purged)
            if covered.error is not None or covered.damage:
                raise covered.error or covered.damage[0]

    def _judge(self, vault: Vault, going: list[bytes], listed: dict[bytes, int], removed: Removed) -> None:
        copy, leaving = vault.copy, frozenset(going)
        there = listed.keys() - leaving
        if not self.dry:
            there &= self.ledger.matched(copy.copy_id)
        log = {file.name for file in copy.list("log/")}
        free = [pack for pack in going if not self._is_needed(vault, pack, leaving, there)]
        removed.needed = len(going) - len(free)
        self.judging.check()
        if {file.name for file in copy.list("log/")} != log:
            raise NotSure("changed", copy.label)
        self.progress.stage("remove")
        self.progress.total(files=len(free))
        for begin in range(0, len(free), _TOLD_TOGETHER):
            for pack in free[begin : begin + _TOLD_TOGETHER]:
                self.stop()
                if not self.dry:
                    copy.remove(ids.pack_name(pack))
                removed.packs += 1
                removed.bytes += listed[pack]
                self.progress.add(files=1)
            if not self.dry:
                self.ledger.forget(copy.copy_id, free[begin : begin + _TOLD_TOGETHER])

    def _is_needed(
        self, vault: Vault, pack: bytes, leaving: Collection[bytes], there: Collection[bytes]
    ) -> bool:
        if vault is self.session.vault or pack in self.judging.sizes:
            return self.judging.is_needed(pack, leaving, there)
        try:
            size = vault.state.packs()[pack]
            table = [row.id for row in vault.index.read_table(pack, size)]
            return bool(self.judging.needed_of(pack, table, leaving, there))
        except (KeyError, Missing, Refused):
            return True


def refuse_unsure(vault: Vault) -> None:
    """Raises NotSure where anything that was read of a copy is wrong, or not known."""
    if vault.troubles:
        raise NotSure("damage", getattr(vault.troubles[0], "name", ""))
    if vault.unknown:
        raise NotSure("unknown", vault.unknown[0])
    if vault.journal.forked:
        raise NotSure("fork", "")
