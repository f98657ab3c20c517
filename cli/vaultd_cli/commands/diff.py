"""`vaultd diff`: what changed from one snapshot to another."""

from collections import Counter
from typing import TYPE_CHECKING

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaultd.tree.compare import Change
    from vaultd_cli.chosen import Chosen, Damages

_MARKS = {"added": "+", "removed": "-", "changed": "M", "metadata": "m"}


@command("diff", unlocks=True)
@click.argument("a", metavar="SNAPSHOT[:PATH]", shell_complete=from_local_state(selectors))
@click.argument("b", metavar="SNAPSHOT", shell_complete=from_local_state(selectors))
@click.option("--names-only", is_flag=True, help=say("option.names-only"))
def diff(run: Run, a: str, b: str, names_only: bool) -> int:
    from vaultd.errors import BadUsage
    from vaultd_cli.chosen import Damages, choose

    with run.vault(away=True) as session:
        damages = Damages(run, session)
        before, after = choose(session, a), choose(session, b)
        if after.paths[0]:
            raise BadUsage("path-in-second", b)
        changes = _changes(before, after, damages)
        if run.json:
            run.console.json_lines(_document(before, after, change) for change in changes)
        else:
            _print(run, changes, names_only=names_only)
    return damages.code


def _changes(before: "Chosen", after: "Chosen", damages: "Damages") -> "Iterator[Change]":
    """Raises NoSuchPath at once where neither holds one of the paths."""
    from vaultd.tree.compare import Change, compare

    for item in compare(before.view, after.view, _path(before, after)):
        if isinstance(item, Change):
            yield item
        else:
            damages.warn(item)


def _path(before: "Chosen", after: "Chosen") -> bytes:
    from vaultd.errors import NoSuchPath
    from vaultd_cli.chosen import Chosen

    try:
        return before.lookup()[0]
    except NoSuchPath:
        return Chosen(after.snapshot, after.view, before.paths).lookup()[0]


def _print(run: Run, changes: "Iterator[Change]", *, names_only: bool) -> None:
    from vaultd_cli.entries import shown_path

    counts: Counter[str] = Counter(dict.fromkeys(_MARKS, 0))
    for change in changes:
        counts[change.kind.value] += 1
        entry = change.b or change.a
        assert entry is not None  # a change is of something
        shown = shown_path(change.path, entry)
        run.console.line(shown if names_only else f"{_MARKS[change.kind]} {shown}")
    if any(counts.values()):
        run.console.tell("diff.counts", **counts)
    else:
        run.console.tell("diff.same")


def _document(before: "Chosen", after: "Chosen", change: "Change") -> dict[str, object]:
    from vaultd_cli.console import named
    from vaultd_cli.entries import as_json

    sides = {"a": (before.view, change.a), "b": (after.view, change.b)}
    entries = {
        side: as_json(view, change.path, entry) if entry else None for side, (view, entry) in sides.items()
    }
    return {**named("path", change.path), "change": change.kind.value, **entries}
