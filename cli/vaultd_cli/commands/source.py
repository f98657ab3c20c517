"""`vaultd source`: the folders that are saved."""

import os
from typing import TYPE_CHECKING, Any

import click

from vaultd.errors import BadUsage
from vaultd_cli import show
from vaultd_cli.catalogue import Said, say
from vaultd_cli.command import Group
from vaultd_cli.console import Column, named
from vaultd_cli.others import bring_up
from vaultd_cli.rules import as_json, in_words, keep_options, rules_of
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vaultd.jobs.session import Session
    from vaultd.settings import Place
    from vaultd.tree.sources import Source

source = Group("source")


@source.verb("add", unlocks=True)
@click.argument("path", type=click.Path())
@click.option("--name", metavar="NAME", help=say("option.source-name"))
@click.option("--kind", metavar="photos|chat|files", help=say("option.source-kind"))
@click.option("--exclude", multiple=True, metavar="PATTERN", help=say("option.source-exclude"))
@click.option("--cross/--no-cross", default=None, help=say("option.source-cross"))
@click.option("--take-over", is_flag=True, help=say("option.source-take-over"))
def add(
    run: Run,
    path: str,
    name: str | None,
    kind: str | None,
    exclude: tuple[str, ...],
    cross: bool | None,
    take_over: bool,
) -> int:
    from vaultd.jobs.sources import Wanted, add_source, check_wanted, source_before

    # An empty pattern is how nothing is left out any more.
    patterns = tuple(filter(None, exclude)) if exclude else None
    wanted = Wanted(os.fsencode(path), name, kind, patterns, cross, take_over)
    check_wanted(wanted)
    with run.vault(writing=True) as session:
        before = source_before(session, wanted)
        added = add_source(session, wanted)
        warn_of_disks(run, session, added)
        _warn_of_the_other_computer(run, session, added)
        if run.json:
            run.console.json(_as_json(added, mine=True))
        else:
            _tell_added(run, before, added)
        return bring_up(run, session)


def _tell_added(run: Run, before: "Source | None", added: "Source") -> None:
    """That it is new; or what is changed of one that was there, since nobody must find that out later."""
    facts = {"name": added.body.name, "path": added.body.path}
    if before is None or before.body.path != added.body.path:
        run.console.answer("source.added", **facts)
        run.console.tell("source.next")
        return
    changes = tuple(_changes(before, added))
    run.console.answer("source.changed" if changes else "source.unchanged", **facts, changes=changes)


def _changes(before: "Source", after: "Source") -> "Iterator[str]":
    old, new = before.body, after.body
    if new.name != old.name:
        yield Said(say("source.changed-name", name=new.name, old=old.name))
    if new.kind != old.kind:
        yield Said(
            say("source.changed-kind", kind=Said(say(f"kind.{new.kind}")), old=Said(say(f"kind.{old.kind}")))
        )
    if new.exclude != old.exclude:
        yield Said(say("source.changed-exclude", exclude=_patterns(new.exclude), old=_patterns(old.exclude)))
    if new.cross != old.cross:
        yield Said(say("source.changed-cross" if new.cross else "source.changed-no-cross"))


def _patterns(patterns: "Sequence[str]") -> str:
    return Said(
        say("source.patterns", patterns=" ".join(patterns)) if patterns else say("source.no-patterns")
    )


def warn_of_disks(run: Run, session: "Session", source: "Source") -> None:
    """One broken disk must not take both the folder and a copy of it."""
    from vaultd.jobs.sources import copies_beside

    warn_of_one_disk(run, source, copies_beside(session, source), copies=len(session.settings.copies))


def warn_of_one_disk(run: Run, source: "Source", beside: "Sequence[Place]", *, copies: int) -> None:
    """Of `copies` in all those `beside` the source go with its disk: all of them, or some."""
    if len(beside) == copies:
        run.console.warn("source.one-disk", path=source.body.path)
    elif len(beside) == 1:
        run.console.warn("source.beside-copy", path=source.body.path, label=beside[0].label)
    elif beside:
        labels = tuple(place.label for place in beside)
        run.console.warn("source.beside-copies", path=source.body.path, labels=labels)


def _warn_of_the_other_computer(run: Run, session: "Session", source: "Source") -> None:
    """A computer that is still in use must not stop saving without anybody being told."""
    from vaultd.jobs.sources import my_devices
    from vaultd.tree.snapshots import list_snapshots, newest

    last = newest(list_snapshots(session.vault.journal), source.body.id)
    if last is not None and last.device not in my_devices(session):
        facts = {"name": source.body.name, "host": last.body.host, "time": last.body.started}
        run.console.warn("source.taken-over", **facts)


@source.verb("keep", unlocks=True)
@click.argument("name")
@keep_options
@click.option("--usual", is_flag=True, help=say("option.keep-usual"))
def keep(run: Run, name: str, usual: bool, **given: Any) -> int:
    from vaultd.jobs.sources import is_mine, keep_by
    from vaultd.tree.retention import USUAL, Rules
    from vaultd.tree.sources import find_source, list_sources

    rules = USUAL if usual else rules_of(given)
    with run.vault(writing=rules is not None, away=rules is None) as session:
        if rules is None:
            found = find_source(list_sources(session.vault.journal), name)
        else:
            found = keep_by(session, name, rules)
        if run.json:
            run.console.json(_as_json(found, mine=is_mine(session, found)))
        else:
            rules = Rules.of(found.body.keep)
            run.console.answer("source.keeps", name=found.body.name, rules=in_words(rules))
        return bring_up(run, session) if rules is not None else 0


@source.verb("list", unlocks=True)
def list_(run: Run) -> None:
    from vaultd.jobs.sources import is_mine
    from vaultd.tree.sources import list_sources

    with run.vault(away=True) as session:
        sources = [(each, is_mine(session, each)) for each in list_sources(session.vault.journal)]
    if run.json:
        run.console.json([_as_json(each, mine=mine) for each, mine in sources])
        return
    if not sources:
        run.console.tell("source.none")
        return
    columns = [Column("column.name"), Column("column.kind"), Column("column.where"), Column("column.path")]
    run.console.table(columns, [_row(each, mine) for each, mine in sources])


def _row(source: "Source", mine: bool) -> list[str]:
    body = source.body
    where = say("source.here") if mine else say("source.elsewhere")
    return [show.text(body.name), say(f"kind.{body.kind}"), where, show.name(body.path)]


def _as_json(source: "Source", *, mine: bool) -> dict[str, object]:
    body = source.body
    return {
        "id": body.id.hex(),
        "name": body.name,
        "kind": body.kind,
        **named("path", body.path),
        "exclude": list(body.exclude),
        "cross": body.cross,
        "keep": _kept(body.keep),
        "here": mine,
    }


def _kept(keep: dict[str, Any]) -> dict[str, Any] | None:
    """None for rules that only a newer vaultd knows."""
    from vaultd.tree.retention import Rules

    try:
        return as_json(Rules.of(keep))
    except BadUsage:
        return None


@source.verb("remove", unlocks=True)
@click.argument("name")
def remove(run: Run, name: str) -> int:
    from vaultd.jobs.sources import remove_source

    with run.vault(writing=True) as session:
        removed = remove_source(session, name)
        if run.json:
            run.console.json(_as_json(removed, mine=True))
        else:
            run.console.answer("source.removed", name=removed.body.name)
        return bring_up(run, session)
