"""Making parity is cut off, done by two at once, or meets a place that is full or lies: packs are never
touched, and whatever could be rebuilt before can be rebuilt after.
"""

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.jobs.paritied import Cut, Packs, Watched, rebuilds
from vaultd.copies.contract import Buffer
from vaultd.copies.memory import MemoryCopy
from vaultd.errors import Damaged, Full

SIZES = [5000 + 37 * number for number in range(45)]


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "fronts")


def test_the_power_goes_before_any_write(tmp_path: Path) -> None:
    """Whatever stands there then: every pack that was covered can be rebuilt, and the next run finishes."""
    cuts = 0
    for cut in range(40):
        copy = Watched()
        packs = Packs(tmp_path / f"fronts{cut}", copy)
        packs.add(*SIZES[:23])
        packs.cover()
        old = {name for name in packs.files if name.startswith("packs/")}
        packs.add(*SIZES[:22], seed=1)
        copy.cut = len(copy.order) + cut
        try:
            packs.cover()
        except Cut:
            cuts += 1
        copy.cut = -1
        assert old | {name for name in packs.files if name.startswith("packs/")} <= packs.files.keys()
        rebuilds(packs, sorted(old), random.Random(cut))
        packs.cover()
        assert packs.groups() == [5, 20, 20]
        assert (packs.covered(), len(packs.parity())) == (45, 6)
    assert cuts >= 6


def test_two_that_tidy_up_at_once_leave_every_pack_covered(tmp_path: Path) -> None:
    """Each makes a group of what it sees, and then both remove what they hold to be superfluous."""
    one, other = Packs(tmp_path / "one", Watched()), Packs(tmp_path / "other", Watched())
    one.add(*SIZES[:5])
    one.cover()
    other.files.update(one.files)
    for each, seed in ((one, 1), (other, 2)):
        each.add(*SIZES[5:8], seed=seed)
        each.cover()
    both = Packs(tmp_path / "both", Watched())
    both.files.update({**one.files, **other.files})
    assert len(both.shelf().groups) == 2
    assert both.covered() == 11
    both.cover()
    assert (both.covered(), both.groups()) == (11, [11])


def test_old_parity_goes_only_when_what_replaces_it_was_read(packs: Packs) -> None:
    """Cut off before the old was removed; by the next run the new has rotted."""
    packs.add(*SIZES[:5])
    packs.cover()
    old = {name: packs.files[name] for name in packs.parity()}
    packs.add(*SIZES[:3], seed=1)
    packs.cover()
    new = packs.parity()
    packs.files.update(old)
    packs.flip(new[0], 3000)
    packs.cover()
    assert set(packs.parity()) == {*old, *new}
    packs.flip(new[0], 3000)
    packs.cover()
    assert packs.parity() == new


class Tight(MemoryCopy):
    """There is room for packs, and for no parity."""

    def put(self, name: str, data: Buffer) -> None:
        if name.startswith("parity/"):
            raise Full(self.label)
        super().put(name, data)


def test_without_room_nothing_is_removed(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "fronts")
    packs.add(*SIZES[:5])
    packs.cover()
    before = packs.parity()
    tight = Packs(tmp_path / "fronts", Tight(b"v" * 16, b"c" * 16, "main"))
    tight.files.update(packs.files)
    tight.add(*SIZES[:2], seed=1)
    with pytest.raises(Full):
        tight.cover()
    assert tight.parity() == before


class Lying(MemoryCopy):
    """It says that it wrote, and keeps something else."""

    def put(self, name: str, data: Buffer) -> None:
        super().put(name, data)
        if name.startswith("parity/"):
            self.files[name] = b"\0" * len(self.files[name])


def test_parity_that_was_not_kept_takes_the_place_of_none(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "fronts")
    packs.add(*SIZES[:5])
    packs.cover()
    before = packs.parity()
    lying = Packs(tmp_path / "fronts", Lying(b"v" * 16, b"c" * 16, "main"))
    lying.files.update(packs.files)
    lying.add(*SIZES[:2], seed=1)
    with pytest.raises(Damaged):
        lying.cover()
    assert set(before) <= set(lying.parity())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("apcdr"), st.integers(0, 10_000)), max_size=14))
def test_whatever_happens_no_pack_is_touched_and_the_next_run_covers_all(
    steps: list[tuple[str, int]],
) -> None:
    """Added, parity removed by somebody, covered, cut off, removed on purpose."""
    copy = Watched()
    packs = Packs(None, copy)
    expected: dict[str, bytes] = {}
    for number, (step, value) in enumerate(steps):
        chosen = random.Random(value)
        if step == "a":
            names = packs.add(
                *(chosen.randrange(1024, 5000) for _ in range(chosen.randrange(1, 9))), seed=number
            )
            expected |= {name: packs.files[name] for name in names}
        elif step == "p" and packs.parity():
            del packs.files[chosen.choice(packs.parity())]
        elif step == "d":
            copy.cut = len(copy.order) + value % 7
            with suppress(Cut):
                packs.cover()
            copy.cut = -1
        elif step == "r" and expected:
            name = chosen.choice(sorted(expected))
            packs.removed.add(bytes.fromhex(name[-64:]))
            del expected[name]
            del packs.files[name]
        elif step == "c":
            packs.cover()
    packs.cover()
    assert {name: data for name, data in packs.files.items() if name.startswith("packs/")} == expected
    assert packs.covered() == len(expected)
    if len(expected) > 2:
        rebuilds(packs, sorted(expected), random.Random(len(steps)))
    files = dict(packs.files)
    assert packs.cover().names == []
    assert packs.files == files
