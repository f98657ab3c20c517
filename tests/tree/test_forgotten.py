"""What is held and forgotten follows from the set of records alone: no order and no clock has a say."""

import os
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultd.format.body import Body
from vaultd.format.keeping import ForgetBody, HoldBody, RestoreFromTrashBody, UnholdBody
from vaultd.format.record import Record
from vaultd.store.journal import Journal
from vaultd.tree.forgotten import forgotten, held_snapshots, list_holds

A, B, C = (bytes([n]) * 32 for n in range(3))


def log(records: Iterable[tuple[bytes, Body, int]]) -> Journal:
    """A journal of these records: id, body, time."""
    journal = Journal.__new__(Journal)
    journal.records = {
        identity: Record(
            body=body.to_map(),
            device=bytes(8),
            kind=body.WORD,
            needs_read=[],
            prev=None,
            salt=bytes(16),
            seen=[],
            seq=1,
            time=time,
            v=1,
        )
        for identity, body, time in records
    }
    return journal


def forget(*snapshots: bytes, by: str = "owner") -> ForgetBody:
    return ForgetBody(by=by, snapshots=list(snapshots))


def hold(*snapshots: bytes) -> HoldBody:
    return HoldBody(by="owner", pattern="", snapshots=list(snapshots), source=None, why="")


def back(answers: bytes, *snapshots: bytes) -> RestoreFromTrashBody:
    return RestoreFromTrashBody(answers=[answers], snapshots=list(snapshots))


F1, F2, H1, U1, R1 = (bytes([100 + n]) * 32 for n in range(5))


@pytest.mark.parametrize("times", [(1, 2, 3), (3, 2, 1), (5, 5, 5)])
def test_a_hold_beats_a_forgetting_before_or_after_it(times: tuple[int, int, int]) -> None:
    records: list[tuple[bytes, Body, int]] = [(F1, forget(A, B), times[0]), (H1, hold(A), times[1])]
    assert forgotten(log(records)).keys() == {B}
    records.append((U1, UnholdBody(answers=[H1]), times[2]))
    assert forgotten(log(records)).keys() == {A, B}
    assert held_snapshots(list_holds(log(records))) == set()


@pytest.mark.parametrize("times", [(1, 2, 3), (3, 2, 1), (5, 5, 5)])
def test_who_takes_back_takes_back_what_he_knew_of(times: tuple[int, int, int]) -> None:
    records: list[tuple[bytes, Body, int]] = [(F1, forget(A, B), times[0]), (R1, back(F1, A), times[1])]
    assert forgotten(log(records)).keys() == {B}
    # Another computer forgot it too, without knowing of either: that counts.
    records.append((F2, forget(A), times[2]))
    assert forgotten(log(records)).keys() == {A, B}


def test_an_answer_to_what_is_not_there_says_nothing() -> None:
    records: list[tuple[bytes, Body, int]] = [
        (F1, forget(A), 1),
        (U1, UnholdBody(answers=[C]), 2),
        (R1, back(C, A), 3),
    ]
    assert forgotten(log(records)).keys() == {A}


ids = st.sampled_from([A, B, C])
known = st.sampled_from([F1, F2, H1, U1, R1])
bodies = st.one_of(
    st.builds(forget, ids, ids),
    st.builds(hold, ids),
    st.builds(back, known, ids),
    st.builds(lambda answer: UnholdBody(answers=[answer]), known),
)


@given(
    st.lists(bodies, min_size=5, max_size=5),
    st.permutations(range(5)),
    st.lists(st.integers(0, 9), min_size=5),
)
def test_neither_order_nor_clocks_have_a_say(said: list[Body], order: list[int], times: list[int]) -> None:
    records = list(zip((F1, F2, H1, U1, R1), said, range(5), strict=True))
    shuffled = [(records[n][0], records[n][1], times[n]) for n in order]
    assert forgotten(log(records)).keys() == forgotten(log(shuffled)).keys()


@given(st.lists(bodies, min_size=5, max_size=5))
def test_what_is_held_is_never_forgotten(said: list[Body]) -> None:
    journal = log((os.urandom(32), body, 0) for body in said)
    assert not forgotten(journal).keys() & held_snapshots(list_holds(journal))
