"""What the words SNAPSHOT[:PATH] of a command line name, and what could not be read on the way."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaultd.errors import Missing, NoSuchPath
from vaultd.tree.view import Broken, View, split
from vaultd_cli import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vaultd.format.entry import Entry
    from vaultd.jobs.session import Session
    from vaultd.tree.snapshots import Snapshot
    from vaultd_cli.run import Run

DAMAGE = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """A snapshot, and the paths in it that the words may mean, the likeliest first; b"" is all of it.

    Paths have no slash at their ends and no empty names.
    """

    snapshot: "Snapshot"
    view: View
    paths: tuple[bytes, ...]

    def lookup(self) -> "tuple[bytes, Entry]":
        """The first of the paths that the snapshot holds, and what stands there. Raises NoSuchPath."""
        for path in self.paths:
            try:
                return path, self.view.lookup(path)
            except NoSuchPath:
                continue
        raise NoSuchPath(self.paths[0])

    def lookup_deleted(self) -> bytes:
        """The first of the paths where something has disappeared, or that is there. Raises NoSuchPath."""
        for path in self.paths:
            if next(self.view.deleted(path), None) is not None:
                return path
        return self.lookup()[0]


def choose(session: "Session", words: str) -> Chosen:
    """Raises NoSuchSnapshot, Ambiguous, NoIncident."""
    from vaultd.tree.incidents import list_incidents
    from vaultd.tree.selectors import parse_selector, select
    from vaultd.tree.snapshots import list_snapshots

    path = parse_selector(words).path
    name = words if path is None else words.removesuffix(f":{path}")
    journal = session.vault.journal
    snapshot = select(list_snapshots(journal), name, list_incidents(journal))
    return Chosen(snapshot, view_of(session, snapshot), paths_of(path or ""))


def choose_all(session: "Session", words: "Iterable[str]") -> "list[Snapshot]":
    """The snapshots that these words name, each once. Raises NoSuchSnapshot, Ambiguous, NoIncident."""
    from vaultd.tree.incidents import list_incidents
    from vaultd.tree.selectors import select
    from vaultd.tree.snapshots import list_snapshots

    known, incidents = list_snapshots(session.vault.journal), list_incidents(session.vault.journal)
    found = [select(known, word, incidents) for word in words]
    return list({each.id: each for each in found}.values())


def view_of(session: "Session", snapshot: "Snapshot") -> View:
    """What a snapshot holds."""
    return View(session.blobs or session.vault, snapshot.body.root, snapshot.body.attic)


def paths_of(typed: str) -> tuple[bytes, ...]:
    """The paths in a snapshot that a word may mean: as it stands, then with escapes undone."""
    return tuple(b"/".join(split(path)) for path in show.typed(typed))


class Damages:
    """Warns of what cannot be read from the vault as it is met; `code` is the exit code that follows."""

    def __init__(self, run: "Run", session: "Session") -> None:
        self._console = run.console
        self.code = 0
        for trouble in session.vault.journal.troubles:
            self.code = DAMAGE
            self._console.warn("look.log", name=getattr(trouble, "name", ""))

    def warn(self, item: Broken) -> None:
        """Something at or below this path is missing or damaged."""
        self.code = DAMAGE
        error = item.error
        facts = {"path": item.path or b".", "name": error.name, "reason": getattr(error, "reason", "")}
        self._console.warn("look.missing" if isinstance(error, Missing) else "look.damaged", **facts)
