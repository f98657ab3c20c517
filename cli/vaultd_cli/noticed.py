"""Notices in words: what happened, what happens next, and the one command to run."""

from typing import TYPE_CHECKING, Any

from vaultd_cli import incidents, show
from vaultd_cli.catalogue import in_english, knows, say

if TYPE_CHECKING:
    from vaultd.format.noticing import NoticeBody
    from vaultd.tree.notices import Notice

# What a notice of an older or newer vaultd may lack.
_NUMBERS = ("files", "healed", "lost", "hours", "free", "paths", "tries", "wrong", "damage", "gone", "of")


def title(notice: "Notice") -> str:
    """What happened, in one sentence."""
    return _filled(say, "notice", notice.body)


def in_one_language(notice: "Notice") -> str:
    """The same for JSON."""
    return _filled(in_english, "notice", notice.body)


def message(notice: "Notice") -> tuple[str, str]:
    """Title and text for a channel."""
    when = say("notice.when", when=show.moment(notice.time), id=notice.short)
    return title(notice), "\n\n".join((title(notice), advice(notice), when))


def advice(notice: "Notice") -> str:
    """What happens next, and what to run."""
    return _filled(say, "notice-next", notice.body)


def _filled(speak: Any, family: str, body: "NoticeBody") -> str:
    if body.what == "incident" and family == "notice":
        return _of_incident(speak, body)
    key = f"{family}.{body.what}"
    facts: dict[str, Any] = {**dict.fromkeys(_NUMBERS, 0), **body.facts}
    facts["id"] = f"{body.facts.get('incident', 0):08x}"
    return str(speak(key if knows(key) else f"{family}.unknown", what=body.what, about=body.about, **facts))


def _of_incident(speak: Any, body: "NoticeBody") -> str:
    from vaultd.guard.trips import RULES

    number = body.facts.get("rule", -1)
    rule = RULES[number] if 0 <= number < len(RULES) else ""
    return incidents.happened(rule, body.about, body.facts, speak)
