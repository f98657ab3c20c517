"""`vaultd check`: is everything there, and is it what it must be?"""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import coverage, others, show
from vaultd_cli.amounts import Subset, span, subset
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import named
from vaultd_cli.failure import explain, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.check import Report
    from vaultd.jobs.check_trees import Lost
    from vaultd.jobs.scrub import Part
    from vaultd.settings import Place

_SHOWN = 20
_NOT_ALL_SAFE = 3
_DAMAGE = 20
_NS = 1_000_000_000


@command("check", unlocks=True)
@click.option("--read-data", is_flag=True, help=say("option.read-data"))
@click.option("--copy", metavar="NAME", help=say("option.check-copy"))
@click.option("--max-duration", metavar="SPAN", callback=span, help=say("option.max-duration"))
@click.option("--max-age", metavar="SPAN", callback=span, help=say("option.max-age"))
@click.option("--read-data-subset", metavar="PART", callback=subset, help=say("option.read-data-subset"))
@click.option("--no-heal", is_flag=True, help=say("option.no-heal"))
def check(run: Run, read_data: bool, copy: str | None, no_heal: bool, **limits: Any) -> int:
    part = _part(**limits)
    return _look_at(run, copy, read_data=read_data or part is not None, part=part, heals=not no_heal)


def _part(
    max_duration: float | None, max_age: float | None, read_data_subset: "Subset | None"
) -> "Part | None":
    """What is to be read; None where nothing narrows it. All that is given holds at once."""
    from vaultd.jobs.scrub import Part

    if (max_duration, max_age, read_data_subset) == (None, None, None):
        return None
    age = None if max_age is None else int(max_age * _NS)
    some = read_data_subset or Subset()
    return Part(age, some.group, some.share, some.size, max_duration)


@command("heal", unlocks=True)
@click.option("--copy", metavar="NAME", help=say("option.heal-copy"))
def heal(run: Run, copy: str | None) -> int:
    return _look_at(run, copy, read_data=True, heals=True)


def _look_at(run: Run, copy: str | None, *, read_data: bool, part: "Part | None" = None, heals: bool) -> int:
    from vaultd.errors import NoSuchCopy
    from vaultd.jobs.check import check_copies

    places = [place for place in run.settings.copies if copy in (None, place.label)]
    if not places:
        raise NoSuchCopy(copy or "")
    documents, worst = [], 0
    with run.vault() as session, run.progress() as progress:
        looked_at = check_copies(
            session, places, progress, others.never, read_data=read_data, part=part, heals=heals
        )
        for place, found in looked_at:
            if isinstance(found, Exception):
                documents.append(_away(run, place, found, alone=len(places) == 1))
                worst = max(worst, _NOT_ALL_SAFE)
            else:
                documents.append(_as_json(found, place.label, read_data))
                _tell(run, found, place.label, _sound(read_data, part))
                worst = max(worst, _code(found))
    if run.json:
        run.console.json(documents)
    return worst


def _away(run: Run, place: "Place", error: Exception, *, alone: bool) -> dict[str, Any]:
    """A copy that cannot be looked at is not checked, and not damaged either."""
    if alone:
        raise error
    failure = explain(error)
    if not run.json and place.copy_id not in run.told_away:
        failure.show(run.console)
    return {"copy": place.label, "sound": None, **failure.as_json()}


def _code(report: "Report") -> int:
    """What was mended is no damage any more, and worth a look at that disk."""
    if not report.sound:
        return _DAMAGE
    exposed = report.parity is not None and not report.parity.whole
    return _NOT_ALL_SAFE if report.healed or report.renewed or exposed else 0


def _sound(read_data: bool, part: "Part | None") -> str:
    if part is not None:
        return "check.sound-part"
    return "check.sound-data" if read_data else "check.sound"


def _tell(run: Run, report: "Report", label: str, sound: str) -> None:
    if run.json:
        return
    _tell_damage(run, report, label)
    _tell_lost(run, report)
    for name in report.rewritten:
        run.console.tell("check.rewritten", name=name)
    if report.strangers:
        run.console.tell("check.strangers", count=report.strangers)
    for word in sorted(report.unknown):
        run.console.warn("check.unknown", what=word)
    facts = {"copy": label, "files": report.files, "bytes": report.bytes, "snapshots": report.snapshots}
    if report.sound:
        run.console.answer(sound, **facts)
    else:
        damaged = "check.damaged" if report.walked else "check.damaged-unwalked"
        run.console.answer(damaged, damage=len(report.damage), paths=report.lost_count, **facts)
        run.console.tell("check.damaged-next")
    if sound == "check.sound-part":
        _tell_part(run, report)


def tell_part(run: Run, report: "Report", label: str) -> None:
    """What came of reading a part of a copy."""
    _tell(run, report, label, "check.sound-part")


def _tell_part(run: Run, report: "Report") -> None:
    """How much of it that was, how much is left for another time, and what that makes of the whole copy."""
    (files, size), (left, left_size) = report.read, report.left
    run.console.answer("check.part", files=files, bytes=size)
    if left:
        run.console.answer("check.part-left", files=left, bytes=left_size)
    run.console.answer("check.part-whole", read=coverage.read_back(report.unread, report.read_since))


def _tell_damage(run: Run, report: "Report", label: str) -> None:
    """What was wrong with files of the copy, and what came of it."""
    for error in report.damage[: _most(run, len(report.damage))]:
        run.console.warn("check.damage", what=sentence(error, run.console))
    if report.healed:
        others.tell_healed(run, label, report.healed, report.rebuilt)
    if report.renewed:
        run.console.warn("copies.renewed", label=label)
    for error in report.unhealed:
        run.console.warn("check.unhealed", what=sentence(error, run.console))
    if report.parity is not None and not report.parity.whole:
        run.console.warn("status.exposed", label=label, packs=report.parity.exposed)


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
        "healed": report.healed,
        "unhealed": [explain(error).as_json() for error in report.unhealed],
        "lost": [_lost_as_json(lost) for lost in report.lost],
        "lost_count": report.lost_count if report.walked else None,
        "strangers": report.strangers,
        "rewritten": list(report.rewritten),
        "unknown": sorted(report.unknown),
        "rebuilt": report.rebuilt,
        "renewed": report.renewed,
        "parity": others.coverage_as_json(report.parity),
        "read": {"files": report.read[0], "bytes": report.read[1]},
        "left": {"files": report.left[0], "bytes": report.left[1]},
        "unread": report.unread if read_data else None,
        "read_since": show.instant(report.read_since) if report.read_since else None,
    }


def _lost_as_json(lost: "Lost") -> dict[str, Any]:
    return {
        "snapshot": lost.snapshot.id.hex(),
        "source": lost.snapshot.body.name,
        **named("path", lost.path),
        "deleted": lost.deleted,
        "error": type(lost.error).__name__,
    }
