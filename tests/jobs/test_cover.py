"""Every pack stands in a group, what is removed is parity that others stand for, and nothing else ever is."""

import random
from pathlib import Path

import pytest

from tests.jobs.paritied import Packs, Watched, rebuilds
from vaultd.errors import Damaged
from vaultd.jobs.cover import drop
from vaultd.store.shelf import packs_of

SIZES = [5000 + 37 * number for number in range(45)]


@pytest.fixture
def copy() -> Watched:
    return Watched()


@pytest.fixture
def packs(tmp_path: Path, copy: Watched) -> Packs:
    return Packs(tmp_path / "fronts", copy)


def test_packs_go_into_groups_of_twenty_and_a_last_one(packs: Packs) -> None:
    packs.add(*SIZES)
    packs.cover()
    assert packs.groups() == [5, 20, 20]
    assert (packs.covered(), len(packs.parity())) == (45, 6)
    before = dict(packs.files)
    assert packs.cover().names == []
    assert packs.files == before


def test_packs_of_about_one_length_stand_together(packs: Packs) -> None:
    """Parity is as long as the longest pack: beside a short one a long one would cost too much."""
    packs.add(*(1 << number for number in range(10, 21) for _ in range(1)), *(3 << 19, 3 << 10))
    packs.cover()
    groups = [[member.size for member in held.members] for held in packs.shelf().groups]
    assert all(max(sizes) < 2 * min(sizes) for sizes in groups)
    assert sorted(map(len, groups)) == [1] * 9 + [2, 2]


def test_a_group_grows_by_what_is_new_and_reads_nothing_else(packs: Packs, copy: Watched) -> None:
    packs.add(*SIZES[:7])
    packs.cover()
    old = packs.parity()
    copy.fetched.clear()
    new = packs.add(*SIZES[7:9], seed=1)
    packs.cover()
    assert sorted(copy.fetched) == sorted([*old, *packs.parity(), *new])  # the new parity was read back
    assert packs.groups() == [9]
    assert not set(old) & set(packs.parity())
    writes = [what for what, name in copy.order if name in {*old, *packs.parity()}]
    assert writes == ["put", "put", "put", "put", "remove", "remove"]


def test_a_lost_parity_file_is_made_anew_as_it_was(packs: Packs) -> None:
    packs.add(*SIZES)
    packs.cover()
    before = dict(packs.files)
    for name in packs.parity()[::2]:
        del packs.files[name]
    assert packs.covered() < 45
    packs.cover()
    assert packs.files == before


def test_parity_that_is_known_to_be_bad_is_made_anew_and_set_aside(packs: Packs) -> None:
    packs.add(*SIZES[:6])
    packs.cover()
    before, (one, other) = dict(packs.files), packs.parity()
    packs.flip(one, 2000)
    packs.flip(other, 3000)
    packs.cover(one, other)
    assert {name: data for name, data in packs.files.items() if name in before} == before
    assert len([name for name in packs.files if name.startswith("quarantine/")]) == 2


def test_parity_that_says_nothing_is_set_aside_when_all_else_is_there(packs: Packs) -> None:
    names = packs.add(*SIZES[:6])
    packs.cover()
    odd = "parity/" + "ab" * 32
    packs.files[odd] = b"not parity at all"
    kept = packs.files.pop(names[0])
    packs.cover()
    assert odd in packs.files  # a pack is gone: it may be the parity of that one
    packs.files[names[0]] = kept
    packs.cover()
    assert odd not in packs.files
    assert any(data == b"not parity at all" for data in packs.files.values())


def test_a_pack_that_is_gone_keeps_its_group(packs: Packs) -> None:
    names = packs.add(*SIZES[:20])
    packs.cover()
    old = packs.parity()
    before = packs.files[names[3]]
    del packs.files[names[3]]
    packs.add(*SIZES[:4], seed=1)
    packs.cover()
    assert set(old) <= set(packs.parity())
    assert packs.rebuild(names[3]) == {names[3]}
    assert packs.files[names[3]] == before


def test_a_group_with_a_pack_that_is_gone_may_grow_and_still_gives_it_back(packs: Packs) -> None:
    names = packs.add(*SIZES[:5])
    packs.cover()
    before = dict(packs.files)
    del packs.files[names[3]]
    packs.add(*SIZES[:4], seed=1)
    packs.cover()
    assert packs.groups() == [9]
    assert packs.rebuild(names[3]) == {names[3]}
    assert packs.files[names[3]] == before[names[3]]


def test_what_was_removed_on_purpose_is_not_waited_for(packs: Packs) -> None:
    """Its group can stand one loss less: the others go into new groups, and then the old parity goes."""
    names = packs.add(*SIZES[:20])
    packs.cover()
    old = packs.parity()
    gone = names[4]
    packs.removed.add(bytes.fromhex(gone[-64:]))
    del packs.files[gone]
    before = dict(packs.files)
    also = names[5]
    del packs.files[also]
    assert packs.rebuild(also, gone) == {also, gone}  # until then it stands for as much as it can
    del packs.files[gone]
    assert packs.files == before
    packs.cover()
    assert packs.groups() == [19]
    assert not set(old) & set(packs.parity())
    rebuilds(packs, [name for name in names if name != gone], random.Random(1))


def test_a_group_of_nothing_but_removed_packs_goes(packs: Packs) -> None:
    names = packs.add(*SIZES[:3])
    packs.cover()
    for name in names:
        packs.removed.add(bytes.fromhex(name[-64:]))
        del packs.files[name]
    packs.cover()
    assert packs.parity() == []


def test_an_emptied_copy_keeps_its_parity(packs: Packs) -> None:
    packs.add(*SIZES)
    packs.cover()
    before = packs.parity()
    for name in [name for name in packs.files if name.startswith("packs/")]:
        del packs.files[name]
    packs.cover()
    assert packs.parity() == before
    assert list(drop(packs.copy, packs.shelf(), packs_of(packs.copy))) == []
    assert packs.parity() == before


def test_a_damaged_pack_is_told_and_left_out(packs: Packs) -> None:
    names = packs.add(*SIZES[:5])
    packs.flip(names[2], 100)
    made = packs.cover()
    assert [(type(error), error.name) for error in made.damage] == [(Damaged, names[2])]
    assert packs.covered() == 4
    del packs.files[packs.parity()[0]]
    del packs.files[names[1]]
    made = packs.cover()
    assert [(type(error), error.name) for error in made.damage] == [(Damaged, names[2])]
    assert packs.covered() == 3
    assert packs.rebuild(names[1]) == {names[1]}  # the half that was left of the group still knows it


def test_a_longer_pack_than_any_program_writes_is_left_out(
    packs: Packs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaultd.jobs.cover.MAX_PARITY_MEMBER", 6000)
    packs.add(5000, 6001)
    packs.cover()
    assert packs.groups() == [1]
