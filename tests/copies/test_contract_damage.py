"""What every copy promises of damaged files, strangers, what is set aside, and many threads at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.copies.places import DEVICE, OTHER_DEVICE, Place, held, one_of_each, pack_of, set_aside
from vaultd.copies.names import unfinished_name
from vaultd.errors import Damaged, Missing, Unreachable

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
WRONG = DATA[:-1] + b"!"


@pytest.mark.parametrize(
    "damage", [WRONG, b"", DATA + b"x", DATA[:100]], ids=["flip", "empty", "long", "short"]
)
def test_damage_is_seen_and_put_sets_it_aside(place: Place, damage: bytes) -> None:
    place.plant(NAME, damage)
    with pytest.raises(Damaged):
        place.copy.fetch(NAME)
    with pytest.raises(Damaged):
        place.copy.read_back(NAME)
    assert place.copy.get(NAME, 0, len(damage) + 1) == damage
    place.copy.put(NAME, DATA)
    assert place.copy.get(NAME, 0, len(DATA)) == place.copy.fetch(NAME) == DATA
    assert set_aside(place.copy) == [damage]
    assert list(held(place.copy)) == [NAME]


def test_the_same_file_is_set_aside_as_often_as_it_is_damaged(place: Place) -> None:
    for damage in (b"one", b"two", b"three"):
        place.plant(NAME, damage)
        place.copy.put(NAME, DATA)
    assert set_aside(place.copy) == [b"one", b"three", b"two"]


def test_without_its_id_a_place_does_not_answer(place: Place) -> None:
    """An emptied place must not look like one that has lost a few files."""
    place.copy.put(NAME, DATA)
    place.take_away("vault.id")
    place.take_away(NAME)
    for read in (place.copy.get, place.copy.fetch, place.copy.read_back):
        with pytest.raises(Unreachable):
            read(NAME)
    for listing in (place.copy.list, place.copy.strangers, place.copy.quarantined):
        with pytest.raises(Unreachable):
            list(listing())


def test_strangers_are_counted_and_left_alone(place: Place) -> None:
    strangers = [
        ".DS_Store",
        "packs/thumbs.db",
        f"packs/00/{'1' * 64}",
        "packs/ab/x",
        "index/x",
        "keys/readme",
    ]
    strangers += [
        "log/notes.txt",
        f"log/{DEVICE}/7-x",
        f"{NAME}.conflict",
        f"{NAME}.{DEVICE}.tmp",
        "readme.txt",
    ]
    unfinished = [unfinished_name(n, DEVICE, "0" * 16) for n in (NAME, "README.txt", "vault.id")]
    for name in strangers + unfinished:
        place.plant(name, b"x")
    place.copy.put(NAME, DATA)
    place.copy.put("README.txt", b"text")
    place.plant(pack_of(b"other"), b"damaged")
    place.copy.quarantine(pack_of(b"other"))
    assert list(held(place.copy)) == [NAME]
    assert sorted(place.copy.strangers()) == sorted(strangers)
    assert place.copy.sweep(DEVICE) == 3
    assert set(place.names()) >= set(strangers)


def test_remove_and_quarantine_need_nothing_to_be_there(place: Place) -> None:
    for _ in range(2):
        place.copy.remove(NAME)
        place.copy.quarantine(NAME)
    assert not list(place.copy.quarantined())


def test_what_is_removed_is_missing(place: Place) -> None:
    place.copy.put(NAME, DATA)
    assert place.copy.get(NAME, 0, 5) == DATA[:5]
    place.copy.remove(NAME)
    for length in (5, None):
        with pytest.raises(Missing):
            place.copy.get(NAME, 0, length)
    assert not held(place.copy)


def test_quarantine_takes_damaged_files_only(place: Place) -> None:
    place.copy.put(NAME, DATA)
    place.copy.quarantine(NAME)
    assert place.copy.fetch(NAME) == DATA
    place.plant(NAME, WRONG)
    assert place.copy.get(NAME, len(DATA) - 1, 1) == b"!"
    for _ in range(2):
        place.copy.quarantine(NAME)
        with pytest.raises(Missing):
            place.copy.get(NAME, len(DATA) - 1, 1)
    assert set_aside(place.copy) == [WRONG]
    place.copy.put(NAME, DATA)
    for _ in range(2):
        place.copy.quarantine(NAME, whole=True)
    assert set_aside(place.copy) == sorted([WRONG, DATA])
    assert not held(place.copy)


def test_sweep_takes_only_this_devices_unfinished_writes(place: Place) -> None:
    mine = [unfinished_name(n, DEVICE, f"{i:016x}") for i, n in enumerate([*one_of_each(DATA), "FORMAT.md"])]
    others = [unfinished_name(NAME, OTHER_DEVICE, "0" * 16), f"x.{DEVICE}.{'0' * 16}.tmp"]
    for name in mine + others:
        place.plant(name, b"half")
    assert place.copy.sweep(DEVICE) == len(mine)
    assert place.copy.sweep(DEVICE) == 0
    assert set(place.names()) == {*others, "vault.id"}


def test_eight_threads_put_the_same(place: Place) -> None:
    place.plant(NAME, WRONG)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            list(pool.map(lambda _: place.copy.put(NAME, DATA), range(8)))
    assert place.copy.fetch(NAME) == DATA
    assert set_aside(place.copy) == [WRONG]
    assert not [name for name in place.names() if name.endswith(".tmp")]


def test_threads_damage_heal_and_read_at_once(place: Place) -> None:
    """Every answer was right at some moment; and nothing whole is ever set aside."""

    def work(turn: int) -> None:
        try:
            use(turn)
        except Unreachable:
            assert not place.steady

    def use(turn: int) -> None:
        if turn % 4 == 0:
            place.copy.quarantine(NAME)
        elif turn % 4 == 1:
            place.copy.put(NAME, DATA)
        elif turn % 4 == 2:
            place.copy.remove(NAME)
        else:
            try:
                assert place.copy.get(NAME, 100, 50) == DATA[100:150]
            except Missing:
                assert {stored.size for stored in place.copy.list()} <= {len(DATA)}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(400)))
    assert not set_aside(place.copy)
