"""A folder with a few of its entries exchanged for others of the same names: only their pages are read."""

from collections.abc import Iterator, Mapping

from vaultd.format.entry import Entry
from vaultd.format.limits import PAGE
from vaultd.format.lists import list_pages
from vaultd.format.page import cut_pages
from vaultd.tree.folder import Leaf, Wrong, leaves, only_good, read_page
from vaultd.tree.run import Run


def splice(run: Run, content: bytes, changed: Mapping[bytes, Entry]) -> bytes:
    """The content id of the folder after that. Names that it does not have are not added.

    Raises Missing, Damaged where what it takes cannot be read: nothing was stored then that counts.
    """
    return list_pages(_pages(run, content, changed), run.write_list)


def _pages(run: Run, content: bytes, changed: Mapping[bytes, Entry]) -> Iterator[tuple[bytes, bytes]]:
    names = sorted(changed, reverse=True)
    pages = list(only_good(leaves(run.sink, content), _raise))
    ends = [page.first for page in pages[1:]]
    for page, end in zip(pages, [*ends, None], strict=True):
        mine = []
        while names and (end is None or names[-1] < end):
            mine.append(names.pop())
        if mine or page.first is None:
            yield from _exchanged(run, page, {name: changed[name] for name in mine})
        else:
            yield page.id, page.first


def _exchanged(run: Run, page: Leaf, changed: Mapping[bytes, Entry]) -> Iterator[tuple[bytes, bytes]]:
    # Where a page ends depends on its names, and on sizes only where those near the limit of a page.
    entries = [changed.get(entry.name, entry) for entry in read_page(run.sink, page.id)]
    for first, plain in cut_pages(entries, run.keys):
        yield run.sink.write(PAGE, plain), first


def _raise(error: Wrong) -> None:
    raise error
