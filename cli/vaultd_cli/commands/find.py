"""`vaultd find`: where a name stands, in the last snapshots, in all, or among what has disappeared."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.session import Session
    from vaultd.tree.snapshots import Snapshot
    from vaultd_cli.chosen import Damages
    from vaultd_cli.versions import Version

_NOTHING_FOUND = 1
_Matches = Callable[[bytes], bool]


@command("find", unlocks=True)
@click.argument("pattern")
@click.option(
    "--in",
    "within",
    metavar="SNAPSHOT[:PATH]",
    shell_complete=from_local_state(selectors),
    help=say("option.find-in"),
)
@click.option("--all", "every", is_flag=True, help=say("option.find-all"))
@click.option("--deleted", is_flag=True, help=say("option.find-deleted"))
@click.option("--ignore-case", "-i", is_flag=True, help=say("option.ignore-case"))
@click.option("--path", "whole", is_flag=True, help=say("option.whole-path"))
def find(
    run: Run, pattern: str, within: str | None, every: bool, deleted: bool, ignore_case: bool, whole: bool
) -> int:
    from vaultd.errors import BadUsage
    from vaultd_cli.chosen import Damages

    if every and (deleted or within):
        raise BadUsage("all-and-part")
    matches = _matcher(pattern, ignore_case=ignore_case, whole=whole)
    with run.vault(away=True) as session:
        damages = Damages(run, session)
        found = _Tally(_search(session, damages, matches, within, every=every, deleted=deleted))
        if run.json:
            run.console.json_lines(map(_document, found))
        else:
            _print(run, session, found)
    if not found.count:
        run.console.tell("find.none")
    return damages.code or (0 if found.count else _NOTHING_FOUND)


def _matcher(pattern: str, *, ignore_case: bool, whole: bool) -> _Matches:
    """Of the pattern as it was typed, or with escapes undone, so that a name that was shown is found."""
    import os

    from vaultd.tree.patterns import name_matcher

    texts = [os.fsdecode(typed) for typed in show.typed(pattern)]
    fits = [name_matcher(text, ignore_case=ignore_case, whole=whole) for text in texts]
    return lambda path: any(each(path) for each in fits)


class _Tally:
    """Counts what passes through."""

    def __init__(self, found: "Iterator[Version]") -> None:
        self._found = found
        self.count = 0

    def __iter__(self) -> "Iterator[Version]":
        for each in self._found:
            self.count += 1
            yield each


def _search(
    session: "Session",
    damages: "Damages",
    matches: _Matches,
    within: str | None,
    *,
    every: bool,
    deleted: bool,
) -> "Iterator[Version]":
    from vaultd_cli.chosen import choose, view_of
    from vaultd_cli.versions import disappeared, in_all, standing

    if every:
        for line in _by_source(session):
            views = [view_of(session, snapshot) for snapshot in line]
            yield from in_all(line, views, matches, damages)
        return
    search = disappeared if deleted else standing
    if within is not None:
        chosen = choose(session, within)
        path = chosen.lookup_deleted() if deleted else chosen.lookup()[0]
        yield from search(chosen.snapshot, chosen.view, path, matches, damages)
        return
    for snapshot in _heads(session):
        yield from search(snapshot, view_of(session, snapshot), b"", matches, damages)


def _by_source(session: "Session") -> "list[list[Snapshot]]":
    """Every source's snapshots, oldest first."""
    from vaultd.tree.snapshots import list_snapshots

    lines: dict[bytes, list[Snapshot]] = {}
    for snapshot in list_snapshots(session.vault.journal):
        lines.setdefault(snapshot.body.source, []).append(snapshot)
    return list(lines.values())


def _heads(session: "Session") -> "list[Snapshot]":
    """The last snapshot of every source; several where two devices went on from one."""
    from vaultd.tree.snapshots import heads

    return [head for line in _by_source(session) for head in heads(line, line[0].body.source)]


def _print(run: Run, session: "Session", found: "_Tally") -> None:
    from vaultd.tree.snapshots import list_snapshots
    from vaultd_cli.entries import shown_path

    snapshots = list_snapshots(session.vault.journal)
    names: dict[bytes, str] = {}
    for each in found:
        snapshot = each.last
        if snapshot.id not in names:
            names[snapshot.id] = _name(snapshots, snapshot)
        words = f"{names[snapshot.id]}:{shown_path(each.path, each.entry)}"
        run.console.line(_lead(each) + (_quoted(words) if run.console.out.isatty() else words))


def _name(snapshots: "Sequence[Snapshot]", snapshot: "Snapshot") -> str:
    """The source's name where that means this very snapshot, else the short id."""
    from vaultd.errors import VaultdError
    from vaultd.tree.selectors import select

    name = snapshot.body.name
    try:
        plain = show.text(name) == name and select(snapshots, name).id == snapshot.id
    except VaultdError:  # a name from another version's rules
        plain = False
    return name if plain else snapshot.short


def _lead(found: "Version") -> str:
    if found.missed is not None:
        return f"{show.moment(found.missed)}  "
    if found.first is not found.last:
        return f"{found.first.short}..{found.last.short}  "
    return ""


def _quoted(words: str) -> str:
    """As a shell takes it, so that a line can be pasted."""
    import re

    if not re.search(r"""[\s"'`$\\!*?\[\](){}<>|&;#]""", words):
        return words
    return "'" + words.replace("'", "'\\''") + "'"


def _document(found: "Version") -> dict[str, object]:
    from vaultd_cli.entries import as_json

    return {
        "snapshot": found.last.id.hex(),
        "first_snapshot": found.first.id.hex(),
        "source": found.last.body.name,
        **as_json(found.view, found.path, found.entry),
        **({} if found.missed is None else {"missed": show.instant(found.missed)}),
    }
