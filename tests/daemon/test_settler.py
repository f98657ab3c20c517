"""What waits until it is quiet: nothing too early, nothing too late, and nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from vaultd.daemon.settler import LONGEST, QUIET, Settler
from vaultd.tree.dirty import EVERYTHING, Dirty


def paths(dirty: Dirty | None) -> list[bytes]:
    return [] if dirty is None else list(dirty.folders())


def test_a_folder_is_ready_when_it_was_quiet_for_two_seconds() -> None:
    settler = Settler()
    settler.tell(b"a", 10)
    settler.tell(b"a", 11)
    settler.tell(b"b/c", 11.5)
    assert (settler.next(), settler.since, len(settler)) == (13, 10, 2)
    assert settler.ready(12.9) is None
    assert paths(settler.ready(13)) == [b"a"]
    assert (settler.next(), settler.since) == (13.5, 11.5)
    assert paths(settler.ready(20)) == [b"b/c"]
    assert (settler.next(), settler.since, len(settler)) == (None, None, 0)


def test_one_that_is_never_quiet_is_ready_after_half_a_minute() -> None:
    settler, now = Settler(), 0.0
    while (dirty := settler.ready(now)) is None:
        settler.tell(b"log", now)
        now += 0.1
    assert paths(dirty) == [b"log"]
    assert LONGEST <= now < LONGEST + 0.2
    settler.tell(b"log", now)
    assert settler.since == now


def test_what_is_told_deep_stays_so() -> None:
    settler = Settler()
    settler.tell(b"a", 0, deep=True)
    settler.tell(b"a", 1)
    dirty = settler.ready(10)
    assert dirty is not None
    below = dirty.child(b"a")
    assert below is not None
    assert below.deep


def test_too_many_are_all_of_the_source() -> None:
    settler = Settler(most=100)
    for number in range(101):
        settler.tell(b"%d" % number, number * 0.01)
    settler.tell(b"one more", 1.5)
    assert (len(settler), settler.since) == (1, 0)
    assert settler.ready(3.4) is None
    assert settler.ready(3.5) is EVERYTHING
    assert settler.next() is None


def test_the_whole_source_is_what_the_root_with_all_below_it_is() -> None:
    settler = Settler()
    settler.tell(b"", 0, deep=True)
    assert settler.ready(QUIET) is EVERYTHING


def test_after_a_suspend_all_that_waited_is_ready_at_once() -> None:
    settler = Settler()
    for number in range(5):
        settler.tell(b"%d" % number, number)
    assert len(paths(settler.ready(100_000))) == 5


told = st.lists(
    st.tuples(st.sampled_from([b"", b"a", b"a/b", b"c"]), st.floats(0, 5), st.booleans()), max_size=60
)


@given(told)
def test_nothing_is_lost_early_or_late(steps: list[tuple[bytes, float, bool]]) -> None:
    settler, now = Settler(), 0.0
    first: dict[bytes, float] = {}
    last: dict[bytes, float] = {}
    for path, pause, asks in steps:
        now += pause
        settler.tell(path, now)
        first.setdefault(path, now)
        last[path] = now
        due = min(min(last[each] + QUIET, first[each] + LONGEST) for each in first)
        assert settler.next() is not None
        assert settler.next() <= due  # type: ignore[operator]
        if asks:
            given_out = set(paths(settler.ready(now)))
            late = {each for each in first if first[each] + LONGEST <= now or last[each] + QUIET <= now}
            assert given_out == late
            for each in given_out:
                del first[each], last[each]
    assert set(paths(settler.ready(now + LONGEST))) == set(first)
    assert settler.next() is None
