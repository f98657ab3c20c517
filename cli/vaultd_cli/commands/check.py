"""`vaultd check`: is everything there, and is it what it must be?"""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import named
from vaultd_cli.failure import explain, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.check import Report
    from vaultd.jobs.check_trees import Lost
    from vaultd.settings import Place

_SHOWN = 20
_NOT_ALL_SAFE = 3
_DAMAGE = 20


@command("check", unlocks=True)
@click.option("--read-data", is_flag=True, help=say("option.read-data"))
@click.option("--copy", metavar="NAME", help=say("option.check-copy"))
def check(run: Run, read_data: bool, copy: str | None) -> int:
    from vaultd.errors import NoSuchCopy
    from vaultd.jobs.check import check_copies

    places = [place for place in run.settings.copies if copy in (None, place.label)]
    if not places:
        raise NoSuchCopy(copy or "")
    documents, worst = [], 0
    with run.vault() as session, run.progress() as progress:
        for place, found in check_copies(session, places, progress, _never, read_data=read_data):
            if isinstance(found, Exception):
                documents.append(_away(run, place, found, alone=len(places) == 1))
                worst = worst or _NOT_ALL_SAFE
            else:
                documents.append(_as_json(found, place.label, read_data))
                _tell(run, found, place.label, read_data)
                worst = worst if found.sound else _DAMAGE
    if run.json:
        run.console.json(documents)
    return worst


def _away(run: Run, place: "Place", error: Exception, *, alone: bool) -> dict[str, Any]:
    """A copy that cannot be looked at is not checked, and not damaged either."""
    if alone:
        raise error
    failure = explain(error)
    if not run.json:
        failure.show(run.console)
    return {"copy": place.label, "sound": None, **failure.as_json()}


def _never() -> None:
    """Ctrl-C raises by itself; nobody else stops a check."""


def _tell(run: Run, report: "Report", label: str, read_data: bool) -> None:
    if run.json:
        return
    for error in report.damage[: _most(run, len(report.damage))]:
        run.console.warn("check.damage", what=sentence(error, run.console))
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
