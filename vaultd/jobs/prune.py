"""Let go of what no snapshot needs: mark, condemn, wait for every device, mark again, give leave, and remove,
copy by copy.

Nothing is removed by what one listing lacks: whatever cannot be read, or is not known, ends it before
anything is condemned. A dry run is the same without writing. Cut off at any moment, the next one goes on from
the records.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from time import time_ns as now_ns

from vaultd.errors import NotSure, Unreachable, VaultdError
from vaultd.format.keeping import CondemnBody, PurgeBody
from vaultd.jobs.felt import packs_wanted
from vaultd.jobs.guardclock import clock_is_wrong
from vaultd.jobs.judging import Judging
from vaultd.jobs.passing import CONDEMNED, ORPHANED, Passing, Span, undo_is_over
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.rewriting import Rewritten, rewrite, worth_rewriting
from vaultd.jobs.session import Session
from vaultd.jobs.spool import waiting_for
from vaultd.jobs.unlinking import Removed, Unlinking, refuse_unsure
from vaultd.progress import Progress
from vaultd.store.journal import Head, Journal
from vaultd.store.ledger import Ledger
from vaultd.store.needed import Use
from vaultd.store.vault import condemned
from vaultd.tree.incidents import open_incidents
from vaultd.tree.marking import mark
from vaultd.tree.purging import Purging
from vaultd.tree.standing import standing, undoable

# Of the bytes of a vault so many may be waste in packs that are partly needed, in percent.
MAX_UNUSED = 10.0
Counted = tuple[int, int]  # packs, and bytes in all


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a condemnation waits for: `packs` of it, of this `size` in all, until `devices` have said that
    they know of it, and until `left` of both kinds of time has passed.
    """

    packs: int
    size: int
    devices: tuple[bytes, ...]
    left: Span


@dataclass(slots=True)
class Pruned:
    """What was done, or would be: packs were `condemned` just now, of those `rewritten` before since a part
    was needed; leave was given for `purged`; `removed` says what became of each copy, where there was
    anything. `waiting` will go later. `unused` bytes lie among others that are needed, of `total`.
    """

    total: int = 0
    unused: int = 0
    condemned: Counted = (0, 0)
    rewritten: Counted = (0, 0)
    purged: Counted = (0, 0)
    waiting: list[Waiting] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    reached: Reached | None = None

    @property
    def left_over(self) -> bool:
        """Whether something could go, and a copy was in the way."""
        return any(each.error is not None for each in self.removed)


def lets_go(journal: Journal) -> bool:
    """Whether anybody has ever let go of anything: without that there is hardly anything to prune."""
    return bool(undoable(journal) or journal.derived(condemned))


def prune(
    session: Session,
    progress: Progress,
    stop: Callable[[], None],
    *,
    max_unused: float = MAX_UNUSED,
    dry_run: bool = False,
) -> Pruned:
    """Prune the vault of a session that writes, or only say what would be done. `stop` is called often and
    raises to interrupt.

    Raises NotSure where not all is known that must be known, and what writing to the copy in use raises: then
    nothing was removed. What is wrong with another copy is told, and it is left for later.
    """
    with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        return _Prune(session, ledger, progress, stop, max_unused / 100, dry_run).run()


@dataclass(slots=True)
class _Prune:
    session: Session
    ledger: Ledger
    progress: Progress
    stop: Callable[[], None]
    share: float
    dry: bool
    pruned: Pruned = field(default_factory=Pruned)
    # What of the log was known as it was marked.
    known: dict[bytes, Head] = field(default_factory=dict)

    def run(self) -> Pruned:
        self._refuse()
        self._bring_up()
        self._refuse()
        judging = self._mark()
        self._condemn(judging, judging.unused())
        self._give_leave(judging)
        self._bring_up()
        self._refuse()
        self._refuse_news()
        self._remove(judging)
        self._tell_waiting(judging.sizes)
        if not self.dry:
            self.session.vault.sync()
        return self.pruned

    @property
    def _purging(self) -> Purging:
        return self.session.vault.journal.derived(Purging)

    # Whether all is known that must be known.

    def _refuse(self) -> None:
        session = self.session
        if session.away:
            raise Unreachable(session.place.label, "away")
        for place in session.settings.copies:
            if waiting_for(session.home, place):
                raise NotSure("waiting", place.label)
        refuse_unsure(session.vault)
        self._refuse_suspicion()

    def _refuse_suspicion(self) -> None:
        """What looks like a wipe is answered by the owner first, and a clock that jumped tells no age."""
        if found := open_incidents(self.session.vault.journal):
            raise NotSure("incident", found[0].short)
        if clock_is_wrong(self.session):
            raise NotSure("clock", "")

    def _refuse_news(self) -> None:
        """What came to be known since it was marked may need anything."""
        journal, mine = self.session.vault.journal, {self.session.device}
        now = {device: head for device, head in journal.known().items() if device not in mine}
        if now != {device: head for device, head in self.known.items() if device not in mine}:
            raise NotSure("changed", self.session.place.label)

    def _bring_up(self) -> None:
        """Every copy that can be had holds the same, read back, and what it holds is known."""
        if self.dry:
            return
        reached = self.pruned.reached = protect(self.session, self.progress, self.stop)
        if reached.damage:
            raise NotSure("damage", reached.damage[0].name)
        self.session.vault.sync()

    # The marks, and what follows from them.

    def _mark(self) -> Judging:
        vault = self.session.vault
        self.progress.stage("mark")
        self.known = vault.journal.known()
        stand = standing(vault.journal, self._over())
        if not stand.whole:
            raise NotSure("nothing", vault.copy.label)
        return Judging(vault, mark(vault, stand, self.stop))

    def _over(self) -> set[bytes]:
        """Records that can be taken back no more."""
        written, now = undoable(self.session.vault.journal), now_ns()
        since = Passing(self.ledger).since(written)
        return {each for each, when in written.items() if undo_is_over(since[each], when, now)}

    def _condemn(self, judging: Judging, uses: dict[bytes, Use]) -> None:
        """The packs that nobody needs, and those of which what is needed is written anew first."""
        journal, sizes = self.session.vault.journal, judging.sizes
        gone = journal.derived(condemned)
        unreliable = self.session.vault.state.unreliable()
        relied = [pack for pack in sizes if pack not in unreliable]
        idle = frozenset(pack for pack in relied if not uses[pack].rows)
        dead = [pack for pack in sorted(idle) if not judging.is_needed(pack, idle)]
        dead = self._old_enough(dead)
        spared = [pack for pack in sorted(gone & sizes.keys()) if judging.is_needed(pack, idle)]
        chosen = [*worth_rewriting(uses, sizes, relied, self.share), *spared]
        done = self._rewritten(judging, chosen, idle)
        now = [*dead, *(pack for pack in done.packs if pack not in gone)]
        self.pruned.total = sum(sizes.values())
        self.pruned.unused = sum(
            uses[pack].all_bytes - uses[pack].bytes for pack in relied if uses[pack].rows
        )
        self.pruned.rewritten, self.pruned.condemned = _counted(done.packs, sizes), _counted(now, sizes)
        if (now or done.instead) and not self.dry:
            body = CondemnBody(packs=sorted(now), instead=sorted(done.instead))
            journal.append(CondemnBody.WORD, body.to_map(), known=self.known)

    def _old_enough(self, dead: list[bytes]) -> list[bytes]:
        """Without those that no record names, until they have been seen for a while."""
        named = packs_wanted(self.session.vault.journal)
        since = Passing(self.ledger).since([pack for pack in dead if pack not in named])
        return [pack for pack in dead if pack not in since or since[pack].covers(ORPHANED)]

    def _rewritten(self, judging: Judging, packs: list[bytes], leaving: Collection[bytes]) -> Rewritten:
        if self.dry or not packs:
            return Rewritten(packs)
        done = rewrite(self.session, judging, packs, leaving, self.progress, self.stop)
        self._bring_up()
        return done

    def _give_leave(self, judging: Judging) -> None:
        """For what was condemned, has waited long enough and for everybody, and is still needed by nobody."""
        purging, journal = self._purging, self.session.vault.journal
        since = Passing(self.ledger).since(purging.condemned)
        waited = {each for each in purging.condemned if since[each].covers(CONDEMNED)}
        all_of_them = frozenset(pack for each in purging.condemned.values() for pack in each.packs)
        here = all_of_them & judging.sizes.keys()
        needed = {pack for pack in here if judging.is_needed(pack, all_of_them)}
        packs, answers = purging.may_purge(needed | purging.purged, waited)
        self.pruned.purged = _counted(packs, judging.sizes)
        if packs and not self.dry:
            marked = sorted((device, head.seq, head.id) for device, head in self.known.items() if head.id)
            body = PurgeBody(answers=sorted(answers), marked=marked, packs=sorted(packs))
            journal.append(PurgeBody.WORD, body.to_map(), known=self.known)

    def _remove(self, judging: Judging) -> None:
        reached = self.pruned.reached
        behind: dict[bytes, VaultdError | None] = {
            each.place.copy_id: each.error for each in (reached.behind if reached is not None else ())
        }
        run = Unlinking(self.session, self.ledger, judging, self.progress, self.stop, self.dry)
        self.pruned.removed = run.run(behind)

    def _tell_waiting(self, sizes: dict[bytes, int]) -> None:
        purging = self._purging
        since = Passing(self.ledger).since(purging.condemned)
        told = set(purging.removable)
        for identity, each in sorted(purging.condemned.items()):
            if packs := (each.packs & sizes.keys()) - told:
                told |= packs
                left = Span(*(max(0, a - b) for a, b in zip(CONDEMNED, since[identity], strict=True)))
                devices = tuple(sorted(purging.waits_for(each)))
                self.pruned.waiting.append(Waiting(*_counted(packs, sizes), devices, left))


def _counted(packs: Iterable[bytes], sizes: dict[bytes, int]) -> Counted:
    found = [sizes.get(pack, 0) for pack in packs]
    return len(found), sum(found)
