"""`vaultd copy`: the places that the vault is kept in."""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import coverage, others, show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group, limit_upload
from vaultd_cli.console import Column, Inked
from vaultd_cli.failure import explain, sentence
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd.copies.locating import Location
    from vaultd.jobs.protect import Reached
    from vaultd.jobs.session import Session
    from vaultd.jobs.status import CopyStatus
    from vaultd.settings import Place

_NOT_ALL_SAFE = 3
_DAMAGE = 20

copy = Group("copy")


@copy.verb("add", unlocks=True)
@limit_upload
@click.argument("name")
@click.argument("url", type=click.Path())
@click.option("--endpoint", metavar="URL", help=say("option.endpoint"))
@click.option("--parity", is_flag=True, help=say("option.parity"))
def add(run: Run, name: str, url: str, endpoint: str | None, parity: bool) -> int:
    from vaultd.jobs.enrolling import add_copy, check_wanted

    where = _where(url, endpoint)
    check_wanted(run.settings, where, name)
    with run.vault(writing=True) as session:
        place = add_copy(session, where, name, parity=parity)
        if not run.json:
            run.console.answer("copy.added", label=place.label, url=place.url)
        _warn(run, session, place)
        return _bring_up(run, session)


def _where(url: str, endpoint: str | None) -> "Location":
    from dataclasses import replace

    from vaultd.copies.locating import locate
    from vaultd.errors import BadUsage

    where = locate(url)
    if endpoint is None:
        return where
    if where.scheme != "s3":
        raise BadUsage("endpoint")
    return replace(where, options={**where.options, "endpoint": endpoint})


def _warn(run: Run, session: "Session", place: "Place") -> None:
    """A copy that goes with the disk of another one, or of a source, is worth less than it seems."""
    from vaultd.jobs.level import on_one_disk
    from vaultd.jobs.sources import copies_beside, my_sources
    from vaultd_cli.others import warn_of_memory

    warn_of_memory(run, [place])
    for other in session.settings.copies:
        if other != place and on_one_disk(place, other):
            run.console.warn("copy.one-place", label=place.label, other=other.label)
    for source in my_sources(session):
        if place in copies_beside(session, source):
            run.console.warn("source.beside-copy", path=source.body.path, label=place.label)


@copy.verb("list", unlocks=True)
def list_(run: Run) -> int:
    from vaultd.jobs.status import look_at_copies

    with run.vault() as session:
        copies = look_at_copies(session)
    if run.json:
        run.console.json([_as_json(each) for each in copies])
    else:
        _show(run, copies)
    return _NOT_ALL_SAFE if any(each.error or each.behind or each.exposed for each in copies) else 0


def _show(run: Run, copies: "Sequence[CopyStatus]") -> None:
    columns = [Column("column.name"), Column("column.state"), Column("column.read-back")]
    parity = any(each.parity is not None for each in copies)
    columns += [Column("column.parity")] if parity else []
    columns += [Column("column.free", right=True), Column("column.url")]
    run.console.table(columns, [_row(each, parity=parity) for each in copies])
    for each in copies:
        if each.error is not None:
            facts = {"label": each.place.label, "url": each.place.url}
            run.console.warn("status.copy-away", **facts, why=run.why_away(each.place, each.error))


def _row(each: "CopyStatus", *, parity: bool) -> list[str]:
    free = show.size(each.space.free) if each.space and each.space.total else "-"
    cells = [show.text(each.place.label), _state(each), _read_back(each)]
    cells += [_parity(each)] if parity else []
    return [*cells, free, show.text(each.place.url)]


def _parity(each: "CopyStatus") -> str:
    if each.parity is None:
        return "-"
    facts = {"covered": each.parity.covered, "packs": each.parity.packs}
    return Inked(say("copy.covered", **facts), "yellow" if each.exposed else "green")


def _state(each: "CopyStatus") -> str:
    from vaultd.errors import LostTooMuch

    if isinstance(each.error, LostTooMuch):
        return Inked(say("copy.lossy"), "red")
    if each.error is not None:
        return Inked(say("copy.away"), "red")
    if each.behind:
        return Inked(say("copy.behind", files=each.behind), "yellow")
    return Inked(say("copy.whole"), "green")


def _read_back(each: "CopyStatus") -> str:
    """Since when all of it has been read back; a copy that has any file unread is not called read."""
    if each.error is not None:
        return "-"
    if each.unread:
        return say("copy.unread", files=each.unread)
    return "-" if each.read_since is None else show.moment(each.read_since)


def _as_json(each: "CopyStatus") -> dict[str, Any]:
    space = each.space if each.space and each.space.total else None
    return {
        "name": each.place.label,
        "url": each.place.url,
        "reachable": each.error is None,
        "error": explain(each.error).as_json() if each.error else None,
        "behind": None if each.error else each.behind,
        **coverage.as_json(None if each.error else each.unread, each.read_since, each.drilled),
        "parity": others.coverage_as_json(each.parity),
        "free": space.free if space else None,
        "total": space.total if space else None,
    }


@copy.verb("sync", unlocks=True)
@limit_upload
@click.argument("name", required=False)
def sync(run: Run, name: str | None) -> int:
    from vaultd.jobs.enrolling import find_copy

    only = None if name is None else find_copy(run.settings, name)
    with run.vault(writing=True) as session:
        return _bring_up(run, session, only)


@copy.verb("remove", unlocks=True)
@click.argument("name")
@click.option("--force", is_flag=True, help=say("option.force-remove"))
def remove(run: Run, name: str, force: bool) -> int:
    from vaultd.jobs.enrolling import find_copy, retire_copy

    find_copy(run.settings, name)
    with run.vault(writing=True) as session:
        place = find_copy(session.settings, name)
        others.caught_up(run, session)
        retire_copy(session, place, force=force)
        if not run.json:
            run.console.answer("copy.removed", label=place.label, url=place.url)
        return _bring_up(run, session)


@copy.verb("accept", unlocks=True)
@click.argument("name")
def accept(run: Run, name: str) -> int:
    from vaultd.jobs.enrolling import find_copy
    from vaultd.jobs.heal import accept as accept_copy
    from vaultd.jobs.heal import heal_all

    place = find_copy(run.settings, name)
    with run.vault(writing=True) as session:
        accept_copy(session, place.copy_id)
        code = _bring_up(run, session, place)
        with run.progress() as progress:
            healed = heal_all(session, place, progress, others.never)
        if healed.names:
            others.tell_healed(run, place.label, healed.names, healed.rebuilt)
            code = others.exit_code(others.caught_up(run, session, place))
        for error in healed.left:
            run.console.warn("check.unhealed", what=sentence(error, run.console))
        return _DAMAGE if healed.left else code


@copy.verb("parity", unlocks=True)
@click.argument("name")
@click.argument("state", type=click.Choice(["on", "off"]))
def parity(run: Run, name: str, state: str) -> int:
    from vaultd.jobs.enrolling import find_copy

    find_copy(run.settings, name)
    with run.vault(writing=True) as session:
        place = find_copy(session.settings, name)
        return _keep_parity(run, session, place) if state == "on" else _drop_parity(run, session, place)


def _keep_parity(run: Run, session: "Session", place: "Place") -> int:
    from vaultd.jobs.elsewhere import copy_at
    from vaultd.jobs.parity import cover_place, coverage, set_parity

    with copy_at(session, place) as here:
        place = set_parity(session, place, on=True)
        with run.progress() as progress:
            done = cover_place(session, place, progress, others.never)
        found = coverage(session.home, here)
    if run.json:
        run.console.json({"name": place.label, "parity": others.coverage_as_json(found)})
    else:
        run.console.answer("copy.parity-on", label=place.label, covered=found.covered, packs=found.packs)
    return others.tell_parity(run, [done])


def _drop_parity(run: Run, session: "Session", place: "Place") -> int:
    from vaultd.jobs.elsewhere import copy_at
    from vaultd.jobs.parity import drop_parity, set_parity

    with copy_at(session, place) as here:
        place = set_parity(session, place, on=False)
        gone, left = drop_parity(session.home, here)
    if run.json:
        run.console.json({"name": place.label, "parity": None})
    else:
        run.console.answer("copy.parity-off", label=place.label, files=gone)
    if left:
        run.console.warn("copy.parity-left", label=place.label, files=left)
    return _NOT_ALL_SAFE if left else 0


def _bring_up(run: Run, session: "Session", only: "Place | None" = None) -> int:

    reached = others.caught_up(run, session, only)
    if run.json:
        run.console.json(_reached_as_json(session, reached))
    else:
        for each in reached.brought:
            run.console.answer("copy.brought", label=each.place.label, files=each.files, bytes=each.bytes)
        if reached.as_asked and session.others:
            others.tell_level(run, session, reached)
    others.tell(run, reached)
    return others.exit_code(reached)


def _reached_as_json(session: "Session", reached: "Reached") -> dict[str, Any]:
    brought = [
        {"name": each.place.label, "files": each.files, "bytes": each.bytes} for each in reached.brought
    ]
    names = [place.label for place in session.settings.copies]
    behind = [each.place.label for each in reached.behind]
    return {"copies": names, "level": reached.level, "brought": brought, "behind": behind}
