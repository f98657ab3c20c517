"""What every copy promises, asked of every kind of copy."""

import re
from collections.abc import Callable

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Place, held, one_of_each, pack_of
from vaultd.copies.contract import FILE_LIMIT, Stored
from vaultd.copies.identity import VaultId
from vaultd.errors import Missing, Unreachable
from vaultd.ids import TEXTS

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
WRONG = DATA[:-1] + b"!"


def test_everything_put_comes_back(place: Place) -> None:
    files = one_of_each(DATA)
    for name, data in files.items():
        place.copy.put(name, data)
    for name, data in files.items():
        assert place.copy.get(name) == place.copy.fetch(name) == data
        place.copy.read_back(name)
    assert held(place.copy) == {name: len(data) for name, data in files.items()}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_can_be_put(place: Place, kind: Callable[[bytes], bytes]) -> None:
    place.copy.put(NAME, kind(DATA))
    assert place.copy.fetch(NAME) == DATA


def test_a_buffer_used_again_changes_nothing(place: Place) -> None:
    buffer = bytearray(DATA)
    place.copy.put(NAME, memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert place.copy.fetch(NAME) == DATA


def test_no_bytes_are_a_file_too(place: Place) -> None:
    place.copy.put(pack_of(b""), b"")
    assert place.copy.fetch(pack_of(b"")) == b""
    assert held(place.copy) == {pack_of(b""): 0}
    place.copy.read_back(pack_of(b""))


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, 10, DATA[:10]),
        (100, 0, b""),
        (100, 1000, DATA[100:1100]),
        (5, None, DATA[5:]),
        (-10, None, DATA[-10:]),
        (-10, 4, DATA[-10:-6]),
        (-10, 100, DATA[-10:]),
        (len(DATA) - 3, 100, DATA[-3:]),
        (len(DATA), 1, b""),
        (len(DATA) + 5, 1, b""),
        (-len(DATA) - 50, 7, DATA[:7]),
        (0, 1 << 60, DATA),
    ],
)
def test_a_range_is_what_there_is_of_it(
    place: Place, offset: int, length: int | None, expected: bytes
) -> None:
    place.copy.put(NAME, DATA)
    assert place.copy.get(NAME, offset, length) == expected
    assert place.copy.get(NAME, offset, length) == expected  # now perhaps from a file kept open
    if offset >= 0 and length is not None:
        out = bytearray(min(length, 2 * len(DATA)))
        assert place.copy.get_into(NAME, offset, memoryview(out)) == len(expected)
        assert out == expected.ljust(len(out), b"\0")


def test_putting_the_same_again_changes_nothing(place: Place) -> None:
    place.copy.put(NAME, DATA)
    before = sorted(place.names())
    place.copy.put(NAME, DATA)
    assert sorted(place.names()) == before


def test_what_is_not_there_is_missing(place: Place) -> None:
    for read in (place.copy.get, place.copy.fetch, place.copy.read_back):
        with pytest.raises(Missing) as caught:
            read(NAME)
        assert (caught.value.name, caught.value.copy) == (NAME, place.copy.label)
    with pytest.raises(Missing):
        place.copy.get("README.txt")


MISNAMED = {
    *("", "packs", "packs/", f"../{NAME}", f"/{NAME}", NAME.upper(), f"{NAME}.tmp", f"{NAME}\n"),
    *(f"packs/00/{'f' * 64}", f"log/{NAME}", "quarantine/..", "quarantine/x/y", "vault.id/x", "notes.txt"),
}


@pytest.mark.parametrize("name", sorted(MISNAMED))
def test_a_name_of_another_shape_is_the_callers_mistake(place: Place, name: str) -> None:
    copy, before = place.copy, sorted(place.names())
    for use in (copy.get, copy.fetch, copy.read_back, copy.remove, copy.quarantine):
        with pytest.raises(ValueError, match=re.escape(name) or None):
            use(name)
    with pytest.raises(ValueError, match=re.escape(name) or None):
        copy.put(name, DATA)
    assert sorted(place.names()) == before


@pytest.mark.parametrize("name", TEXTS)
def test_the_texts_are_read_but_never_taken_for_content(place: Place, name: str) -> None:
    place.plant(name, DATA)
    assert place.copy.get(name) == DATA
    for use in (place.copy.fetch, place.copy.read_back, place.copy.remove, place.copy.quarantine):
        with pytest.raises(ValueError, match=name):
            use(name)
    assert place.copy.get(name) == DATA


def test_the_id_is_never_written_again(place: Place) -> None:
    with pytest.raises(ValueError, match=r"vault\.id"):
        place.copy.put("vault.id", b"")
    assert VaultId.decode(place.copy.get("vault.id")) == VaultId(VAULT, COPY)
    assert place.copy.copy_id == COPY


def test_a_text_is_replaced(place: Place) -> None:
    for text in (b"old", b"old", b"new and longer", b""):
        place.copy.put("README.txt", text)
        assert place.copy.get("README.txt") == text
    assert sorted(place.names()) == ["README.txt", "vault.id"]


def test_list_gives_whole_folders(place: Place) -> None:
    files = one_of_each(DATA)
    for name, data in files.items():
        place.copy.put(name, data)
    for prefix in (
        "packs/",
        "index/",
        "keys/",
        "log/",
        f"log/{DEVICE}/",
        NAME[:9],
        "log/" + "0" * 16 + "/",
        "x",
    ):
        expected = {Stored(name, len(data)) for name, data in files.items() if name.startswith(prefix)}
        assert set(place.copy.list(prefix)) == expected


def test_what_is_too_long_is_refused_unread(place: Place) -> None:
    with pytest.raises(ValueError, match=NAME):
        place.copy.put(NAME, memoryview(bytes(FILE_LIMIT + 1)))
    assert not held(place.copy)


def test_a_closed_copy_does_not_answer(place: Place) -> None:
    place.copy.put(NAME, DATA)
    place.copy.get(NAME, 0, 1)
    place.copy.close()
    place.copy.close()
    uses: list[Callable[[], object]] = [
        lambda: place.copy.get(NAME, 0, 1),
        lambda: place.copy.fetch(NAME),
        lambda: place.copy.read_back(NAME),
        lambda: place.copy.put(NAME, DATA),
        lambda: place.copy.remove(NAME),
        lambda: place.copy.quarantine(NAME),
        lambda: place.copy.sweep(DEVICE),
        lambda: list(place.copy.list()),
        lambda: list(place.copy.strangers()),
        lambda: list(place.copy.quarantined()),
        place.copy.space,
    ]
    for use in uses:
        with pytest.raises(Unreachable):
            use()


def test_space_is_never_more_free_than_there_is(place: Place) -> None:
    space = place.copy.space()
    assert 0 <= space.free <= space.total
