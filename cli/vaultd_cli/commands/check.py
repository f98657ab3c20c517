"""`vaultd check`: is everything there, and is it what it must be?"""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import named
from vaultd_cli.failure import explain
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.errors import VaultdError
    from vaultd.jobs.check import Lost, Report

_SHOWN = 20
_DAMAGE = 20


@command("check", unlocks=True)
@click.option("--read-data", is_flag=True, help=say("option.read-data"))
@click.option("--copy", metavar="NAME", help=say("option.check-copy"))
def check(run: Run, read_data: bool, copy: str | None) -> int:
    from vaultd.errors import NoSuchCopy
    from vaultd.jobs.check import check as check_copy

    if copy is not None and all(place.label != copy for place in run.settings.copies):
        raise NoSuchCopy(copy)
    with run.vault() as session, run.progress() as progress:
        report = check_copy(session.vault, progress, _never, read_data=read_data)
        label = session.vault.copy.label
    if run.json:
        run.console.json(_as_json(report, label, read_data))
    else:
        _tell(run, report, label, read_data)
    return 0 if report.sound else _DAMAGE


def _never() -> None:
    """Ctrl-C raises by itself; nobody else stops a check."""


def _tell(run: Run, report: "Report", label: str, read_data: bool) -> None:
    for error in report.damage[: _most(run, len(report.damage))]:
        run.console.warn("check.damage", what=_sentence(error))
    _tell_lost(run, report)
    for name in report.rewritten:
        run.console.tell("check.rewritten", name=name)
    if report.strangers:
        run.console.tell("check.strangers", count=report.strangers)
    for word in sorted(report.unknown):
        run.console.warn("check.unknown", what=word)
    facts = {"copy": label, "files": report.files, "bytes": report.bytes, "snapshots": report.snapshots}
    if report.sound:
        run.console.answer("check.sound-data" if read_data else "check.sound", **facts)
    else:
        run.console.answer("check.damaged", damage=len(report.damage), paths=report.lost_count, **facts)
        run.console.tell("check.damaged-next")


def _most(run: Run, count: int) -> int:
    return count if run.console.verbosity else _SHOWN


def _tell_lost(run: Run, report: "Report") -> None:
    shown = report.lost[: _most(run, len(report.lost))]
    for lost in shown:
        key = "check.lost-deleted" if lost.deleted else "check.lost"
        run.console.warn(key, path=lost.path or b".", id=lost.snapshot.short, name=lost.snapshot.body.name)
    if report.lost_count > len(shown):
        run.console.warn("check.lost-more", count=report.lost_count - len(shown))


def _sentence(error: "VaultdError") -> str:
    from vaultd_cli.catalogue import Said

    failure = explain(error)
    return Said(say(failure.message, **failure.facts))


def _as_json(report: "Report", label: str, read_data: bool) -> dict[str, Any]:
    return {
        "copy": label,
        "sound": report.sound,
        "read_data": read_data,
        "files": report.files,
        "bytes": report.bytes,
        "snapshots": report.snapshots,
        "damage": [explain(error).as_json() for error in report.damage],
        "lost": [_lost_as_json(lost) for lost in report.lost],
        "lost_count": report.lost_count,
        "strangers": report.strangers,
        "rewritten": list(report.rewritten),
        "unknown": sorted(report.unknown),
    }


def _lost_as_json(lost: "Lost") -> dict[str, Any]:
    return {
        "snapshot": lost.snapshot.id.hex(),
        "source": lost.snapshot.body.name,
        **named("path", lost.path),
        "deleted": lost.deleted,
        "error": type(lost.error).__name__,
    }
