"""`vaultd daemon`: save what changes, all day."""

import contextlib
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import noticed, show, watched
from vaultd_cli.amounts import span
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.run import Run
from vaultd_cli.running import running
from vaultd_cli.services import command_of
from vaultd_cli.told import Told, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaultd.credentials import Credential
    from vaultd.daemon.control import Answer
    from vaultd.daemon.service import Service
    from vaultd.errors import VaultdError
    from vaultd.jobs.session import Session

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
    from vaultd.daemon.chores import Chores
    from vaultd.daemon.control import Control
    from vaultd.daemon.notices import Notices
    from vaultd.daemon.observing import Observing
    from vaultd.daemon.presence import Pulse, notify, presence
    from vaultd.daemon.service import Service
    from vaultd.hardening import keep_memory_private
    from vaultd_cli.lasting import talk_on

    keep_memory_private()
    _refuse_without_key(run)
    with presence(run.home):
        talk_on(run.console)
        notices = Notices(run.home, noticed.message)
        told = Observing(notices.noticed, Told(run))
        service = Service(run.home, lambda avoid: _entered(run, avoid), told, Pulse(), notices)
        chores = Chores(run.home, lambda: _looked_into(run), told, service.turns)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        signal.signal(signal.SIGHUP, lambda *_: _reload_told(service))
        control = Control(run.home.socket_file, _answers(service), service.turns)
        control.start()
        chores.start()
        notices.start()
        try:
            service.run()
        finally:
            control.stop()
            notices.stop()
            chores.stop()
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
    with log.open("ab") as out:
        process = subprocess.Popen(
            command_of(run),
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


@daemon.verb("install")
@click.option("--linger", is_flag=True, help=say("option.linger"))
def install(run: Run, linger: bool) -> int:
    from vaultd.daemon import unit
    from vaultd_cli import services

    _refuse_without_key(run)
    made = services.unit_of(run)
    unit.install(made)
    run.console.answer("daemon.installed", path=str(made.path))
    services.load(run, made)
    services.linger(run, asked=linger)
    return 0


@daemon.verb("uninstall")
def uninstall(run: Run) -> int:
    from vaultd.daemon import unit
    from vaultd_cli import services

    made = services.unit_of(run)
    if made.path.exists():
        unit.check_ours(made)
        services.unload(made)
    if unit.uninstall(made):
        run.console.answer("daemon.uninstalled", path=str(made.path))
    else:
        run.console.answer("daemon.not-installed")
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


def _reload_told(service: "Service") -> None:
    from vaultd.daemon.presence import notify

    notify(b"RELOADING=1\nMONOTONIC_USEC=%d" % (time.monotonic_ns() // 1000))
    service.reload()
    notify(b"READY=1")


def _reload(run: Run) -> None:
    """That no daemon runs is not an error: the next one looks when it starts."""
    from vaultd.daemon.calling import NoAnswer, ask

    with contextlib.suppress(NoAnswer):
        ask(run.home.socket_file, "reload")


@daemon.verb("status")
def status(run: Run) -> int:
    found = running(run)
    if run.json:
        run.console.json(found.as_json())
    elif not found.pid:
        run.console.answer("daemon.none")
    else:
        run.console.answer("daemon.runs", pid=found.pid)
        columns = [Column("column.name"), Column("column.watched"), Column("column.waiting")]
        run.console.table(columns, [_row(each) for each in found.sources])
        for each in found.sources:
            watched.tell(run, each)
    if found.paused and not run.json:
        run.console.warn("daemon.paused", until=show.moment(found.paused))
    return 0 if found.pid and found.is_whole else _NOT_ALL_SAFE


def _row(source: "Mapping[str, Any]") -> list[str]:
    waiting = source["waiting"]
    return [
        show.text(source["name"]),
        say("daemon.folders", folders=source["folders"]),
        say("daemon.waits", folders=waiting) if waiting else "-",
    ]


def _refuse_without_key(run: Run) -> None:
    from vaultd.errors import NeedsPassphrase

    run.settings  # noqa: B018 - whether there is a vault comes first
    try:
        _key_here(run)
    except NeedsPassphrase:
        run.console.tell("daemon.needs-key")
        raise


def _entered(run: Run, avoid: "Mapping[bytes, VaultdError]") -> "contextlib.AbstractContextManager[Session]":
    from vaultd.copies.pace import UPLOAD
    from vaultd.jobs.opening import open_for_writing
    from vaultd.settings import load

    limit = load(run.home).limit_upload
    UPLOAD.limit(limit * 1024 if limit else None)
    return open_for_writing(run.home, _key_here(run), away=True, avoid=avoid)


def _looked_into(run: Run) -> "contextlib.AbstractContextManager[Session]":
    from vaultd.jobs.opening import open_vault

    return open_vault(run.home, _key_here(run))


def _key_here(run: Run) -> "Credential":
    from vaultd.errors import NeedsPassphrase
    from vaultd.jobs.ownkey import own_key

    credential = own_key(run.home)
    if credential is None:
        raise NeedsPassphrase
    return credential


def _answers(service: "Service") -> "dict[str, Answer]":
    def state(_: dict[str, Any]) -> dict[str, Any]:
        return {"sources": [as_json(each) for each in service.tended]}

    def reload(_: dict[str, Any]) -> dict[str, Any]:
        service.reload()
        return {}

    return {"status": state, "reload": reload}
