"""Folders read in step, page by page, say the same as folders read name by name."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from vaultd.format.entry import FILE, Entry
from vaultd.tree.folder import in_step, side_by_side

_NAMES = st.sets(st.integers(0, 40)).map(sorted)
_CUTS = st.lists(st.integers(1, 5), min_size=1)


def entry(number: int) -> Entry:
    return Entry(b"%02d" % number, FILE, 0, 0, 0, 0, 0, b"", {})


def pages(entries: Sequence[Entry], cuts: Sequence[int]) -> Iterator[Sequence[Entry]]:
    at = turn = 0
    while at < len(entries):
        yield entries[at : (at := at + cuts[turn % len(cuts)])]
        turn += 1


@given(st.lists(st.tuples(_NAMES, _CUTS), min_size=1, max_size=4))
def test_all_of_a_name_comes_together_and_in_order(folders: list[tuple[list[int], list[int]]]) -> None:
    entries = [([entry(number) for number in names], cuts) for names, cuts in folders]
    found = []
    for pieces in in_step([pages(each, cuts) for each, cuts in entries]):
        assert any(pieces)
        found += list(side_by_side([iter(piece) for piece in pieces]))
    assert found == list(side_by_side([iter(each) for each, _ in entries]))
