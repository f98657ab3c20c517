"""`vaultd incident`: what looked like a wipe."""

from typing import TYPE_CHECKING

import click

from vaultd_cli import incidents, show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.session import Session
    from vaultd.tree.incidents import Incident

incident = Group("incident")
_NOT_ALL_SAFE = 3
# So many paths are shown on a screen; --json has all that were kept.
_SHOWN = 20


@incident.verb("list", unlocks=True)
@click.option("--all", "everything", is_flag=True, help=say("option.all-incidents"))
def list_(run: Run, everything: bool) -> int:
    from vaultd.tree.incidents import list_incidents

    with run.vault(away=True) as session:
        found, names = list_incidents(session.vault.journal), incidents.names_of(session)
    is_open = any(each.is_open for each in found)
    shown = [each for each in found if everything or each.is_open]
    if run.json:
        run.console.json([incidents.as_json(each, names.get(each.source, "")) for each in shown])
    elif not shown:
        run.console.tell("incident.none")
    else:
        for each in shown:
            _tell_one(run, each, names.get(each.source, ""))
    return _NOT_ALL_SAFE if is_open else 0


def _tell_one(run: Run, each: "Incident", name: str) -> None:
    what = incidents.title(each, name)
    run.console.answer("incident.one", id=each.short, when=show.moment(each.time), what=what)
    if each.ended is None:
        run.console.answer("incident.state-open", undo=incidents.undo(each))
    else:
        run.console.answer("incident.state-over", when=show.moment(each.ended))


@incident.verb("show", unlocks=True)
@click.argument("id")
def show_(run: Run, id: str) -> int:  # noqa: A002
    from vaultd.jobs.incidents import find_incident

    with run.vault(away=True) as session:
        found, names = find_incident(session, id), incidents.names_of(session)
        name = names.get(found.source, "")
        if run.json:
            run.console.json(incidents.as_json(found, name))
        else:
            _tell(run, session, found, name)
    return _NOT_ALL_SAFE if found.is_open else 0


def _tell(run: Run, session: "Session", found: "Incident", name: str) -> None:
    _tell_timeline(run, session, found, name)
    run.console.answer("incident.cause", cause=incidents.cause(found))
    if found.examples:
        run.console.answer("incident.examples")
        for path in found.examples[:_SHOWN]:
            run.console.line(f"  {show.name(path)}")
    if not found.is_open:
        return
    run.console.answer("incident.next", name=name)
    run.console.answer("incident.undo", undo=incidents.undo(found))
    run.console.answer("incident.accept", id=found.short)


def _tell_timeline(run: Run, session: "Session", found: "Incident", name: str) -> None:
    from vaultd.jobs.incidents import notices_of
    from vaultd.tree.notices import list_notices
    from vaultd.tree.snapshots import every_snapshot

    snapshots = {each.id: each for each in every_snapshot(session.vault.journal)}
    if found.good in snapshots:
        good = snapshots[found.good]
        run.console.answer("incident.good", id=good.short, when=show.moment(good.body.started))
    for number, (time, body) in enumerate(found.updates):
        if not body.rules:
            run.console.answer("incident.accepted", when=show.moment(time))
            continue
        heading = "incident.since" if number else "incident.found"
        facts = {} if number else {"name": name}
        run.console.answer(heading, when=show.moment(time), **facts)
        for rule in body.rules:
            run.console.line(f"  {incidents.happened(rule, name, body.facts)}")
    for notice in notices_of(list_notices(session.vault.journal), found):
        for attempt in notice.attempts:
            if attempt.taken:
                run.console.answer("incident.told", channel=attempt.channel, when=show.moment(attempt.time))
