"""Read some of what was rewritten, to see whether it is still what it was. What cannot be read is not
judged.
"""

from collections.abc import Sequence

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import Entry
from vaultd.guard.encryption import Judged, Verdict, is_severe, judge, sample
from vaultd.guard.kinds import HEAD, kind_of
from vaultd.guard.shrinking import SAMPLED
from vaultd.guard.structure import Read
from vaultd.tree.losses import Rewritten
from vaultd.tree.view import View

_BLOCK = 64 << 10


class Judging:
    """Of files of two trees in one vault; each pair is judged once."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[tuple[bytes, object, object], Judged] = {}

    def judged(self, found: Sequence[Rewritten]) -> list[Judged]:
        """A sample of them."""
        return [self._judged(each) for each in sample(found)]

    def same_kind(self, found: Sequence[Rewritten]) -> float:
        """The part of a sample that begins as before, by its kind. Where nothing can be read: all."""
        step = max(1, -(-len(found) // SAMPLED))
        same = [known for each in found[::step] if (known := self._is_same_kind(each)) is not None]
        return sum(same) / len(same) if same else 1.0

    def _judged(self, each: Rewritten) -> Judged:
        key = each.path, each.a.content, each.b.content
        if key not in self._known:
            self._known[key] = self._judge(each)
        return self._known[key]

    def _judge(self, each: Rewritten) -> Judged:
        read_b = self._reader(each.b)
        try:
            verdict = judge(self._reader(each.a), each.a.size, read_b, each.b.size)
            lost = verdict in (Verdict.NO_TYPE, Verdict.BROKEN)
            severe = lost and is_severe(each, read_b(each.b.size // 2, _BLOCK))
        except (Missing, Damaged):
            return Judged(each.path, Verdict.UNKNOWN)
        return Judged(each.path, verdict, severe)

    def _is_same_kind(self, each: Rewritten) -> bool | None:
        try:
            was, now = (kind_of(self._reader(entry)(0, HEAD)) for entry in (each.a, each.b))
        except (Missing, Damaged):
            return None
        return was is not None and was == now

    def _reader(self, entry: Entry) -> Read:
        return lambda offset, length: self._view.read(entry, offset, length)
