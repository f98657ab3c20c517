"""What a folder looked like: found again name by name, without all of it being in memory."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from vaultd.capture.listing import Seen
from vaultd.tree import look
from vaultd.tree.look import Look, Remembered


def seen(number: int, mtime: int = 0) -> Seen:
    return Seen(b"name %08d" % number, 0o100644, 2**40 + number, 2**40, mtime, number, 1000, 1000, 1)


def remembered(numbers: range | list[int]) -> Look:
    found = look.decode(look.encode([seen(number) for number in numbers], []))
    assert found is not None
    return found


@given(st.sets(st.integers(0, 6000)), st.sets(st.integers(0, 6000)), st.integers(1, 700))
def test_unchanged_is_what_was_remembered_just_so(then: set[int], now: set[int], together: int) -> None:
    cursor = Remembered(remembered(sorted(then)))
    listing = [seen(number, mtime=number % 3 == 0) for number in sorted(now)]
    found = [
        one
        for begin in range(0, len(listing), together)
        for one in cursor.unchanged(listing[begin : begin + together])
    ]
    assert found == [one for one in listing if one.size in then and not one.mtime]


def test_names_are_found_in_every_piece() -> None:
    cursor = Remembered(remembered(range(5000)))
    assert len(cursor.unchanged(map(seen, range(5000)))) == 5000


def test_a_look_that_lacks_a_name_is_no_listing_without_it() -> None:
    assert look.encode([seen(1)], [], whole=False) != look.encode([seen(1)], [])


def test_a_large_folder_is_not_taken_apart_at_once() -> None:
    large = remembered(range(50_000))
    tracemalloc.start()
    try:
        found = sum(len(Remembered(large).unchanged([seen(number)])) for number in (0, 25_000, 49_999))
        assert found == 3
        assert tracemalloc.get_traced_memory()[1] < 3 << 20  # 20 MB all together
    finally:
        tracemalloc.stop()


def test_a_piece_that_is_damaged_is_as_if_it_had_not_been_remembered() -> None:
    whole = remembered(range(3000))
    cursor = Remembered(whole._replace(files=[whole.files[0], b"\xc1", whole.files[2]]))
    assert cursor.unchanged(map(seen, range(3000))) == list(map(seen, [*range(1024), *range(2048, 3000)]))
