"""`vaultd drill`: does each copy alone give the files back?"""

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.console import named
from vaultd_cli.failure import explain, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.drill import Drill
    from vaultd.settings import Place
    from vaultd.tree.snapshots import Snapshot
    from vaultd.tree.troubles import Trouble

_NOT_ALL_SAFE = 3
_DAMAGE = 20
_SHOWN = 20
_FILES = 50
# Short enough to be typed again.
_SEED_BITS = 32


@command("drill", unlocks=True)
@click.option("--copy", metavar="NAME", help=say("option.drill-copy"))
@click.option(
    "--files",
    "count",
    metavar="N",
    type=click.IntRange(min=1),
    default=_FILES,
    help=say("option.drill-files"),
)
@click.option("--seed", metavar="N", type=click.IntRange(0, 2**63 - 1), help=say("option.drill-seed"))
def drill(run: Run, copy: str | None, count: int, seed: int | None) -> int:
    from vaultd.jobs.drill import drill_copies
    from vaultd.jobs.enrolling import find_copy
    from vaultd_cli.stopping import stop_when_asked

    places = list(run.settings.copies) if copy is None else [find_copy(run.settings, copy)]
    seed = secrets.randbits(_SEED_BITS) if seed is None else seed
    documents, worst = [], 0
    with run.vault() as session, run.progress() as progress, stop_when_asked() as stop:
        drilled = drill_copies(session, places, progress, stop, files=count, seed=seed)
        with contextlib.closing(drilled):
            for place, found in drilled:
                if isinstance(found, Exception):
                    documents.append(_away(run, place, found))
                    worst = max(worst, _NOT_ALL_SAFE)
                else:
                    documents.append(_as_json(found, place.label))
                    tell(run, found, place.label)
                    worst = max(worst, _code(found))
    if run.json:
        run.console.json(documents)
    return worst


def _away(run: Run, place: "Place", error: Exception) -> dict[str, Any]:
    """A copy that could not be tried has neither passed nor failed."""
    failure = explain(error)
    if not run.json:
        failure.show(run.console)
        run.console.warn("drill.not-tried", label=place.label)
    return {"copy": place.label, "passed": None, **failure.as_json()}


def _code(found: "Drill") -> int:
    if found.tried and not found.passed:
        return _DAMAGE
    return 0 if found.tried else _NOT_ALL_SAFE


def tell(run: Run, found: "Drill", label: str) -> None:
    """What came of one copy."""
    if run.json:
        return
    if not found.tried:
        run.console.warn("drill.nothing", label=label)
        return
    for error in found.damage:
        run.console.warn("check.damage", what=sentence(error, run.console))
    most = max(len(found.wrong), 1) if run.console.verbosity else _SHOWN
    for snapshot, trouble in found.wrong[:most]:
        _tell_path(run, "drill.wrong", snapshot, trouble)
    if len(found.wrong) > most:
        run.console.warn("restore.more", count=len(found.wrong) - most)
    for snapshot, trouble in found.untried[:most]:
        _tell_path(run, "drill.untried", snapshot, trouble)
    facts = {"label": label, "files": found.files, "folders": found.folders, "bytes": found.bytes}
    if found.passed:
        run.console.answer("drill.passed", **facts)
    else:
        run.console.answer("drill.failed", wrong=len(found.wrong) + len(found.damage), **facts)
    run.console.tell("drill.seed", seed=str(found.seed))
    if not found.passed:
        run.console.tell("drill.failed-next", label=label)


def _tell_path(run: Run, key: str, snapshot: "Snapshot", trouble: "Trouble") -> None:
    from vaultd_cli.restored import why

    facts = {"name": snapshot.body.name, "id": snapshot.short}
    run.console.warn(key, path=trouble.path or b".", why=why(trouble), **facts)


def _as_json(found: "Drill", label: str) -> dict[str, Any]:
    return {
        "copy": label,
        "passed": found.passed if found.tried else None,
        "seed": found.seed,
        "files": found.files,
        "folders": found.folders,
        "bytes": found.bytes,
        "snapshots": [snapshot.id.hex() for snapshot in found.snapshots],
        "wrong": [_path_as_json(*each) for each in found.wrong],
        "untried": [_path_as_json(*each) for each in found.untried],
        "damage": [explain(error).as_json() for error in found.damage],
    }


def _path_as_json(snapshot: "Snapshot", trouble: "Trouble") -> dict[str, str]:
    about = {"snapshot": snapshot.id.hex(), "source": snapshot.body.name}
    return {**about, **named("path", trouble.path), "error": trouble.error, "detail": trouble.detail}
