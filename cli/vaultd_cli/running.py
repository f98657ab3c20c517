"""Whether a daemon runs here, and what it says of itself."""

import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vaultd_cli import show
from vaultd_cli.run import Run

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """`pid` is 0 where none runs; `paused` is until when (ns since 1970). `sources` are those that it
    watches, as `told.as_json` has them.
    """

    pid: int = 0
    paused: int | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing keeps it from saving what changes soon."""
        return self.paused is None and not any(each["blind"] or each["refused"] for each in self.sources)

    def waiting(self, name: str) -> int:
        """In how many folders of a source something changed that is not saved yet."""
        return sum(int(each["waiting"]) for each in self.sources if each["name"] == name)

    def as_json(self) -> dict[str, Any]:
        paused = show.instant(self.paused) if self.paused else None
        return {"pid": self.pid or None, "paused_until": paused, "sources": self.sources}


def since(source: dict[str, Any]) -> int:
    """When the first of what waits was told (ns since 1970)."""
    return int(datetime.fromisoformat(source["waiting_since"]).timestamp() * _NS)


def running(run: Run) -> Running:
    """A daemon that runs and does not answer has no sources to tell of, but what it wrote down."""
    from vaultd.daemon.calling import NoAnswer, ask
    from vaultd.daemon.pause import Pause
    from vaultd.daemon.presence import pid_of, said

    until = Pause(run.home).until()
    paused = int(until * _NS) if until else None
    if not (pid := pid_of(run.home)):
        return Running(paused=paused)
    words = said(run.home, pid)
    with contextlib.suppress(NoAnswer):
        words = ask(run.home.socket_file, "status")
    return Running(pid, paused, words.get("sources", []))
