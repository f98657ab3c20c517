"""What must hold after every step, whatever happened."""

from collections.abc import Collection, Iterable
from itertools import combinations

from tests.torture.simulator.before import Before, Violated, felt_of, gaps, is_older
from tests.torture.simulator.media import Medium, Slot, Watch
from tests.torture.simulator.program import Program, Said
from tests.torture.simulator.truth import Truth
from vaultd import ids
from vaultd.errors import (
    CopyGone,
    Damaged,
    LostTooMuch,
    Missing,
    NoVault,
    Unreachable,
    VaultdError,
    WrongPlace,
)
from vaultd.jobs.check import Report

_LIES = ("short", "empty")
_TEXTS = ("README.txt", "FORMAT.md")


class Rules:
    """Beside the truth they know what the program has read: `proven` are files that it may take for right,
    by label, and `known_bad` those whose last whole read failed.
    """

    def __init__(self, slots: dict[str, Slot], truth: Truth, program: Program, foreign: Medium) -> None:
        self._slots, self._truth, self._program, self._foreign = slots, truth, program, foreign
        self.read: dict[str, set[str]] = {label: set() for label in slots}
        self.proven: dict[str, set[str]] = {label: set() for label in slots}

    # What happened besides.

    def forget(self, label: str) -> None:
        """What was read back from this copy counts no more."""
        self.read[label].clear()

    def lost_state(self, what: str) -> None:
        if what != "ledger":
            for names in self.proven.values():
                names.clear()

    def note(self, watch: Watch, unheard: Collection[str] = ()) -> None:
        """Learn from what the program has done so far; more of the same may follow. What it found bad on
        copies of these labels, and was cut off before it could write down, it need not know.
        """
        for label, name, data in watch.written:
            self._truth.learn(name, data)
            if (label, name) not in watch.lost:
                self.proven[label].add(name)
        for (label, name), right in watch.last.items():
            for known in (self.read[label], self.proven[label]):
                if right:
                    known.add(name)
                elif label not in unheard:
                    known.discard(name)

    def before(self, what: str, label: str) -> Before:
        slots = self._slots.values()
        media = {slot.medium for slot in slots} | {slot.inserted for slot in slots} | {self._foreign}
        return Before(
            what,
            label,
            {medium: dict(medium.files) for medium in media},
            {each: self._program.matched(each) for each in self._slots},
            {each: self._program.heads(each) for each in self._slots},
            {slot.label for slot in slots if slot.steady},
            {slot.label for slot in slots if slot.at_home},
            {slot.label for slot in slots if slot.listing in _LIES or slot.loses},
            {slot.label: slot.medium for slot in slots},
        )

    def after(self, before: Before, said: Said, watch: Watch) -> None:
        """Raises Violated."""
        self.note(watch, self._slots if said.stopped or said.raised else said.away)
        self._nothing_removed(before)
        self._strangers_untouched(before)
        self._quarantined_unwritten(before, said)
        self._ledger(before, said, watch)
        if said.forgot:
            # What it read before counts no more; what it read in this step, does.
            self.read[said.forgot] &= {name for label, name in watch.good if label == said.forgot}
        self._errors(before, said)
        self._reports(before, said)
        self._unmended(before, said)
        self._given(before, said)
        self._saved(before, said)
        if "protected" in said.levels:
            self._protected(before, said)

    # The rules.

    def _nothing_removed(self, before: Before) -> None:
        for medium, files in before.files.items():
            kept = {data for name, data in medium.files.items() if name.startswith("quarantine/")}
            for name, data in files.items():
                now = medium.files.get(name)
                if now is data or now == data or name in _TEXTS:
                    continue
                if self._truth.is_right(name, data) or name == "vault.id":
                    raise Violated("removed", f"{name} of {medium.name}")
                if data not in kept:
                    raise Violated("set aside", f"{name} of {medium.name} is gone without a trace")
                if now is not None and not self._truth.is_right(name, now):
                    raise Violated("set aside", f"{name} of {medium.name} was replaced by what is no better")
            for name in medium.files.keys() - files.keys():
                if ids.parse(name) and not self._truth.is_right(name, medium.files[name]):
                    raise Violated("wrong bytes", f"{name} came to {medium.name}")

    def _strangers_untouched(self, before: Before) -> None:
        home = set(before.home.values()) & {
            slot.medium for slot in self._slots.values() if slot.inserted is slot.medium
        }
        for medium, files in before.files.items():
            if medium not in home and medium.files != files:
                raise Violated("wrong place", f"{medium.name} was written")

    def _lossy(self, before: Before, label: str) -> bool:
        """Whether it lost more than a handful of what had been read back from it, gaps in its log not counted
        (docs/decisions/0014), or the end of its log.
        """
        names = felt_of(before.files[before.home[label]])
        once = before.matched[label]
        lost = len(once - {bytes.fromhex(name[-64:]) for name in names})
        many = lost - gaps(names) > max(3, len(once) // 1000)
        return many or is_older(names, before.heads[label])

    def _quarantined_unwritten(self, before: Before, said: Said) -> None:
        for label, medium in before.home.items():
            if label == said.forgot or not self._lossy(before, label):
                continue
            came = felt_of(medium.files) - felt_of(before.files[medium])
            if came or any(
                name.startswith("index/") for name in medium.files.keys() - before.files[medium].keys()
            ):
                raise Violated("quarantined", f"{label} lost much, and was given {sorted(came)}")

    def _ledger(self, before: Before, said: Said, watch: Watch) -> None:
        for label in self._slots:
            now = self._program.matched(label)
            good = {bytes.fromhex(n[-64:]) for where, n in watch.good if where == label and ids.parse(n)}
            bad = {bytes.fromhex(n[-64:]) for where, n in watch.bad if where == label and ids.parse(n)}
            bad |= {bytes.fromhex(n[-64:]) for n in self._wrong(before.files[before.home[label]])}
            if unread := now - before.matched[label] - good:
                raise Violated("ledger", f"{len(unread)} of {label} were never read back")
            if label != said.forgot and (gone := before.matched[label] - now - bad):
                raise Violated("ledger", f"{len(gone)} of {label} are forgotten without a reason")

    def _errors(self, before: Before, said: Said) -> None:
        """Missing, damaged and unreachable are three answers."""
        for error in said.errors:
            label = getattr(error, "copy", "")
            if label not in self._slots or not isinstance(error, Missing | Damaged):
                continue
            if label not in before.here:
                raise Violated("kinds", f"{label} is not there, and {error}")
            name = error.name
            if label in before.lying or ids.parse(name) is None:
                continue
            medium = before.home[label]
            states = [before.files[medium].get(name), medium.files.get(name)]
            if isinstance(error, Missing) and None not in states:
                raise Violated("kinds", f"{error}, but it is there")
            if isinstance(error, Damaged) and all(self._truth.is_right(name, data) for data in states):
                raise Violated("kinds", f"{error}, but it is right")
        for label, away in said.away.items():
            self._away(before, getattr(away, "copy", "") or label, away)

    def _away(self, before: Before, label: str, error: VaultdError | None) -> None:
        if label not in before.steady or not self._slots[label].steady:
            return
        if isinstance(error, Unreachable | CopyGone | NoVault | WrongPlace):
            raise Violated("kinds", f"{error}, but {label} answers")
        whole = not self._lossy(before, label) and self._wrong(before.files[before.home[label]]) == set()
        if isinstance(error, LostTooMuch) and whole:
            raise Violated("kinds", f"{error}, but {label} lost nothing")

    def _wrong(self, files: dict[str, bytes]) -> set[str]:
        return {
            name for name, data in files.items() if ids.parse(name) and self._truth.files.get(name) != data
        }

    def _reports(self, before: Before, said: Said) -> None:
        for label, report in said.reports.items():
            if label not in before.here:
                raise Violated("kinds", f"{label} is not there, and was checked")
            if label not in before.lying and before.home[label] is self._slots[label].medium:
                self._report(before, label, report)

    def _report(self, before: Before, label: str, report: Report) -> None:
        medium = before.home[label]
        told = {getattr(error, "name", "") for error in report.damage} | set(report.healed)
        if before.what in ("check data", "look", "heal") and (
            silent := self._wrong(before.files[medium]) - told
        ):
            raise Violated("report", f"nothing was said of {silent} of {label}")
        for name in report.healed:
            if not self._truth.is_right(name, medium.files.get(name)):
                raise Violated("report", f"{name} of {label} is said to be right again")
        # Something may have been mended since the report was made.
        states = [before.files[medium], medium.files]
        there = set().union(*states)
        right = self._truth.right_in(states[0]) & self._truth.right_in(states[1])
        if not report.walked:
            return  # it says that it does not know
        said = {lost.snapshot.id for lost in report.lost}
        for kept in self._truth.kept.values():
            gone = self._truth.lacks(kept.needs, there)
            if kept.record in right and gone and kept.snapshot.id not in said:
                raise Violated("lost", f"{label} lacks part of {kept.record}, and does not say so")
            if kept.snapshot.id in said and not self._truth.lacks(kept.needs | kept.attic, right):
                raise Violated("lost", f"{label} has all of {kept.record}, and calls it lost")

    def _unmended(self, before: Before, said: Said) -> None:
        """What is missing from every copy is said to be so by a name without a copy."""
        for label, error in said.unmended:
            if not isinstance(error, Missing) or error.copy:
                continue
            for other in self._slots.keys() - {label}:
                if other not in before.here or self._slots[other].flaky:
                    raise Violated("nowhere", f"{error.name} is in no copy, but {other} was not asked")
                if self._truth.is_right(error.name, before.files[before.home[other]].get(error.name)):
                    raise Violated("nowhere", f"{error.name} is in no copy, but {other} has it")

    def _given(self, before: Before, said: Said) -> None:
        right = self._right(slot for slot in self._slots.values() if slot.label in before.steady)
        for identity, contents in said.given.items():
            kept = self._truth.kept[identity]
            if contents is not None and contents != kept.contents:
                raise Violated("restore", f"{kept.record} came back as {contents}")
            if contents is None and before.here == before.steady and self._truth.has(kept, right):
                raise Violated("restore", f"{kept.record} did not come back: {said.errors}")

    def _right(self, slots: Iterable[Slot]) -> set[str]:
        return {name for slot in slots for name in self._truth.right_in(slot.medium.files)}

    def _saved(self, before: Before, said: Said) -> None:
        """What is acknowledged is on the copy in use, as far as the program can know."""
        if said.snapshot is None:
            return
        label, kept = said.used, self._truth.kept[said.snapshot.id]
        if label in before.lying:
            return
        files = before.home[label].files
        there = self._truth.right_in(files) | (self.proven[label] & files.keys())
        if not self._truth.has(kept, there):
            raise Violated("saved", f"{kept.record} is acknowledged, and {label} does not hold all of it")

    def _protected(self, before: Before, said: Said) -> None:
        """Two copies on two hosts hold whatever the one in use tells of, and it was read back there."""
        here = [slot for slot in self._slots.values() if slot.label in before.here or slot.at_home]
        told = self._right([] if said.used in before.lying else [self._slots[said.used]])
        wanted = [kept for kept in self._truth.kept.values() if kept.record in told]
        reasons = []
        for pair in combinations(here, 2):
            if pair[0].host == pair[1].host:
                continue
            reason = self._why_not(pair, [kept.record for kept in wanted], [kept.needs for kept in wanted])
            if not reason:
                return
            reasons.append(reason)
        raise Violated("protected", "; ".join(reasons) or "fewer than two places answer")

    def _why_not(self, pair: tuple[Slot, Slot], records: list[str], needs: list[frozenset[bytes]]) -> str:
        felt = set().union(*(felt_of(slot.medium.files) for slot in pair))
        for slot in pair:
            held = felt_of(slot.medium.files) & self.read[slot.label]
            if lacking := sorted((felt | set(records)) - held):
                return f"{slot.label} lacks, or did not read back, {lacking[:2]}"
            if any(self._truth.lacks(blobs, held) for blobs in needs):
                return f"{slot.label} lacks part of a snapshot"
        return ""
