"""What the rules found, in a step between two snapshots: by that it is seen where it began."""

from collections.abc import Sequence

from vaultd.guard import encryption, shrinking
from vaultd.guard.trips import CHAT, DELETED, EMPTIED, ENCRYPTED, RENAMED, SHRUNK, Trip, rules_of
from vaultd.jobs.verdicts import Judging
from vaultd.tree.losses import Losses


class Traces:
    """Called with what was lost in a step, it says whether any of that is a part of what was found in
    `day`.
    """

    def __init__(self, trips: Sequence[Trip], day: Losses, judging: Judging) -> None:
        self._rules = set(rules_of(trips))
        self._gone = {each.path for each in day.gone}
        self._stores = {path for trip in trips if trip.rule == CHAT for path in trip.examples}
        self._judging = judging

    def __call__(self, step: Losses) -> bool:
        return (
            (bool(self._rules & {DELETED, EMPTIED, RENAMED}) and self._has_gone(step))
            or (bool(self._rules & {ENCRYPTED, RENAMED}) and self._is_encrypted(step))
            or (SHRUNK in self._rules and bool(shrinking.candidates(step.rewritten)))
            or (CHAT in self._rules and self._has_lost_messages(step))
        )

    def _has_gone(self, step: Losses) -> bool:
        return any(each.path in self._gone for each in step.gone)

    def _is_encrypted(self, step: Losses) -> bool:
        judged = self._judging.judged(encryption.rewritten_in(step))
        return any(each.verdict in encryption.LOST for each in judged)

    def _has_lost_messages(self, step: Losses) -> bool:
        shrunk = [each.path for each in step.rewritten if each.b.size < each.a.size]
        return not self._stores.isdisjoint([each.path for each in step.gone] + shrunk)
