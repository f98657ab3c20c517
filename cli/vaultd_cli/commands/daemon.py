"""`vaultd daemon`: save what changes, all day."""

import contextlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import show
from vaultd_cli.amounts import span
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.failure import explain
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vaultd.daemon.control import Answer
    from vaultd.daemon.service import Service
    from vaultd.daemon.tended import Tended
    from vaultd.errors import VaultdError
    from vaultd.jobs.protect import Reached
    from vaultd.jobs.session import Session
    from vaultd.jobs.snapshot import Taken
    from vaultd.tree.sources import Source

_NOT_ALL_SAFE = 3
# A first start reads the log of the vault and sets tens of thousands of watches.
_STARTS_WITHIN = 60.0
_STOPS_WITHIN = 20.0
_LOOK_AGAIN = 0.1
# What a log may have before the next start puts it aside.
_LOG_BYTES = 10 << 20

daemon = Group("daemon")


@daemon.verb("run")
def run_(run: Run) -> int:
    from vaultd.daemon.control import Control
    from vaultd.daemon.presence import notify, presence
    from vaultd.daemon.service import Service
    from vaultd.hardening import keep_memory_private

    keep_memory_private()
    _refuse_without_key(run)
    with presence(run.home):
        service = Service(run.home, lambda avoid: _entered(run, avoid), _Told(run))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        signal.signal(signal.SIGHUP, lambda *_: service.reload())
        control = Control(run.home.socket_file, _answers(service), service.turns)
        control.start()
        try:
            service.run()
        finally:
            control.stop()
        notify(b"STOPPING=1")
    run.console.answer("daemon.stopped")
    return 0


@daemon.verb("start")
def start(run: Run) -> int:
    from vaultd.daemon.presence import log_file, pid_of, said

    _refuse_without_key(run)
    if pid := pid_of(run.home):
        run.console.answer("daemon.runs-already", pid=pid)
        return 0
    run.home.make()
    log = log_file(run.home)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    words = [sys.executable, "-P", "-m", "vaultd_cli", "daemon", "run", "--home", str(run.home.config)]
    with log.open("ab") as out:
        process = subprocess.Popen(
            _without_home(run, words),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    end = time.monotonic() + _STARTS_WITHIN
    while process.poll() is None and time.monotonic() < end:
        if said(run.home, process.pid):
            run.console.answer("daemon.started", pid=process.pid, log=str(log))
            return 0
        time.sleep(_LOOK_AGAIN)
    run.console.warn("daemon.not-started", log=str(log))
    return 1


@daemon.verb("stop")
def stop(run: Run) -> int:
    import os

    from vaultd.daemon.presence import pid_of

    pid = pid_of(run.home)
    if not pid:
        run.console.answer("daemon.none")
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + _STOPS_WITHIN
    while pid_of(run.home) == pid:
        if time.monotonic() > end:
            run.console.warn("daemon.goes-on", pid=pid)
            return 1
        time.sleep(_LOOK_AGAIN)
    run.console.answer("daemon.stopped")
    return 0


@daemon.verb("pause")
@click.option("--for", "seconds", metavar="SPAN", callback=span, help=say("option.pause-for"))
def pause(run: Run, seconds: float | None) -> int:
    from vaultd.daemon.pause import USUAL, Pause

    run.settings  # noqa: B018 - whether there is a vault comes first
    run.home.make()
    try:
        until = Pause(run.home).begin(USUAL if seconds is None else seconds)
    except ValueError:
        raise click.BadParameter(say("daemon.pause-longest"), param_hint="--for") from None
    _reload(run)
    run.console.answer("daemon.paused", until=show.moment(int(until * 1e9)))
    return 0


@daemon.verb("resume")
def resume(run: Run) -> int:
    from vaultd.daemon.pause import Pause

    Pause(run.home).end()
    _reload(run)
    run.console.answer("daemon.resumed")
    return 0


def _reload(run: Run) -> None:
    """That no daemon runs is not an error: the next one looks when it starts."""
    from vaultd.daemon.calling import NoAnswer, ask

    with contextlib.suppress(NoAnswer):
        ask(run.home.socket_file, "reload")


@daemon.verb("status")
def status(run: Run) -> int:
    from vaultd.daemon.calling import NoAnswer, ask
    from vaultd.daemon.pause import Pause
    from vaultd.daemon.presence import pid_of, said

    pid = pid_of(run.home)
    found = said(run.home, pid) if pid else {}
    with contextlib.suppress(NoAnswer):
        found = ask(run.home.socket_file, "status") if pid else {}
    until = Pause(run.home).until()
    sources: list[dict[str, Any]] = found.get("sources", [])
    if run.json:
        paused = show.instant(int(until * 1e9)) if until else None
        run.console.json({"pid": pid or None, "paused_until": paused, "sources": sources})
    elif not pid:
        run.console.answer("daemon.none")
    else:
        run.console.answer("daemon.runs", pid=pid)
        columns = [Column("column.name"), Column("column.watched"), Column("column.waiting")]
        run.console.table(columns, [_row(each) for each in sources])
        for each in sources:
            _tell_watched(run, each)
    if until and not run.json:
        run.console.warn("daemon.paused", until=show.moment(int(until * 1e9)))
    whole = pid and not until and not any(each["blind"] or each["refused"] for each in sources)
    return 0 if whole else _NOT_ALL_SAFE


def _row(source: "Mapping[str, Any]") -> list[str]:
    waiting = source["waiting"]
    return [
        show.text(source["name"]),
        say("daemon.folders", folders=source["folders"]),
        say("daemon.waits", folders=waiting) if waiting else "-",
    ]


def _tell_watched(run: Run, source: "Mapping[str, Any]") -> None:
    """Where not every folder is watched, and what can be done about it."""
    if source["refused"]:
        run.console.warn("daemon.refused", name=source["name"], folders=source["refused"])
    elif source["blind"]:
        run.console.warn("daemon.blind", name=source["name"])


def _without_home(run: Run, words: list[str]) -> list[str]:
    """Where the home was not asked for, the next process finds it as this one did."""
    return words if run.home.config == run.home.state else words[:-2]


def _refuse_without_key(run: Run) -> None:
    from vaultd.errors import NeedsPassphrase
    from vaultd.jobs.devices import device_credential

    run.settings  # noqa: B018 - whether there is a vault comes first
    if device_credential(run.home) is None:
        run.console.tell("daemon.needs-key")
        raise NeedsPassphrase


@contextlib.contextmanager
def _entered(run: Run, avoid: "Mapping[bytes, VaultdError]") -> "Iterator[Session]":
    from vaultd.copies.pace import UPLOAD
    from vaultd.errors import NeedsPassphrase
    from vaultd.jobs.devices import device_credential
    from vaultd.jobs.opening import open_for_writing
    from vaultd.settings import load

    limit = load(run.home).limit_upload
    UPLOAD.limit(limit * 1024 if limit else None)
    credential = device_credential(run.home)
    if credential is None:
        raise NeedsPassphrase
    with open_for_writing(run.home, credential, away=True, avoid=avoid) as session:
        yield session


class _Told:
    """What happens, in words; see `service.Report`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ready = False

    def watching(self, tended: "Tended") -> None:
        watched = tended.watched
        self._run.console.answer("daemon.watches", name=tended.source.body.name, folders=watched.folders)
        _tell_watched(self._run, _as_json(tended))

    def gone(self, source: "Source") -> None:
        self._run.console.answer("daemon.lets-go", name=source.body.name)

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

    def caught_up(self, reached: "Reached") -> None:
        from vaultd_cli import others

        if not reached.as_asked:
            others.tell(self._run, reached)

    def failed(self, error: "VaultdError") -> None:
        explain(error).show(self._run.console)

    def states(self, tended: "list[Tended]") -> None:
        from vaultd.daemon.presence import notify, say_of_myself

        with contextlib.suppress(OSError):
            say_of_myself(self._run.home, {"sources": [_as_json(each) for each in tended]})
        if not self._ready:
            self._ready = True
            notify(b"READY=1")
        sys.stdout.flush()


def _answers(service: "Service") -> "dict[str, Answer]":
    def state(_: dict[str, Any]) -> dict[str, Any]:
        return {"sources": [_as_json(each) for each in service.tended]}

    def reload(_: dict[str, Any]) -> dict[str, Any]:
        service.reload()
        return {}

    return {"status": state, "reload": reload}


def _as_json(tended: "Tended") -> dict[str, Any]:
    watched, waiting = tended.watched, tended.waiting()
    return {
        "name": tended.source.body.name,
        "folders": watched.folders,
        "refused": watched.refused,
        "blind": watched.blind,
        "waiting": waiting.folders,
    }
