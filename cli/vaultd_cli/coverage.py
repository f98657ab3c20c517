"""How far a copy has been read back, and how its last drill went, in words and in JSON."""

import time
from typing import TYPE_CHECKING, Any

from vaultd_cli import show
from vaultd_cli.catalogue import Said, say

if TYPE_CHECKING:
    from vaultd.store.ledger import Drilled

# What the design promises of every byte, in ns: read back at least every 30 days.
_OLD = 30 * 86_400 * 1_000_000_000


def read_back(unread: int, since: int | None) -> str:
    """Since when every byte of a copy was read back, or what of it never was; to stand in a sentence."""
    if unread or since is None:
        return Said(say("coverage.never", files=unread))
    old = time.time_ns() - since > _OLD
    return Said(say("coverage.old" if old else "coverage.since", since=since))


def drill(drilled: "Drilled | None") -> str:
    """How the last drill went; to stand in a sentence."""
    if drilled is None:
        return Said(say("coverage.never-drilled"))
    facts = {"when": drilled.time, "files": drilled.files, "wrong": drilled.wrong}
    return Said(say("coverage.drill-failed" if drilled.wrong else "coverage.drilled", **facts))


def as_json(unread: int | None, since: int | None, drilled: "Drilled | None") -> dict[str, Any]:
    """The same for a program; `unread` is None where the copy does not answer."""
    return {
        "unread": unread,
        "read_since": show.instant(since) if since else None,
        "drilled": drilled
        and {
            "time": show.instant(drilled.time),
            "good": not drilled.wrong,
            "files": drilled.files,
            "wrong": drilled.wrong,
            "seed": drilled.seed,
        },
    }
