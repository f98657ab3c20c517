"""`vaultd snapshot`: save what is in the sources now."""

from typing import TYPE_CHECKING

import click

from vaultd_cli import incidents, others, show
from vaultd_cli.catalogue import knows, say
from vaultd_cli.command import command, limit_upload
from vaultd_cli.console import named
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd.errors import VaultdError
    from vaultd.jobs.session import Session
    from vaultd.jobs.snapshot import Taken
    from vaultd.tree.sources import Source
    from vaultd.tree.troubles import Trouble

# So many paths are listed on a screen; -v and --json list all that the snapshot keeps.
_SHOWN = 20
_NOT_ALL_SAFE = 3


@command("snapshot", unlocks=True)
@limit_upload
@click.argument("sources", nargs=-1, metavar="[SOURCE|PATH]...")
@click.option("--force", is_flag=True, help=say("option.force-empty"))
@click.option("--tag", "tags", metavar="TAG", multiple=True, help=say("option.tag"))
@click.option("--wait", type=click.Choice(["saved", "protected"]), help=say("option.wait"))
def snapshot(run: Run, sources: tuple[str, ...], force: bool, tags: tuple[str, ...], wait: str | None) -> int:
    from vaultd.errors import NoSources
    from vaultd.jobs.onwards import on_some_copy
    from vaultd.jobs.sources import my_sources
    from vaultd.tree.sources import find_source

    told = []

    def work(session: "Session") -> int:
        told.append(_tell_taken_over(run, session))
        mine = my_sources(session)
        chosen = [find_source(mine, words) for words in sources] if sources else mine
        if not chosen:
            raise NoSources
        return max(take(run, session, chosen, force=force, wait=wait, tags=tags), *told)

    return on_some_copy(lambda avoid: run.vault(writing=True, away=True, avoid=avoid), work)


def _tell_taken_over(run: Run, session: "Session") -> int:
    """What another computer saves now, told once: nobody must believe for a year that this one still does."""
    from vaultd.jobs.devices import tell_once
    from vaultd.jobs.sources import taken_over

    code = 0
    for each in taken_over(session):
        answers = "-".join(answer.hex() for answer in each.source.answers)
        if tell_once(session.home, f"taken-over-{answers}"):
            run.console.warn("snapshot.taken-over", name=each.source.body.name, path=each.path)
            code = _NOT_ALL_SAFE
    return code


def take(
    run: Run,
    session: "Session",
    sources: "Sequence[Source]",
    *,
    force: bool,
    wait: str | None = None,
    tags: "Sequence[str]" = (),
) -> int:
    """Save these sources one by one, and tell of each. One that cannot be read does not stop the others.

    `wait` is the level to come back at; without it, the highest that the copies can reach.
    """
    from vaultd.errors import NotAFolder, Overlap, SourceEmpty, SourceGone, SourceUnreadable
    from vaultd.jobs.guarding import guarded_snapshot
    from vaultd.tree.scan import never

    run.saving = True
    takens, failures, worst = [], [], 0
    for source in sources:
        try:
            with run.progress() as progress:
                taken, guarded = guarded_snapshot(session, source, progress, never, force=force, tags=tags)
        except (SourceGone, SourceEmpty, SourceUnreadable, NotAFolder, Overlap) as error:
            failures.append(error)
            worst = max(worst, incidents.tell_open(run, session, source))
            continue
        takens.append(taken)
        worst = max(worst, _NOT_ALL_SAFE if taken.trouble_count else 0)
        if not run.json:
            _tell(run, taken, away=session.away)
        worst = max(worst, incidents.tell(run, source, guarded))
    if takens:
        # Told first: bringing up the other copies looks at this one anew.
        worst = max(worst, _tell_copy_troubles(run, session), _protect(run, session, takens, wait))
    else:
        if run.json:
            run.console.json([])
        if worst:  # what the guard wrote about a source that is empty
            others.caught_up(run, session)
    return max(worst, _tell_failures(run, failures, bool(takens)))


def _tell_copy_troubles(run: Run, session: "Session") -> int:
    """What was wrong with the copy before: a snapshot was made all the same, on what could be read."""
    if not session.vault.troubles:
        return 0
    run.console.warn("status.troubles", count=len(session.vault.troubles))
    return _NOT_ALL_SAFE


def _protect(run: Run, session: "Session", takens: "Sequence[Taken]", wait: str | None) -> int:
    """Bring the other copies up, unless that is not waited for, and answer for how safe the snapshots are."""
    if wait == "saved" and not session.away:
        if run.json:
            run.console.json([_as_json(taken, wait) for taken in takens])
        elif session.others:
            run.console.answer("copies.not-waited")
        return 0
    reached = others.caught_up(run, session)
    if run.json:
        run.console.json([_as_json(taken, reached.level) for taken in takens])
    if session.away:
        run.console.warn("copies.captured", folder=str(session.home.spool_of(session.place.copy_id)))
        return _NOT_ALL_SAFE
    if not run.json and session.others and reached.as_asked:
        others.tell_level(run, session, reached)
    others.tell(run, reached)
    if wait == "protected" and reached.highest != wait:
        run.console.warn("status.one-place" if session.others else "status.one-copy")
        return max(others.exit_code(reached), _NOT_ALL_SAFE)
    return others.exit_code(reached)


def _tell_failures(run: Run, failures: "Sequence[VaultdError]", any_saved: bool) -> int:
    """The last failure is raised where nothing was saved, so that its exit code counts."""
    from vaultd_cli.failure import explain

    if not failures:
        return 0
    for failure in failures if any_saved else failures[:-1]:
        explain(failure).show(run.console)
    if not any_saved:
        raise failures[-1]
    return _NOT_ALL_SAFE


def _tell(run: Run, taken: "Taken", *, away: bool) -> None:
    body = taken.snapshot.body
    facts = {
        "id": taken.snapshot.short,
        "name": body.name,
        "files": body.counts["files"],
        "bytes": body.counts["bytes"],
        "changed": body.counts["changed"],
        "stored": body.counts["stored"],
        "seconds": (body.ended - body.started) / 1e9,
    }
    if away:
        run.console.answer("snapshot.captured", **facts)
    else:
        run.console.answer("snapshot.saved" if body.complete else "snapshot.partial", **facts)
    _list(run, taken.troubles, taken.trouble_count, "snapshot.trouble")
    _list(run, taken.notes, len(taken.notes), "snapshot.note")


def _list(run: Run, troubles: "Sequence[Trouble]", count: int, key: str) -> None:
    shown = troubles if run.console.verbosity else troubles[:_SHOWN]
    for trouble in shown:
        run.console.warn(key, path=trouble.path or b".", why=_why(trouble))
    if count > len(shown):
        run.console.warn("snapshot.more", count=count - len(shown))


def _why(trouble: "Trouble") -> str:
    """What was wrong with a path, and what became of it."""
    from vaultd.tree.troubles import BARE
    from vaultd_cli.catalogue import Said

    if trouble.outcome == BARE:
        return Said(say("why.bare"))
    known = knows(f"why.{trouble.error}")
    why = say(f"why.{trouble.error}") if known else say("why.other", error=trouble.error)
    if not trouble.outcome:
        return Said(why)
    return Said(say("why.then", why=Said(why), outcome=Said(say(f"why.{trouble.outcome}"))))


def _as_json(taken: "Taken", level: str) -> dict[str, object]:
    body = taken.snapshot.body
    return {
        "id": taken.snapshot.id.hex(),
        "source": body.name,
        **named("path", body.path),
        "started": show.instant(body.started),
        "ended": show.instant(body.ended),
        "level": level,
        "complete": body.complete,
        "counts": body.counts,
        "root": body.root.content.hex() if isinstance(body.root.content, bytes) else None,
        "troubles": [_trouble_as_json(trouble) for trouble in taken.troubles],
        "trouble_count": taken.trouble_count,
        "notes": [_trouble_as_json(note) for note in taken.notes],
    }


def _trouble_as_json(trouble: "Trouble") -> dict[str, object]:
    told = {"error": trouble.error, "detail": trouble.detail, "outcome": trouble.outcome}
    return {**named("path", trouble.path), **told}
