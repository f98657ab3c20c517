"""Incidents in words: what happened, its likely cause, and the one command that undoes it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaultd_cli import show
from vaultd_cli.catalogue import Said, in_english, knows, say
from vaultd_cli.failure import explain
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.guarding import Guarded
    from vaultd.jobs.session import Session
    from vaultd.tree.incidents import Incident
    from vaultd.tree.sources import Source

_NOT_ALL_SAFE = 3
# What an incident of an older or newer vaultd may lack.
_NUMBERS = (
    *("files", "bytes", "of", "days", "folders", "folder_files", "stores", "store_bytes", "store_bytes_now"),
    *("broken", "changed", "renamed", "shrunk", "shrunk_bytes", "clock_days"),
)


def happened(rule: str, name: str, facts: Mapping[str, int], speak: Any = say) -> str:
    """What one rule found, in one sentence."""
    key = f"happened.{rule}"
    numbers: dict[str, Any] = {**dict.fromkeys(_NUMBERS, 0), **facts}
    return Said(speak(key if knows(key) else "happened.unknown", about=name, **numbers))


def title(incident: "Incident", name: str, speak: Any = say) -> str:
    """What happened first of all."""
    rules = incident.rules
    return happened(rules[0] if rules else "", name, incident.facts, speak)


def cause(incident: "Incident", speak: Any = say) -> str:
    """What it probably was."""
    key = f"cause.{incident.rules[0] if incident.rules else ''}"
    return str(speak(key if knows(key) else "cause.unknown"))


def undo(incident: "Incident") -> str:
    """The one command that gives back what was there."""
    good = incident.good.hex()[:8] if incident.good else "SNAPSHOT"
    return f"vaultd restore {good} --target DIR"


def names_of(session: "Session") -> dict[bytes, str]:
    """The names of all sources, by their ids."""
    from vaultd.tree.sources import list_sources

    return {each.body.id: each.body.name for each in list_sources(session.vault.journal, removed=True)}


def tell(run: Run, source: "Source", guarded: "Guarded") -> int:
    """What the guard found after a snapshot; 3 where it found or lacked anything."""
    if guarded.error is not None:
        run.console.warn("guard.failed", name=source.body.name, why=Said(_why(guarded.error)))
    if guarded.unread:
        run.console.warn("guard.unread", name=source.body.name, places=guarded.unread)
    if guarded.incident is not None:
        _warn(run, source.body.name, guarded.incident)
    is_well = guarded.incident is None and guarded.error is None and not guarded.unread
    return 0 if is_well else _NOT_ALL_SAFE


def tell_open(run: Run, session: "Session", source: "Source") -> int:
    """The incidents of a source that are open; 3 where there are any."""
    from vaultd.tree.incidents import open_incidents

    mine = [each for each in open_incidents(session.vault.journal) if each.source == source.body.id]
    for incident in mine:
        _warn(run, source.body.name, incident)
    return _NOT_ALL_SAFE if mine else 0


def as_json(incident: "Incident", name: str) -> dict[str, Any]:
    from vaultd_cli.console import named

    ended = incident.ended
    return {
        "id": incident.id.hex(),
        "source": name,
        "time": show.instant(incident.time),
        "open": incident.is_open,
        "ended": None if ended is None else show.instant(ended),
        "rules": incident.rules,
        "facts": incident.facts,
        "message": title(incident, name, in_english),
        "cause": cause(incident, in_english),
        "good": incident.good.hex() if incident.good else None,
        "tripped": [each.hex() for each in incident.tripped],
        "hold": incident.first.hold.hex() if incident.first.hold else None,
        "examples": [named("path", path) for path in incident.examples],
        "undo": undo(incident),
    }


def _warn(run: Run, name: str, incident: "Incident") -> None:
    run.console.warn("guard.held", what=title(incident, name))
    if incident.good is not None:
        run.console.warn("guard.undo", good=incident.good.hex()[:8], name=name)


def _why(error: Exception) -> str:
    from vaultd.errors import VaultdError

    if not isinstance(error, VaultdError):
        return error.strerror or "" if isinstance(error, OSError) else ""
    told = explain(error)
    return str(say(told.message, **told.facts)).rstrip(".。")
