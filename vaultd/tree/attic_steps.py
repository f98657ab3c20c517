"""What may matter to an attic in one folder: its names now, before, and in the attics that there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vaultd.format.entry import FOLDER, Entry
from vaultd.store.contract import Blobs
from vaultd.tree.folder import (
    Leaf,
    Wrong,
    entries_in,
    entries_of,
    in_step,
    leaves,
    only_good,
    read_leaves,
    side_by_side,
)
from vaultd.tree.view import folder_id


@dataclass(frozen=True, slots=True)
class Task:
    """A folder to make: what is there now, what the parents had there (other than that), what their
    attics have.
    """

    name: bytes
    now: bytes | None
    before: tuple[bytes, ...]
    attics: tuple[bytes, ...]

    @property
    def settled(self) -> bool:
        return not self.before and len(self.attics) < 2

    @property
    def answer(self) -> bytes | None:
        return self.attics[0] if self.attics else None


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a folder: its entry now, the parents' entries, the entries of their attics."""

    name: bytes
    now: Entry | None
    before: Sequence[Entry]
    kept: Sequence[Entry]

    def task(self) -> Task:
        now = folder_id(self.now) if self.now and self.now.kind == FOLDER else None
        before = [folder_id(entry) for entry in self.before if now and entry.kind == FOLDER]
        leads = [folder_id(entry) for entry in self.kept if "missed" not in entry.extra]
        return Task(self.name, now, distinct(before, now), distinct(leads, None))


def distinct(contents: Sequence[bytes], other_than: bytes | None) -> tuple[bytes, ...]:
    return tuple(sorted(set(contents) - {other_than}))


def steps(blobs: Blobs, task: Task) -> Iterator[Step]:
    """Every name of a task's folders that may matter to the attic: not those in pages that nothing changed
    in, and where there is no attic yet only what is gone and folders that changed.
    """
    now, before = _changed(blobs, task.now, task.before)
    if not task.attics:
        pages_of = [only_good(read_leaves(blobs, pages), _fail) for pages in (now, *before)]
        for mine, *theirs in in_step(pages_of):
            yield from _gone_or_folders(mine, theirs)
        return
    streams = [entries_in(blobs, pages) for pages in (now, *before)]
    streams += [entries_of(blobs, attic, attic=True) for attic in task.attics]
    columns = [only_good(stream, _fail) for stream in streams]
    split_at = 1 + len(before)
    for name, found in side_by_side(columns):
        present = found[0][0] if found[0] else None
        parents = [entry for column in found[1:split_at] for entry in column]
        kept = [entry for column in found[split_at:] for entry in column]
        yield Step(name, present, parents, kept)


def _gone_or_folders(now: Sequence[Entry], before: Sequence[Sequence[Entry]]) -> Iterator[Step]:
    here = {entry.name: entry for entry in now}
    there = [{entry.name: entry for entry in entries} for entries in before]
    names = {
        entry.name for entries in before for entry in entries if not _stayed(entry, here.get(entry.name))
    }
    for name in sorted(names):
        yield Step(name, here.get(name), [each[name] for each in there if name in each], ())


def _stayed(before: Entry, now: Entry | None) -> bool:
    """Whether it is there still, with all that is below it."""
    if now is None or now.kind != before.kind:
        return False
    return now.kind != FOLDER or folder_id(now) == folder_id(before)


def _changed(blobs: Blobs, now: bytes | None, before: Sequence[bytes]) -> tuple[list[Leaf], list[list[Leaf]]]:
    """The pages of each folder, without those whose every entry stands in the new folder and in all
    parents alike.

    Names ascend through a folder, so an equal page holds names that no other page of either folder has.
    """
    mine = _pages(blobs, now) if now else []
    theirs = [_pages(blobs, content) for content in before]
    ids = [{page.id for page in pages} for pages in theirs]
    everywhere = set.intersection({page.id for page in mine}, *ids) if ids else {page.id for page in mine}
    here = {page.id for page in mine}
    return (
        [page for page in mine if page.id not in everywhere],
        [[page for page in pages if page.id not in here] for pages in theirs],
    )


def _pages(blobs: Blobs, content: bytes) -> list[Leaf]:
    return list(only_good(leaves(blobs, content), _fail))


def _fail(error: Wrong) -> None:
    raise error
