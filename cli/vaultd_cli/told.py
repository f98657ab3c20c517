"""What the daemon says of itself, line by line: into its log, or to who runs it."""

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

from vaultd_cli import incidents, others, show, watched
from vaultd_cli.catalogue import say
from vaultd_cli.failure import explain
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaultd.daemon.tended import Tended
    from vaultd.errors import NotSure, VaultdError
    from vaultd.jobs.check import Report
    from vaultd.jobs.drill import Drill
    from vaultd.jobs.forget import Plan
    from vaultd.jobs.guarding import Guarded
    from vaultd.jobs.protect import Reached
    from vaultd.jobs.prune import Pruned
    from vaultd.jobs.reread import Reread
    from vaultd.jobs.snapshot import Taken
    from vaultd.jobs.status import CopyStatus
    from vaultd.jobs.thin import Stopped
    from vaultd.settings import Place
    from vaultd.tree.sources import Source


class Told:
    """What happens, in words; see `service.Report` and `chores.Told`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ready = False

    def watching(self, tended: "Tended") -> None:
        words = as_json(tended)
        if words["folders"]:
            self._run.console.answer("daemon.watches", name=words["name"], folders=words["folders"])
        watched.tell(self._run, words)
        sys.stdout.flush()

    def gone(self, source: "Source") -> None:
        self._run.console.answer("daemon.lets-go", name=source.body.name)

    def read(self, source: "Source", taken: "Taken") -> None:
        pass

    def saved(self, taken: "Taken", reached: "Reached") -> None:
        body = taken.snapshot.body
        self._run.console.answer(
            "daemon.saved",
            name=body.name,
            id=taken.snapshot.short,
            changed=body.counts["changed"],
            level=say(f"level.{reached.level}"),
        )
        self.caught_up(reached)

    def guarded(self, source: "Source", guarded: "Guarded") -> None:
        incidents.tell(self._run, source, guarded)
        sys.stdout.flush()

    def untold(self, source: "Source", paths: int) -> None:
        self._run.console.warn("daemon.untold", name=source.body.name, paths=paths)

    def caught_up(self, reached: "Reached") -> None:
        if not reached.as_asked:
            others.tell(self._run, reached)

    def failed(self, error: "VaultdError | OSError", _: "Source | None" = None) -> None:
        explain(error).show(self._run.console)

    def scrubbed(self, place: "Place", found: "Report | VaultdError") -> None:
        from vaultd_cli.commands.check import tell_part

        if isinstance(found, Exception):
            explain(found).show(self._run.console)
        elif found.read[0] or not found.sound or found.healed:
            tell_part(self._run, found, place.label)
        sys.stdout.flush()

    def reread(self, source: "Source", found: "Reread | VaultdError") -> None:
        if isinstance(found, Exception):
            explain(found).show(self._run.console)
            return
        for path in found.rotten:
            self._run.console.warn("daemon.rot", name=source.body.name, path=path)
        sys.stdout.flush()

    def thinned(self, source: "Source", found: "Plan | Stopped") -> None:
        if isinstance(found, Exception):
            explain(found).show(self._run.console)
        elif found.thinned.gone:
            facts = {"name": source.body.name, "gone": len(found.thinned.gone)}
            self._run.console.answer("daemon.thinned", of=len(found.line), **facts)
        sys.stdout.flush()

    def pruned(self, found: "Pruned | NotSure") -> None:
        from vaultd_cli.commands.prune import tell

        if isinstance(found, Exception):
            explain(found).show(self._run.console)
        elif found.condemned[0] or found.removed:
            tell(self._run, found, {}, dry_run=False)
        sys.stdout.flush()

    def looked(self, copies: "Iterable[CopyStatus]") -> None:
        pass

    def drilled(self, place: "Place", found: "Drill | VaultdError") -> None:
        from vaultd_cli.commands.drill import tell

        if isinstance(found, Exception):
            explain(found).show(self._run.console)
            self._run.console.warn("drill.not-tried", label=place.label)
        else:
            tell(self._run, found, place.label)
        sys.stdout.flush()

    def not_done(self, error: "VaultdError") -> None:
        explain(error).show(self._run.console)

    def states(self, tended: "list[Tended]") -> None:
        from vaultd.daemon.presence import notify, say_of_myself

        with contextlib.suppress(OSError):
            say_of_myself(self._run.home, {"sources": [as_json(each) for each in tended]})
        if not self._ready:
            self._ready = True
            notify(b"READY=1")
        sys.stdout.flush()


def as_json(tended: "Tended") -> dict[str, Any]:
    waiting = tended.waiting()
    return {
        "name": tended.source.body.name,
        **watched.as_json(tended.state),
        "waiting": waiting.folders,
        "waiting_since": None if waiting.since is None else show.instant(_as_wall_clock(waiting.since)),
    }


def _as_wall_clock(moment: float) -> int:
    """From the clock of the daemon, in seconds, to ns since 1970."""
    return time.time_ns() - int((time.monotonic() - moment) * 1e9)
