"""How well a source is watched: in JSON, and in words where something is missing."""

from typing import TYPE_CHECKING, Any

from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultd.daemon.changes import Scanning, State


def as_json(state: "State") -> dict[str, Any]:
    """`folders` that are watched, and `refused` that cannot be; where none is (`blind`), `why`, and the
    `command` that helps.
    """
    from vaultd.daemon.changes import Gone, Watching

    if isinstance(state, Watching):
        return _words(state.folders, state.part_count)
    if isinstance(state, Gone):
        return _words(why="unmounted" if state.code == "unmounted" else "gone")
    return _scanned(state)


def _scanned(state: "Scanning") -> dict[str, Any]:
    from vaultd.daemon.changes import Beginning, Network, TooMany, TooManyWatchers

    match state.reason:
        case Beginning():
            return _words(why="beginning")
        case Network():
            return _words(why="network")
        case TooMany() | TooManyWatchers() as few:
            return _words(why="too-few-watches", command=few.command)
        case _:
            return _words(why="error")


def _words(
    folders: int = 0, refused: int = 0, why: str | None = None, command: str | None = None
) -> dict[str, Any]:
    blind = why is not None and why != "beginning"
    return {"folders": folders, "refused": refused, "blind": blind, "why": why, "command": command}


def tell(run: Run, source: "Mapping[str, Any]") -> None:
    """Where not every folder is watched, and what can be done about it."""
    name, warn = source["name"], run.console.warn
    if source["refused"]:
        warn("daemon.refused", name=name, folders=source["refused"])
    match source["why"]:
        case "network":
            warn("daemon.blind-network", name=name)
        case "too-few-watches":
            warn("daemon.blind-watches", name=name, command=source["command"])
        case "gone":
            warn("daemon.blind-gone", name=name)
        case "unmounted":
            warn("daemon.blind-unmounted", name=name)
        case "error":
            warn("daemon.blind-error", name=name)
